# SPDX-License-Identifier: Apache-2.0
"""Controls: with a protection taken away, the same checks find the harm. A test that cannot fail proves nothing."""

from __future__ import annotations

import signal

import pytest

from tests.crash.points import arm
from tests.crash.processes import start, until
from tests.crash.test_zombies import haunt
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""


async def test_an_engine_that_forgets_its_journal_is_found_out(world: World) -> None:
    await world.book(1)
    arm(world.traps(), "begin.committed", passage=3)
    engine = await start(world.setting())
    assert await engine.dead() == -signal.SIGKILL
    await world.died()
    engine = await start(world.setting(mutant="forgets steps"), cold=True)
    await until(world.all_completed, "the booking is completed")
    await engine.stop()
    found = await world.violations()
    assert any("recorded as done, and executed again" in line for line in found), found


async def test_an_engine_without_the_fence_is_found_out(world: World) -> None:
    before, after = await haunt(world, "end.committed", mutant="no fence")
    assert after != before
