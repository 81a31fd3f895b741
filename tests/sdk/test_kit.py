# SPDX-License-Identifier: Apache-2.0
"""What an author imports: the decorators, the errors, and nothing that drags the product along."""

from __future__ import annotations

import subprocess
import sys

import pytest

from preroll import sdk
from preroll.sdk import DeviceError, Script, ScriptError, lso, profile_load, start_failure


@pytest.mark.parametrize(
    ("decorator", "kind"), [(lso, "lso"), (profile_load, "profile_load"), (start_failure, "start_failure")]
)
def test_a_decorator_declares_and_leaves_the_function_as_it_is(decorator, kind):
    def on_air(ctx):
        return ctx

    bare = decorator(on_air)
    assert bare is on_air
    assert bare(5) == 5
    assert bare.preroll_script == Script(kind, "on_air")
    assert decorator(name="red light")(lambda ctx: ctx).preroll_script == Script(kind, "red light")


RETRYABLE = {"Unreachable", "TimedOut", "Busy", "CheckFailed"}


def test_whether_another_attempt_may_help_is_a_property_of_the_error():
    errors = {
        name: e for name in sdk.__all__ if isinstance(e := getattr(sdk, name), type) and issubclass(e, DeviceError)
    }
    assert {name for name, error in errors.items() if error.retryable} == RETRYABLE


def test_every_error_is_in_the_drawing():
    drawn = set((sdk.errors.__doc__ or "").replace("(", " ").split())
    errors = [e for e in vars(sdk).values() if isinstance(e, type) and issubclass(e, DeviceError | ScriptError)]
    assert {error.__name__ for error in errors} <= drawn


def test_importing_the_kit_imports_no_framework():
    code = "import sys, preroll.sdk; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sqlalchemy", "fastapi", "pydantic", "httpx", "msgspec", "asyncio"} & set(eval(done.stdout))
