# SPDX-License-Identifier: Apache-2.0
"""SIGSTOP for longer than the lease: another takes over, and who comes back finds every door closed."""

from __future__ import annotations

import signal

import pytest

from tests.crash.points import arm, armed
from tests.crash.processes import EngineProcess, start, state_of, until
from tests.crash.world import Record, World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

BOOKINGS = 10
SECOND = 1_000_000


async def haunt(world: World, point: str, mutant: str = "") -> tuple[Record, Record]:
    """Stop an engine at a point, let another finish its work, wake it up.

    Returns:
        What the journal said before the zombie came back, and after it had nothing left to do.
    """
    await world.book(BOOKINGS)
    arm(world.traps("A"), point, passage=2, sent=signal.SIGSTOP)
    zombie = await start(world.setting("A", only=False, lease_us=SECOND, finishes=False, mutant=mutant))
    await until(lambda: state_of(zombie.pid) == "T", f"the engine is stopped at {point}")
    heir = await start(world.setting("B", only=False, lease_us=SECOND))
    await until(world.all_completed, "the other engine has completed all bookings")
    await heir.stop()
    before = await world.record()
    said = len(zombie.lines)
    zombie.send(signal.SIGCONT)
    await until(
        lambda: any(line.startswith("over") for line in zombie.lines[said:]), "the zombie has given up its runs"
    )
    after = await world.record()
    await zombie.stop()
    return before, after


@pytest.mark.parametrize("point", ["claim.committed", "begin.committed", "end.committed"])
async def test_a_stopped_engine_is_fenced(world: World, point: str) -> None:
    before, after = await haunt(world, point)
    assert before.running == 0
    assert after == before
    assert await world.violations() == []


async def test_a_stopped_host_is_replaced(world: World) -> None:
    engine: EngineProcess = await start(world.setting(silence=1.0))
    await engine.ready()
    arm(world.traps(), "host.begun", passage=3, sent=signal.SIGSTOP)
    await world.book(BOOKINGS)
    await until(world.all_completed, "all bookings are completed although a host stands still")
    assert not armed(world.traps(), "host.begun")
    await engine.stop()
    assert await world.violations() == []
