# SPDX-License-Identifier: Apache-2.0
"""Tasks that a script begins: awaited, they are its own; left running, they are stopped and told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from preroll.domain.boundaries import Outcome
from preroll.ports.rows import Severity
from tests.scripts.devices import FileDevice
from tests.scripts.rig import Room

SCRIPTS = """
import asyncio

KEPT = set()
STOPPED = []

async def watch(name):
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        STOPPED.append(name)

async def beyond(ctx):
    await ctx.step("inner", lambda key: None)

@lso
async def leaves(ctx):
    KEPT.add(asyncio.create_task(watch("one")))
    async def group():
        await watch("two")
    KEPT.add(asyncio.create_task(group()))
    await asyncio.sleep(0)

@lso
async def leaves_and_fails(ctx):
    KEPT.add(asyncio.create_task(watch("three")))
    await asyncio.sleep(0)
    raise GiveUp("no signal")

@lso
async def tidy(ctx):
    KEPT.add(asyncio.create_task(beyond(ctx)))
    await asyncio.gather(ctx.apply_profile("encoder"), asyncio.sleep(0))
    task = asyncio.create_task(watch("four"))
    await asyncio.sleep(0)
    task.cancel()

@lso
async def tells(ctx):
    ctx.give("stopped", sorted(STOPPED))
    ctx.give("running", sum(not task.done() for task in KEPT))
"""


def warnings(room: Room) -> list[str]:
    return [line.text for line in room.ledger.lines if line.severity is Severity.WARNING]


async def test_a_task_that_is_left_running_is_stopped_and_told(room: Room) -> None:
    room.write("left.py", SCRIPTS)
    pool = await room.pool(hosts=1)
    report = await room.report(pool, room.order("leaves"))
    assert (report.outcome, report.message) == (Outcome.OK, "")
    (told,) = warnings(room)
    assert told == (
        "the script ended while leaves.<locals>.group, watch still ran, begun and not awaited: they were stopped; "
        "await every task before the script ends"
    )
    report = await room.report(pool, room.order("tells"))
    assert report.returned == {"stopped": ["one", "two"], "running": 0}


async def test_a_script_that_fails_stops_its_tasks_without_a_further_word(room: Room) -> None:
    room.write("left.py", SCRIPTS)
    pool = await room.pool(hosts=1)
    report = await room.report(pool, room.order("leaves_and_fails"))
    assert (report.outcome, report.message) == (Outcome.FAILED, "no signal")
    assert warnings(room) == []
    assert (await room.report(pool, room.order("tells"))).returned == {"stopped": ["three"], "running": 0}


@pytest.mark.parametrize("driver", ["file", "keeps"])
async def test_tasks_that_end_and_those_of_drivers_are_no_matter(room: Room, driver: str) -> None:
    room.write("left.py", SCRIPTS)
    drivers = {"file": "tests.scripts.devices:FileDevice", "keeps": "tests.scripts.test_tasks_left:Keeping"}
    pool = await room.pool(hosts=1, drivers=drivers)
    report = await room.report(pool, room.order("tidy", replace(room.equipment("encoder"), driver=driver)))
    assert (report.outcome, report.message) == (Outcome.OK, "")
    assert warnings(room) == []


class Keeping(FileDevice):
    """A driver with a task of its own for as long as its session is open."""

    async def open(self) -> None:
        await super().open()
        self.reader = asyncio.create_task(asyncio.sleep(3600))

    async def close(self) -> None:
        self.reader.cancel()
        await super().close()
