# SPDX-License-Identifier: Apache-2.0
"""The decorators that declare a function a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, overload

F = TypeVar("F", bound=Callable[..., object])
_LONGEST = 200
"""Characters of a script's name."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a decorator leaves on a function, as its attribute ``preroll_script``."""

    kind: str
    """``lso``, ``profile_load``, ``start_failure`` or ``created_action``."""
    name: str


def _declare(kind: str, function: F | None, name: str | None) -> F | Callable[[F], F]:
    """With or without brackets."""
    return (lambda f: _declared(kind, f, name)) if function is None else _declared(kind, function, name)


def _declared(kind: str, function: F, name: str | None) -> F:
    """Leave the declaration on the function.

    Raises:
        TypeError: it is no function, it is declared already, or its name cannot be one.
    """
    if isinstance(function, str):
        raise TypeError(f"@{kind}({function!r}): write @{kind}(name={function!r})")
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"@{kind} is for a function, and {function!r} is none")
    if isinstance(declared := getattr(function, "preroll_script", None), Script):
        raise TypeError(f"{declared.name} is declared with @{declared.kind} already: one function, one declaration")
    name = function.__name__ if name is None else name
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or not name.isprintable() or name != name.strip():
        raise TypeError(f"@{kind}(name={name!r}): give it a name of 1 to {_LONGEST} characters, in one line")
    function.preroll_script = Script(kind, name)  # type: ignore[attr-defined]
    return function


@overload
def lso(function: F, /) -> F: ...
@overload
def lso(*, name: str) -> Callable[[F], F]: ...
def lso(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Declare an LSO script: brings a booking's service from one service state to another."""
    return _declare("lso", function, name)


@overload
def profile_load(function: F, /) -> F: ...
@overload
def profile_load(*, name: str) -> Callable[[F], F]: ...
def profile_load(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Declare a profile-load script: configures one resource through its driver."""
    return _declare("profile_load", function, name)


@overload
def created_action(function: F, /) -> F: ...
@overload
def created_action(*, name: str) -> Callable[[F], F]: ...
def created_action(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Declare a created booking action: runs before a booking is Confirmed; may assign resources and set values."""
    return _declare("created_action", function, name)


@overload
def start_failure(function: F, /) -> F: ...
@overload
def start_failure(*, name: str) -> Callable[[F], F]: ...
def start_failure(function: F | None = None, /, *, name: str | None = None) -> F | Callable[[F], F]:
    """Declare a start failure script: runs when a booking fails, for instance to send a report."""
    return _declare("start_failure", function, name)
