# SPDX-License-Identifier: Apache-2.0
"""A line over two devices that are not ours: ordered, changed, broken, changed by hand, decommissioned on netconfd."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from preroll.app.orders import NewOrder, OrderDetails
from preroll.app.services import ServiceDetails
from preroll.domain.audit import AuditSpec, Configuration
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.service_instance import Provisioned
from preroll.drivers.netconf import NetconfDriver
from preroll.ports.orders import ServiceFilter
from tests.crash.circuits import ENDS
from tests.crash.processes import start, until
from tests.crash.test_netconf_orders import ENDED
from tests.crash.world import World
from tests.drivers.netconf_rigs import CIRCUIT
from tests.drivers.netconfd import Netconfd, netconfd
from tests.drivers.patience import ANSWERS, SILENCE

pytestmark = pytest.mark.timeout(400)
"""Seconds; generous, because a loaded machine starts processes slowly."""

ENTRY = "/circuits/circuit[name='line']"
PARAMETERS = {
    "circuit": {"leaf": ENTRY, "type": "presence"},
    "address": f"{ENTRY}/address",
    "rate": {"leaf": f"{ENTRY}/rate-kbit", "type": "number"},
}
GONE = {"circuit": False}
K, S = OrderKind, OrderState


@pytest.fixture
def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'preroll.db'}"


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, Netconfd]]:
    with netconfd() as one, netconfd() as two:
        yield dict(zip(ENDS, (one, two), strict=True))


class Office:
    """Orders a line over both servers, and looks at them by a session of somebody else."""

    def __init__(self, world: World, servers: Mapping[str, Netconfd], hands: Mapping[str, NetconfDriver]) -> None:
        self.world, self.servers, self._hands = world, servers, hands

    async def prepare(self) -> None:
        values = (
            Parameter("circuit", ValueType.FLAG, default=False),
            Parameter("address", ValueType.TEXT),
            Parameter("rate", ValueType.NUMBER),
        )
        profiles = [
            ProfileInstance(end, "end", {"circuit": True, "address": f"10.0.{number}.1/24", "rate": 2000})
            for number, end in enumerate(ENDS, 1)
        ]
        nodes = tuple(Node(end, profile="end", default_profile=end, order=i) for i, end in enumerate(ENDS))
        audits = (AuditSpec("devices", "config", within_us=0),)
        line = ServiceDefinition("line", nodes=nodes, audits=audits)
        await self.world.app.catalogue.apply(LOCAL, "default", [ProfileDefinition("end", values), *profiles, line])
        await self.wait_for_answers({})

    async def wait_for_answers(self, seconds: Mapping[str, float]) -> None:
        """How long the devices are waited for from now on; a device that is not named, as long as it takes."""
        resources = [
            Resource(end, driver="netconf", address={
                "host": "127.0.0.1", "port": server.port, "username": "root", "private_key": f"env:{end}",
                "host_key": (server.place / "host.pub").read_text(), "timeout": seconds.get(end, ANSWERS),
                "namespace": CIRCUIT, "parameters": PARAMETERS,
            })
            for end, server in self.servers.items()
        ]  # fmt: skip
        await self.world.app.catalogue.apply(LOCAL, "default", resources)

    async def order(self, kind: OrderKind, **values: object) -> str:
        service = "" if kind is K.PROVISION else (await self.line()).service.id
        item = OrderItem("line", kind, service, values=values)
        return (await self.world.app.orders.create(LOCAL, NewOrder("default", f"{kind} a line", (item,)))).order.id

    async def deploy(self, kind: OrderKind, **values: object) -> OrderDetails:
        ident = await self.order(kind, **values)
        await self.world.app.orders.schedule(LOCAL, ident, None)
        return await self.ended(ident)

    async def retry(self, ident: str) -> OrderDetails:
        await self.world.app.orders.retry(LOCAL, ident, None)
        return await self.ended(ident)

    async def ended(self, ident: str) -> OrderDetails:
        async def over() -> bool:
            return (await self.world.app.orders.get(LOCAL, ident)).order.state in ENDED

        await until(over, "the order has ended")
        return await self.world.app.orders.get(LOCAL, ident)

    async def checked(self, ident: str) -> OrderDetails:
        async def over() -> bool:
            return not (await self.world.app.orders.get(LOCAL, ident)).checking

        await self.world.app.orders.check(LOCAL, ident, None)
        await until(over, "the order is checked")
        return await self.world.app.orders.get(LOCAL, ident)

    async def line(self) -> ServiceDetails:
        states = frozenset({Provisioned.DEPLOYED, Provisioned.FAIL_DEPLOY})
        (found,) = (await self.world.app.services.page(LOCAL, ServiceFilter(states=states))).items
        return await self.world.app.services.get(LOCAL, found.id)

    async def configuration(self) -> Configuration:
        """What an audit of now says."""

        async def over() -> bool:
            return not (await self.line()).auditing

        await self.world.app.services.audit(LOCAL, (await self.line()).service.id)
        await until(over, "the line is audited")
        known = (await self.line()).known
        assert known is not None
        return known.configuration

    async def rates(self) -> list[object]:
        """What is in force, read by a session of somebody else; None: there is no such circuit."""
        found = []
        for hand in self._hands.values():
            entry = await hand.read(["circuit"])
            found.append(None if entry == GONE else (await hand.read(["rate"]))["rate"])
        return found

    async def set_by_hand(self, end: str, rate: int) -> None:
        hand = self._hands[end]
        await hand.apply(await hand.plan({"rate": rate}))


@pytest.fixture
async def office(
    world: World, servers: Mapping[str, Netconfd], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    for end, server in servers.items():
        monkeypatch.setenv(f"PREROLL_SECRET_{end}", (server.place / "client").read_text())
    async with AsyncExitStack() as stack:
        hands = {end: await stack.enter_async_context(server.other(PARAMETERS)) for end, server in servers.items()}
        made = Office(world, servers, hands)
        await made.prepare()
        yield made


async def test_the_life_of_a_line_on_devices_that_are_not_ours(office: Office) -> None:
    engine = await start(office.world.setting(finishes=False, drivers=("netconf",)))
    await engine.ready()
    ends = {end: {"resource": end} for end in ENDS}
    typo = {**ends, "PE2": {"resource": "PE2", "values": {"address": "nowhere"}}}
    wrong = await office.checked(await office.order(K.PROVISION, definition="line", name="Typo", nodes=typo))
    assert (wrong.order.state, await office.rates()) == (S.INVALID, [None, None]), wrong.order.why
    assert "address" in wrong.order.why

    good = await office.order(K.PROVISION, definition="line", name="Line", nodes=ends)
    plan = (await office.checked(good)).plan
    assert plan is not None
    assert (len(plan.devices), await office.rates()) == (2, [None, None])
    await office.world.app.orders.schedule(LOCAL, good, None)
    made = await office.ended(good)
    assert (made.order.state, await office.rates()) == (S.COMPLETED, [2000, 2000]), made.order.why

    more = {end: {"values": {"rate": 8000}} for end in ENDS}
    changed = await office.deploy(K.MODIFY, nodes=more)
    assert (changed.order.state, await office.rates()) == (S.COMPLETED, [8000, 8000]), changed.order.why

    less = {end: {"values": {"rate": 4000}} for end in ENDS}
    office.servers["PE2"].server.signal(signal.SIGSTOP)
    await office.wait_for_answers({"PE2": SILENCE})
    failed = await office.deploy(K.MODIFY, nodes=less)
    await office.wait_for_answers({})
    office.servers["PE2"].server.signal(signal.SIGCONT)
    assert (failed.order.state, failed.residue, await office.rates()) == (S.FAILED_DEPLOY, {}, [8000, 8000])
    assert (await office.line()).service.state is Provisioned.FAIL_DEPLOY
    again = await office.retry(failed.order.id)
    assert (again.order.state, await office.rates()) == (S.COMPLETED, [4000, 4000]), again.order.why

    await office.set_by_hand("PE2", 6000)
    assert await office.configuration() is Configuration.OUT_OF_SYNC
    pushed = await office.deploy(K.REDEPLOY)
    assert (pushed.order.state, await office.rates()) == (S.COMPLETED, [4000, 4000]), pushed.order.why
    assert await office.configuration() is Configuration.IN_SYNC

    gone = await office.deploy(K.DECOMMISSION)
    assert (gone.order.state, await office.rates()) == (S.COMPLETED, [None, None]), gone.order.why
    await engine.stop()
