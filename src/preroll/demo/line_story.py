# SPDX-License-Identifier: Apache-2.0
"""The story of the line: a service without an end, ordered over the two devices that also carry what is booked.

It is checked before anything is written, deployed at its time, changed, and in the end taken away. While a device is
down it stays as it was; what somebody does to a device behind its back is found, and pushed away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from preroll.client import Unreachable
from preroll.client import orders as calls
from preroll.client.orders import Order, Service
from preroll.demo.cast import CLEARED, LESS, LINE, MORE, PLATFORM, PUSHED, WRONG
from preroll.demo.evidence import Checked
from preroll.demo.plane import DEVICES
from preroll.demo.stage import LOOK, PACE, Stage

AHEAD = 3.0
"""Seconds of the story from the order to its time."""
FAR = DEVICES[1]
KEPT, TAMPERED = "kept", "tampered"
"""When the line is looked at, beside after its orders."""
SETTLED = frozenset({"Completed", "Invalid", "Failed Deploy", "Canceled"})


async def provisioned(stage: Stage) -> None:
    """(j) A wrong order touches nothing; a good one is checked first, deployed at its time, looked at, and changed."""
    before = stage.network.configured()
    nodes = stage.network.choice(LINE.port, LINE.kbit)
    typo = {**nodes, "far": {**nodes["far"], "values": {**nodes["far"]["values"], "next-hop": "203.0.113.999"}}}
    await _checked(stage, await _ordered(stage, WRONG, "provision", _made_of(WRONG, typo)))
    stage.say(f"{LINE.name} has no end: it is ordered. A check makes its plan, device by device, and writes nothing.")
    order = await _checked(stage, await _ordered(stage, LINE.name, "provision", _made_of(LINE.name, nodes)))
    stage.evidence.checked = Checked(order.plan, before, stage.network.configured())
    due = (datetime.now(UTC) + timedelta(seconds=AHEAD * stage.tempo)).replace(microsecond=0)
    stage.say(f"It is deployed at {due:%H:%M:%S}; from then on it holds port {LINE.port} of both devices.")
    await _deployed(stage, order, at=due)
    stage.say(f"{LINE.name} is to carry {LINE.more} kbit/s: that is an order as well.")
    await _changed(stage, MORE, "modify", _rate(LINE.more))


async def fails(stage: Stage) -> None:
    """(k) A device is down: a change of the line fails, and the line is as it was."""
    stage.say(f"{LINE.name} is to carry {LINE.less} kbit/s, and {FAR} is down: the order fails, the line goes on.")
    service = await _service(stage)
    order = await _ordered(stage, LESS, "modify", _rate(LINE.less), service.id)
    await stage.client.send(calls.time_order(order.id, "schedule"))
    await _settled(stage, order)
    stage.evidence.kept = await _service(stage)


async def mended(stage: Stage) -> None:
    """(l) The device is back: the same order once more. Then somebody changes it by hand, and is found out."""
    await _again(stage)
    await _tampered(stage)


async def over(stage: Stage) -> None:
    """(m) It is not needed any more."""
    stage.say(f"{LINE.name} is decommissioned: port {LINE.port} of both devices is cleared, and free again.")
    service = await _service(stage)
    order = await _ordered(stage, CLEARED, "decommission", {}, service.id)
    await stage.client.send(calls.time_order(order.id, "schedule"))
    await _settled(stage, order)
    stage.evidence.cleared = await stage.network.measure(LINE.port, LINE.kbit)


async def _again(stage: Stage) -> None:
    await _looked_at(stage, KEPT)
    stage.say(f"{FAR} is back: the same order is deployed once more.")
    await _deployed(stage, await _order(stage, LESS), action="retry")


async def _tampered(stage: Stage) -> None:
    stage.say(f"Somebody sets {LINE.name} to {LINE.more} kbit/s by hand, on {FAR} alone. The audit finds it.")
    await stage.network.tamper(FAR, LINE.port, LINE.more)
    await _looked_at(stage, TAMPERED)
    await _changed(stage, PUSHED, "redeploy", {})


async def _ordered(stage: Stage, name: str, kind: str, values: Mapping[str, Any], service: str = "") -> Order:
    item = {"name": "line", "kind": kind, "service": service, "values": dict(values)}
    return await stage.client.send(calls.create_order(name, [item], platform=PLATFORM))


async def _checked(stage: Stage, order: Order) -> Order:
    await stage.client.send(calls.act_on_order(order.id, "check"))
    return await _until(stage, order, lambda now: not now.checking)


async def _changed(stage: Stage, name: str, kind: str, values: Mapping[str, Any]) -> None:
    service = await _service(stage)
    await _deployed(stage, await _ordered(stage, name, kind, values, service.id))


async def _deployed(stage: Stage, order: Order, *, action: str = "schedule", at: datetime | None = None) -> None:
    """Deploy an order, now or then, and look at the line after it."""
    since = datetime.now(UTC)
    await stage.client.send(calls.time_order(order.id, action, at))
    if (await _settled(stage, order)).state == "Completed":
        await _looked_at(stage, order.name, since)


async def _settled(stage: Stage, order: Order) -> Order:
    return await _until(stage, order, lambda now: now.state in SETTLED and now.attempt > order.attempt)


async def _until(stage: Stage, order: Order, there: Callable[[Order], bool]) -> Order:
    async with asyncio.timeout(stage.left):
        while True:
            with suppress(Unreachable):  # the engine is dead, or on its way
                if there(now := await stage.looking.send(calls.get_order(order.id))):
                    return now
            await asyncio.sleep(PACE)


async def _looked_at(stage: Stage, moment: str, since: datetime | None = None) -> None:
    """What a round of checks finds of the line: the first since then, else one that is asked for now."""
    if since is None:
        await stage.quiet(LOOK)
    service = await _service(stage)
    if since is None:
        since = datetime.now(UTC)
        await stage.client.send(calls.audit_service(service.id))
    stage.evidence.looks[moment] = await stage.looked_at(calls.service_audits(service.id), since)


async def _service(stage: Stage) -> Service:
    """The line as it is now. Raises LookupError: there is none."""
    page = await stage.client.send(calls.list_services(platform=PLATFORM))
    for found in page.items:
        if found.name == LINE.name:
            return await stage.client.send(calls.get_service(found.id))
    raise LookupError(f"{LINE.name} was not deployed")


async def _order(stage: Stage, name: str) -> Order:
    """An order as it is now. Raises LookupError: it was never made."""
    async for found in stage.client.each(calls.list_orders(platform=PLATFORM)):
        if found.name == name:
            return await stage.client.send(calls.get_order(found.id))
    raise LookupError(f"{name} was not ordered")


def _made_of(name: str, nodes: Mapping[str, Any]) -> dict[str, Any]:
    return {"definition": "Circuit", "name": name, "nodes": nodes}


def _rate(kbit: int) -> dict[str, Any]:
    return {"nodes": {label: {"values": {"rate-kbit": kbit}} for label in ("near", "far")}}
