# SPDX-License-Identifier: Apache-2.0
"""The story of the circuits: one of them carries traffic from the beginning to the end.

Beside it other ones are booked over the same two devices, and one of these is down, slow, or lies. Each act keeps out
of the way of ``kill -9``; the traffic does not have to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from preroll.client import calls
from preroll.client.things import Booking, Round
from preroll.demo import line_story as line
from preroll.demo.cast import BACKUP, GUEST, LINK, NIGHT, Link
from preroll.demo.evidence import Harm
from preroll.demo.plane import DEVICES
from preroll.demo.stage import LOOK, Stage

if TYPE_CHECKING:
    from preroll.testing.netconf_device import NetconfDevice

ACT = 9.0
"""Seconds for which an act, with the look at the circuit after it, wants the engine alive."""
LATE = 1.5
"""Seconds that the slow device takes for a commit."""
FAR = DEVICES[1]
"""The device that is broken."""


async def circuits(stage: Stage) -> None:
    """From the first to the last; what comes in the way of one act does not hinder the next."""
    await _together(stage, ("the circuit", up(stage)), ("the line", line.provisioned(stage)))
    await stage.played("a device is down", down(stage))
    await _together(
        stage,
        ("a device is down: the circuit", steady(stage)),
        ("a device is slow", slow(stage)),
        ("a device is back, and changed by hand: the line", line.mended(stage)),
    )
    await _together(stage, ("a device is slow: the circuit", steady(stage)), ("a device lies", lies(stage)))
    await stage.played("a device lies: the circuit", steady(stage))
    await _together(stage, ("the end of the circuit", over(stage)), ("the end of the line", line.over(stage)))
    stage.evidence.left = stage.network.configured()


async def up(stage: Stage) -> None:
    """(e) A circuit over two devices: both are changed, something gets through, it is decided, then looked at."""
    stage.say(f"{LINK.name}: a circuit of {LINK.kbit} kbit/s over {' and '.join(DEVICES)}, changed as one.")
    since = datetime.now(UTC)
    link = await stage.dial(LINK)
    await stage.until(LINK, "Service Active")
    stage.note(LINK, told(await stage.looked_at(calls.booking_audits(link.id), since)))


async def down(stage: Stage) -> None:
    """(f) One of the two devices is down: the booking fails, and the other device is as before."""
    async with harmed(stage, BACKUP) as device:
        stage.say(f"{FAR} goes down. {BACKUP.name} needs both devices, and fails; {LINK.name} goes on.")
        await device.close()
        async with asyncio.TaskGroup() as both:
            both.create_task(stage.played("a device is down: the line", line.fails(stage)))
            await stage.dial(BACKUP)
            await stage.until(BACKUP, "Failed Service Active")
        stage.note(BACKUP, f"{FAR} was down: nothing was changed")


async def slow(stage: Stage) -> None:
    """(g) One device takes its time for every commit: it is late, and it is right."""
    async with harmed(stage, NIGHT) as device:
        stage.say(f"{FAR} takes {LATE:g} s for each commit. {NIGHT.name} is late, and right.")
        device.fault("slow", seconds=LATE, on="commit")
        await stage.dial(NIGHT)
        await stage.until(NIGHT, "Service Active")
        stage.note(NIGHT, "late, and right")


async def lies(stage: Stage) -> None:
    """(h) One device says ok to the commit and does nothing: it is found, and taken back everywhere."""
    async with harmed(stage, GUEST) as device:
        stage.say(f"{FAR} lies: it says ok to each commit, and does nothing. {GUEST.name} is taken back from both.")
        device.fault("lie")
        await stage.dial(GUEST)
        await stage.until(GUEST, "Failed Service Active")
        stage.note(GUEST, f"{FAR} lied: taken back from both")


async def over(stage: Stage) -> None:
    """(i) Finished early: nothing may get through any more, and nothing is left on the devices."""
    stage.say(f"{LINK.name} is not needed any more: finish. From now on nothing may get through.")
    since = datetime.now(UTC)
    for link in (LINK, NIGHT):
        await stage.act(await found(stage, link), "finish", why="no more to carry")
        await stage.until(link, "Post-roll", "Completed")
    for link in (LINK, NIGHT):
        stage.note(link, told(await stage.looked_at(calls.booking_audits((await found(stage, link)).id), since)))
    await stage.until(LINK, "Completed")


async def _together(stage: Stage, *acts: tuple[str, Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as together:
        for name, act in acts:
            together.create_task(stage.played(name, act))


@asynccontextmanager
async def harmed(stage: Stage, link: Link) -> AsyncIterator[NetconfDevice]:
    """The device that is broken; it is mended again. What both were configured to before and after is kept."""
    await stage.quiet(ACT)
    device, before = stage.network.devices[FAR], stage.network.configured()
    try:
        yield device
    finally:
        device.fault("none")
        if not device.serving:
            await device.start()
    stage.evidence.harms[link.name] = Harm(before, stage.network.configured())


async def steady(stage: Stage) -> None:
    """Look at the circuit that was up all the time."""
    await stage.quiet(LOOK)
    since = datetime.now(UTC)
    link = await stage.act(await found(stage, LINK), "audit")
    stage.evidence.steady.append(await stage.looked_at(calls.booking_audits(link.id), since))


async def found(stage: Stage, link: Link) -> Booking:
    """A circuit's booking as it is now. Raises LookupError: it was never made."""
    booking = stage.board.booking(link.name)
    if booking is None:
        raise LookupError(f"{link.name} was not booked")
    return await stage.booking(booking.id)


def told(looks: Round) -> str:
    """What a round of checks found, in a line."""
    return ", ".join(f"{check.name} {check.state}: {check.found}" for check in looks.checks if check.kind != "config")
