# SPDX-License-Identifier: Apache-2.0
"""Use cases on the inline set, in virtual time."""

from __future__ import annotations

import pytest

from preroll.bootstrap.inline import inline_set
from preroll.bootstrap.virtual import VirtualLoop
from preroll.domain.window import DAY
from tests.builders import NOON
from tests.system.stage import Cast, Stage, furnish


def pytest_asyncio_loop_factories(config, item):
    """The loop under each test."""
    return {"virtual": lambda: VirtualLoop(NOON - DAY)}


@pytest.fixture
async def stage():
    """The inline set with a small catalogue."""
    cast = Cast()
    async with inline_set(cast.scripts) as rig:
        await furnish(rig.app)
        yield Stage(rig, cast)
