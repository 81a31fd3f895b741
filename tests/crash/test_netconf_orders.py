# SPDX-License-Identifier: Apache-2.0
"""kill -9 at each phase of a service order on two NETCONF devices, on both databases: all old or all new, and told."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from preroll.app.order_questions import Answer
from preroll.app.orders import NewOrder, OrderDetails
from preroll.domain.deployment import Has
from preroll.domain.errors import ActionNotPossible
from preroll.domain.order import OrderItem, OrderKind, OrderPhase, OrderState
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.service_instance import Provisioned
from preroll.ports.orders import ServiceFilter
from preroll.testing.netconf_device import NetconfDevice
from tests.crash.circuits import ENDS, Circuits
from tests.crash.points import arm
from tests.crash.processes import start, until
from tests.crash.test_netconf_changes import PARAMETERS, SPACE, config
from tests.crash.world import World

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

ENDED = {OrderState.COMPLETED, OrderState.FAILED_DEPLOY, OrderState.INVALID, OrderState.CANCELED}
# fmt: off
PHASES = {
    # phase          the n-th end of a step that is durable
    "prechecking":  1,
    "applying":     3,
    "verifying":    5,
    "confirming":   7,
}
# fmt: on


class Office:
    """Orders lines over two devices."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.devices = {end: NetconfDevice(config(4), keys={"circuit": ("name",)}) for end in ENDS}

    async def prepare(self) -> None:
        """The catalogue."""
        await Circuits(self.world).prepare()
        await self.world.app.catalogue.apply(LOCAL, "default", [
            Resource(end, driver="netconf", address={
                **device.address, "password": "env:CRASH", "namespace": SPACE, "parameters": PARAMETERS,
            }) for end, device in self.devices.items()
        ])  # fmt: skip

    async def order(self, kind: OrderKind, service: str = "", **values: object) -> str:
        """An order that is deployed now."""
        item = OrderItem("line", kind, service, values=values)
        made = await self.world.app.orders.create(LOCAL, NewOrder("default", f"{kind} a line", (item,)))
        await self.world.app.orders.schedule(LOCAL, made.order.id, None)
        return made.order.id

    async def provision(self) -> str:
        """A line that brings both devices to 8."""
        nodes = {end: {"resource": end} for end in ENDS}
        return await self.order(OrderKind.PROVISION, definition="circuit", name="Line", nodes=nodes)

    async def ended(self, ident: str) -> OrderDetails:
        """The order when it has ended."""
        await until(lambda: self._is_over(ident), "the order has ended")
        return await self.world.app.orders.get(LOCAL, ident)

    async def _is_over(self, ident: str) -> bool:
        return (await self.world.app.orders.get(LOCAL, ident)).order.state in ENDED

    def rates(self) -> list[int]:
        """What is in force."""
        found = [device.stores.running.find(f".//{{{SPACE}}}rate-kbit") for device in self.devices.values()]
        return [int(leaf.text) for leaf in found]


@pytest.fixture
async def office(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setenv("PREROLL_SECRET_CRASH", "preroll")
    made = Office(world)
    async with AsyncExitStack() as stack:
        for device in made.devices.values():
            await stack.enter_async_context(device)
        await made.prepare()
        yield made


async def test_killed_in_each_phase_the_devices_are_all_old_or_all_new_and_the_order_says_which(office: Office) -> None:
    app, setting = office.world.app, office.world.setting(finishes=False, drivers=("netconf",))
    engine = await start(setting)
    for phase, passage in PHASES.items():
        await engine.ready()
        arm(office.world.traps(), "end.committed", passage)
        ident = await office.provision()
        assert await engine.dead() == -signal.SIGKILL, phase
        assert (await app.orders.get(LOCAL, ident)).order.state is OrderState.IN_PROGRESS, phase
        engine = await start(setting)
        done = await office.ended(ident)
        assert (done.order.state, done.residue, office.rates()) == (OrderState.COMPLETED, {}, [8, 8]), phase
        (service,) = (await app.services.page(LOCAL, ServiceFilter(states=frozenset({Provisioned.DEPLOYED})))).items
        gone = await office.ended(await office.order(OrderKind.DECOMMISSION, service.id))
        assert gone.order.state is OrderState.COMPLETED, gone.order.why
        for device in office.devices.values():
            await device.put(config(4))
    await engine.stop()


async def test_killed_while_it_goes_back_it_is_all_old_and_failed(office: Office) -> None:
    app, setting = office.world.app, office.world.setting(finishes=False, drivers=("netconf",))
    engine = await start(setting)
    await engine.ready()
    office.devices["PE2"].fault("refuse", on="commit")
    arm(office.world.traps(), "end.committed", 4)
    ident = await office.provision()
    assert await engine.dead() == -signal.SIGKILL
    _, steps = await _steps(office.world, ident)
    assert "change:deploy:decided:revert" in steps
    office.devices["PE2"].fault("none")
    engine = await start(setting)
    failed = await office.ended(ident)
    assert (failed.order.state, failed.residue, office.rates()) == (OrderState.FAILED_DEPLOY, {}, [4, 4])
    assert (await app.services.page(LOCAL, ServiceFilter())).items == ()
    await app.orders.retry(LOCAL, ident, None)
    await until(lambda: office.rates() == [8, 8], "the retried order has deployed")
    assert (await office.ended(ident)).order.state is OrderState.COMPLETED
    await engine.stop()


@pytest.mark.parametrize("settled", [True, False], ids=["its run is over", "its run is not settled"])
async def test_killed_while_it_awaits_an_operator_it_still_asks_and_goes_on_by_the_answer(
    office: Office, settled: bool
) -> None:
    """First in the middle of a write of which then nobody can tell whether it came about, then when it has asked.

    The run that has asked ends in a transaction of its own. Whoever answers before that is told to do it again.
    """
    app, setting = office.world.app, office.world.setting(finishes=False, drivers=("netconf",))
    engine = await start(setting)
    await engine.ready()
    arm(office.world.traps(), "begin.committed", 2)
    ident = await office.provision()
    assert await engine.dead() == -signal.SIGKILL
    office.devices["PE2"].fault("drop")
    if not settled:
        arm(office.world.traps(), "settle.before")
    engine = await start(setting)
    if settled:
        await until(lambda: _asks(office, ident), "the order asks")
        await until(lambda: _none_runs(office.world, ident), "the run that asks is over")
        engine.send(signal.SIGKILL)
    assert await engine.dead() == -signal.SIGKILL
    assert await _asks(office, ident)
    if not settled:
        with pytest.raises(ActionNotPossible, match="the run that asks is about to end"):
            await app.order_questions.answer(LOCAL, ident, None, Answer(every=Has.OLD))
    asked = await app.orders.get(LOCAL, ident)
    engine = await start(setting)
    await until(lambda: _none_runs(office.world, ident), "the run that asks is over")
    assert await app.orders.get(LOCAL, ident) == asked
    office.devices["PE2"].fault("none")
    await app.order_questions.answer(LOCAL, ident, None, Answer(every=Has.OLD))
    failed = await office.ended(ident)
    assert (failed.order.state, failed.residue, office.rates()) == (OrderState.FAILED_DEPLOY, {}, [4, 4])
    assert (await app.services.page(LOCAL, ServiceFilter())).items == ()
    await engine.stop()


async def _asks(office: Office, ident: str) -> bool:
    return (await office.world.app.orders.get(LOCAL, ident)).phase is OrderPhase.AWAITING_OPERATOR


async def _none_runs(world: World, ident: str) -> bool:
    return all(run.run.outcome != "running" for run in await world.app.orders.runs(LOCAL, ident))


async def _steps(world: World, ident: str) -> tuple[str, list[str]]:
    (run,) = await world.app.orders.runs(LOCAL, ident)
    return run.run.id, [step.name for step in run.steps]
