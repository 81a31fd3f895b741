# SPDX-License-Identifier: Apache-2.0
"""Every test of this room plays in virtual time: a day passes in a moment, and nothing waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from preroll.bootstrap.inline import inline_set
from preroll.bootstrap.virtual import VirtualLoop
from preroll.domain.window import DAY
from tests.builders import NOON
from tests.system.stage import Cast, Stage, furnish


def pytest_asyncio_loop_factories(config, item):
    """The loop under each test: its wall clock begins a day before the built booking."""
    return {"virtual": lambda: VirtualLoop(NOON - DAY)}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """What web libraries give to a thread is done on the loop: while it waits for one, virtual time would go on."""

    async def at_once(function: Callable[..., Any], *args: Any, **_: object) -> Any:
        return function(*args)

    monkeypatch.setattr("anyio.to_thread.run_sync", at_once)


@pytest.fixture
async def stage():
    """The inline set with a small catalogue, and scripts that do as a test tells them."""
    cast = Cast()
    async with inline_set(cast.scripts) as rig:
        await furnish(rig.app)
        yield Stage(rig, cast)
