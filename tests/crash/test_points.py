# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each named point of claim, begin, end and settle, of engine and of script host."""

from __future__ import annotations

import random
import signal

import pytest

from tests.crash.points import ENGINE, HOST, arm, armed
from tests.crash.processes import start, until
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

BATCH = 4
"""Bookings that are added for each point."""


async def test_the_engine_dies_at_every_point(world: World) -> None:
    """Each engine resumes what the one before left, gets new bookings, and dies at the next point."""
    rng = random.Random(20261)
    for point in ENGINE:
        await world.book(BATCH)
        arm(world.traps(), point, passage=rng.randint(1, 4))
        engine = await start(world.setting())
        assert await engine.dead() == -signal.SIGKILL, point
        assert not armed(world.traps(), point), point
        await world.died()
    engine = await start(world.setting())
    await until(world.all_completed, "all bookings are completed")
    await engine.stop()
    assert await world.violations() == []


async def test_a_host_dies_at_every_point(world: World) -> None:
    """The engine lives on and resumes the runs of the dead host in others."""
    engine = await start(world.setting())
    await engine.ready()
    for point in HOST:
        arm(world.traps(), point)
        await world.book(BATCH)
        await until(world.all_completed, f"all bookings are completed after a host died at {point}")
        assert not armed(world.traps(), point), point
    await engine.stop()
    assert await world.violations() == []
