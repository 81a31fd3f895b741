# SPDX-License-Identifier: Apache-2.0
"""The story of ``preroll demo``. Read it from the top: it is what happens.

The circuits have a story of their own, which is told at the same time. Both speak to Preroll
through the REST client alone, as any user would.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from preroll.audits.stream import Expect, stream
from preroll.client import Problem
from preroll.demo.cast import BRIEFING, GALA, LIGHTS, LINK, NEWS, OUTAGE_ON_AIR, STADIUM, WEATHER, Half
from preroll.demo.circuit_story import circuits
from preroll.demo.evidence import gather
from preroll.demo.stage import Stage
from preroll.sdk import Audit

BUSY = 20.0
"""Seconds in which a further look at what goes on may begin: a machine that is busy sends in bursts."""
PAUSE = 1.5
"""Seconds that the engine stays dead, as if a person or a supervisor had to notice it."""


async def tell(stage: Stage) -> None:
    """The whole story, from the first booking to the evidence."""
    stage.begin = _whole_second(datetime.now(UTC))
    async with asyncio.TaskGroup() as halves:
        if Half.MEDIA in stage.evidence.halves:
            halves.create_task(media(stage))
        if Half.CIRCUIT in stage.evidence.halves:
            halves.create_task(circuits(stage))
    stage.evidence.closed = datetime.now(UTC)
    await stage.played("the evidence", gather(stage.evidence, stage.client, stage.world))


async def media(stage: Stage) -> None:
    """Three chains of encoder, decoder and recorder, two lights, and six acts, most of them at the same time."""
    stage.say("Three bookings, three chains. The encoder of the second one lies: it says ok, and does nothing.")
    await stage.world.fault("enc-2", "lie")
    async with asyncio.TaskGroup() as acts:
        for name, act in (
            ("the contribution", contribution(stage)),
            ("the lie", lie(stage)),
            ("changes of mind", changes_of_mind(stage)),
            ("the lights", lights(stage)),
            ("crash on the air", crash_on_air(stage)),
            ("crash in a script", crash_in_script(stage)),
        ):
            acts.create_task(stage.played(name, act))


async def contribution(stage: Stage) -> None:
    """(a) From a camera to a recorder: on the air on time, looked at, recorded, and everything reset after."""
    await stage.book(NEWS)
    await stage.until(NEWS, "Pre-roll")
    stage.note(NEWS, "picture looked at, recorder armed")
    await stage.until(NEWS, "Service Active")
    stage.note(NEWS, "on the air, recording")
    await stage.until(NEWS, "Post-roll", "Completed")
    stage.note(NEWS, "recording played")
    await stage.until(NEWS, "Completed")
    stage.note(NEWS, "all devices reset")


async def lie(stage: Stage) -> None:
    """(b) The encoder answers ok and keeps its old values. The check set reads them back, and finds it."""
    booking = await stage.book(STADIUM)
    await stage.until(STADIUM, "Failed Service Pre-Roll")
    stage.say("The check set has found the lie. The encoder is repaired, and an operator retries.")
    stage.note(STADIUM, "repaired; retry")
    await stage.world.fault("enc-2", "none")
    await stage.act(booking, "retry", why="encoder repaired")
    await stage.until(STADIUM, "Pre-roll")
    stage.note(STADIUM, "picture looked at, recorder armed")
    await stage.until(STADIUM, "Service Active")
    stage.note(STADIUM, "on the air, recording")
    await stage.until(STADIUM, "Completed")
    stage.note(STADIUM, "all devices reset")


async def changes_of_mind(stage: Stage) -> None:
    """(c) A cancel, and an on-hold."""
    gala = await stage.book(GALA)
    await stage.at(6)
    stage.say(f"{WEATHER.name} wants what {GALA.name} holds: refused. {GALA.name} is canceled: now it is free.")
    try:
        await stage.client.send(WEATHER.booked(stage.world, stage.begin, stage.tempo))
    except Problem as problem:
        stage.evidence.refusal = " ".join([problem.detail, *(clash.rival_name for clash in problem.clashes)])
    await stage.act(gala, "cancel", why="rained off")
    weather = await stage.book(WEATHER)
    await stage.act(weather, "hold")
    stage.note(WEATHER, "on hold: nothing may run")


async def lights(stage: Stage) -> None:
    """(e) A list of resources, without a service definition: their profiles are loaded at START, taken back at STOP."""
    await stage.book(LIGHTS)
    await stage.until(LIGHTS, "Service Active")
    stage.note(LIGHTS, "the lights are red")
    await stage.until(LIGHTS, "Completed")
    stage.note(LIGHTS, "the lights are off")


async def crash_on_air(stage: Stage) -> None:
    """(d) kill -9 while the news is on the air, one second before the stadium is due to go on the air."""
    await stage.at(OUTAGE_ON_AIR)
    await stage.until(NEWS, "Service Active")
    stage.say(f"kill -9 {stage.server.pid}: the engine is dead. {NEWS.name} is on the air: is there a picture?")
    await stage.outage(_what_is_up(stage))


async def _what_is_up(stage: Stage) -> tuple[Audit, Audit | None]:
    """Decode the picture, measure the circuit; a supervisor takes that long to notice that the engine is dead."""
    expect = Expect(codec="h264", size="640x360", audio=True)
    circuit = Half.CIRCUIT in stage.evidence.halves and stage.board.booking(LINK.name)
    picture, rate, _ = await asyncio.gather(
        stream(stage.world.monitor(NEWS.chain), expect),
        stage.network.measure(LINK.port, LINK.kbit, within=BUSY) if circuit else _nothing(),
        asyncio.sleep(PAUSE),
    )
    stage.say(f"Picture {picture.state.value}{f', circuit {rate.state.value}' if rate else ''}, with no engine.")
    return picture, rate


async def _nothing() -> None:
    """As long as it takes to notice."""
    await asyncio.sleep(PAUSE)


async def crash_in_script(stage: Stage) -> None:
    """(d) A recorder that nobody named; kill -9 while a script waits for an encoder that has its order; a finish."""
    node = f"enc-{BRIEFING.chain}"
    await stage.survived(1)
    await stage.until(STADIUM, "Service Active")
    await stage.world.fault(node, "slow", seconds=PAUSE, times=1, on="PATCH")
    briefing = await stage.book_at_short_notice(BRIEFING)
    recorder = briefing.nodes["recorder"].name
    stage.say(f"{BRIEFING.name} names no recorder. Two are taken then: its node takes {recorder} by itself.")
    stage.note(BRIEFING, f"{node} takes its time")
    async with asyncio.timeout(stage.left):
        while not (await stage.world.status(node))["orders"]:
            await asyncio.sleep(0.03)
    stage.say(f"kill -9 {stage.server.pid}: {node} has its order and has not answered.")
    await stage.outage(_nothing())
    stage.note(BRIEFING, "taken over in the middle of its script")
    await stage.until(BRIEFING, "Service Active")
    await asyncio.sleep(1)
    stage.say(f"{BRIEFING.name} is over early: finish. Post-roll begins now.")
    await stage.act(briefing, "finish", why="nobody has a question")
    await stage.until(BRIEFING, "Completed")
    stage.note(BRIEFING, "all devices reset")


def _whole_second(now: datetime) -> datetime:
    return now.replace(microsecond=0) + timedelta(seconds=1)
