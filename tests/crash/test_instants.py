# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random instants, of engines and of script hosts, until well over 200 runs of 3 steps were in danger."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from tests.crash.processes import end, start, until
from tests.crash.world import STATES, World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

RUNS = 200
KILLS = 8
"""Kills that found runs under way."""
WORK = 0.1
"""Seconds that a step takes at most: runs are under way when the kill comes."""


async def test_random_kills_lose_and_repeat_nothing(world: World) -> None:
    rng = random.Random(20262)
    await world.prepare(bound=24)
    found_running = idle = 0
    while found_running < KILLS:
        if len(world.booked) * len(STATES) < RUNS or await world.all_completed():
            await world.book(RUNS // len(STATES) // KILLS + 1, work_s=WORK)
        engine = await start(world.setting(dies_after=rng.uniform(0.05, 0.5) * (1 + idle)))
        await engine.ready()
        if shared := engine.hosts:
            threading.Timer(rng.uniform(0.01, 0.3), end, (rng.choice(shared),)).start()
        assert await engine.dead() == -signal.SIGKILL
        found = (await world.died()).running > 0
        found_running, idle = found_running + found, 0 if found else idle + 1  # on a slow machine they live longer
    assert len(world.booked) * len(STATES) >= RUNS
    engine = await start(world.setting())
    await until(world.all_completed, "all bookings are completed")
    await engine.stop()
    assert await world.violations() == []
