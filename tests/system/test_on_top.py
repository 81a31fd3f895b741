# SPDX-License-Identifier: Apache-2.0
"""What orders and overlays hold on top of one service is at each instant what it needs then, and never the sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import pytest

from preroll.app.bookings import NewBooking
from preroll.app.orders import Time
from preroll.domain.booking import ENDED, NodeChoice, State, Timing
from preroll.domain.errors import Conflict
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderState
from preroll.domain.permission import LOCAL
from preroll.domain.window import FOREVER, HOUR, MINUTE, SECOND, Window
from preroll.ports.orders import OrderFilter
from tests.builders import NOON
from tests.system.test_orders import Office, office, provision
from tests.system.test_overlays import more, overlay, rates, service

__all__ = ["office", "service"]

LIMIT = 100
STEP = 10 * MINUTE
S, K = OrderState, OrderKind
Spans = list[tuple[int, int, int]]
"""(start, end, rate)."""


def choice(rate: int, resource: str | None = None) -> dict[str, NodeChoice]:
    return {"A": NodeChoice(resource, "Ten" if resource else "", {"rate": rate})}


async def modify(office: Office, service: str, rate: int) -> str:
    return await office.make(OrderItem("it", K.MODIFY, service, values={"nodes": {"A": {"values": {"rate": rate}}}}))


@dataclass
class Known:
    """One service with all that is held on top of it, as it is stored."""

    rate: int
    orders: Spans
    overlays: Spans

    def need(self, at: int) -> int:
        """What it may have to have at an instant: the most of what it is, and of what one of these makes of it."""
        return max([self.rate, *(rate for start, end, rate in (*self.orders, *self.overlays) if start <= at < end)])


class Walk:
    """Two services on one resource, with orders, overlays and bookings that come and go."""

    def __init__(self, office: Office, services: list[str], seed: int) -> None:
        self.office, self.services, self.chance = office, services, Random(seed)
        self.stage, self.app = office.stage, office.stage.app
        self.rivals: list[str] = []
        self.refused = self.done = 0

    async def orders(self, service: str) -> list:
        where = OrderFilter(service=service, states=frozenset({S.SCHEDULED, S.IN_PROGRESS}))
        return list((await self.office.orders.page(LOCAL, where)).items)

    async def known(self, service: str) -> Known:
        seen = await self.office.see(service)
        own = seen.carrier.nodes["A"].values.get("rate", 10)
        due = [
            (o.due_us, FOREVER, o.items[0].values["nodes"]["A"]["values"]["rate"]) for o in await self.orders(service)
        ]
        over = [
            (b.timing.held.start, b.timing.held.until, b.nodes["A"].values["rate"]) for b in seen.overlays
        ]  # fmt: skip
        return Known(own, due, over)

    async def all_rivals(self) -> Spans:
        found = [(await self.stage.see(ident)).booking for ident in self.rivals]
        return [
            (b.timing.held.start, b.timing.held.until, b.nodes["A"].values["rate"])
            for b in found if b.state not in ENDED
        ]  # fmt: skip

    async def fits(self, service: str = "", known: Known | None = None, rival: Spans = ()) -> bool:
        """Would there be enough at every instant from now on, were this added?"""
        every = [known if known and one == service else await self.known(one) for one in self.services]
        others = [*await self.all_rivals(), *rival]
        spans = [span for one in every for span in (*one.orders, *one.overlays)] + others
        now = self.stage.now // SECOND * SECOND
        return all(
            sum(one.need(at) for one in every) + sum(r for start, end, r in others if start <= at < end) <= LIMIT
            for at in {now} | {max(now, start) for start, _, _ in spans}
        )

    def window(self) -> tuple[int, int]:
        start = max(NOON, self.stage.now // STEP * STEP + STEP) + self.chance.randrange(6) * STEP
        return start, start + self.chance.randint(1, 5) * STEP

    async def step(self) -> None:
        service = self.chance.choice(self.services)
        doing = self.chance.choice([
            self.schedule, self.schedule, self.unschedule, self.reschedule, self.raise_it, self.raise_it, self.lower_it,
            self.rival, self.leave, self.play,
        ])  # fmt: skip
        await doing(service)

    async def expect(self, fits: bool, doing) -> object:
        """It is done if there is enough, and refused if there is not."""
        self.done, self.refused = self.done + fits, self.refused + (not fits)
        if fits:
            return await doing
        with pytest.raises(Conflict):
            await doing
        return None

    async def schedule(self, service: str) -> None:
        rate, (at, _) = self.chance.randrange(0, 90, 5), self.window()
        known, ident = await self.known(service), await modify(self.office, service, rate)
        known.orders.append((at, FOREVER, rate))
        await self.expect(
            await self.fits(service, known), self.office.orders.schedule(LOCAL, ident, None, Time(at, 24 * 60 * MINUTE))
        )

    async def unschedule(self, service: str) -> None:
        if found := await self.orders(service):
            await self.office.orders.unschedule(LOCAL, self.chance.choice(found).id, None)

    async def reschedule(self, service: str) -> None:
        deployed = (await self.office.see(service)).service.deployed
        if found := [one for one in await self.orders(service) if one.items[0].base == deployed]:
            order, (at, _) = self.chance.choice(found), self.window()
            known, rate = await self.known(service), order.items[0].values["nodes"]["A"]["values"]["rate"]
            known.orders.remove((order.due_us, FOREVER, rate))
            known.orders.append((at, FOREVER, rate))
            doing = self.office.orders.reschedule(LOCAL, order.id, None, Time(at, 24 * 60 * MINUTE))
            await self.expect(await self.fits(service, known), doing)

    async def raise_it(self, service: str) -> None:
        (start, end), rate, known = self.window(), self.chance.randrange(20, 95, 5), await self.known(service)
        if any(start < b and end > a for a, b, _ in known.overlays):
            return
        known.overlays.append((start, end, rate))
        new = more(service, name=f"More {self.done + self.refused}", timing=Timing(start, end), nodes=choice(rate))
        made = await self.expect(await self.fits(service, known), self.app.bookings.create(LOCAL, new))
        if made is not None:
            await self.stage.confirm(made.booking.id)

    async def lower_it(self, service: str) -> None:
        waiting = [one for one in (await self.office.see(service)).overlays if one.state is State.CONFIRMED]
        if waiting and self.chance.random() < 0.5:
            await self.app.bookings.cancel(LOCAL, self.chance.choice(waiting).id, None)

    async def rival(self, _: str) -> None:
        (start, end), rate = self.window(), self.chance.randrange(5, 60, 5)
        new = NewBooking(f"Rival {self.done + self.refused}", Timing(start, end), nodes=choice(rate, "enc-1"))
        fits = await self.fits(rival=[(start, end, rate)])
        if (made := await self.expect(fits, self.app.bookings.create(LOCAL, new))) is not None:
            self.rivals.append(made.booking.id)

    async def leave(self, _: str) -> None:
        if self.rivals:
            await self.app.bookings.cancel(LOCAL, self.rivals.pop(self.chance.randrange(len(self.rivals))), None)

    async def play(self, _: str) -> None:
        """Time goes on by up to half an hour, from shortly before noon on."""
        await self.stage.rig.until(max(NOON - MINUTE, self.stage.now) + self.chance.randrange(1, 4) * STEP + SECOND)
        await self.stage.rig.quiet()
        self.rivals = [i for i in self.rivals if (await self.stage.see(i)).booking.state not in ENDED]

    async def check(self) -> None:
        def query(tx):
            (resource,) = tx.catalogue.resources(1, names=["enc-1"])
            return tx.reservations.usages([resource], Window(tx.now, None))[resource.key]

        held = [u for u in await self.stage.rig.store.read(query) if u.dimension == "rate"]
        now = self.stage.now // SECOND * SECOND
        for line in self.services:
            orders, seen = await self.orders(line), await self.office.see(line)
            assert all(order.hold is not HoldReason.CAPACITY for order in orders), "nothing is held on capacity"
            assert all(one.state is not State.QUARANTINED for one in seen.overlays), "nobody loses"
            family, known = {line, *(o.id for o in (*orders, *seen.overlays))}, await self.known(line)
            mine = [u for u in held if u.booking in family]
            for at in {now} | {u.start for u in held if u.start > now} | {u.end for u in held if u.end < FOREVER}:
                got = sum(u.amount for u in mine if u.start <= at < u.end)
                assert got == known.need(at) * 1_000_000, f"what is held for {line} at {(at - NOON) / MINUTE}"
        for at in {u.start for u in held}:
            assert sum(u.amount for u in held if u.start <= at < u.end) <= LIMIT * 1_000_000, "nothing is held twice"


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_held_is_what_the_service_needs_then_and_nobody_is_refused_falsely(stage, office, service, seed):
    other = await office.deploy(provision("Line to C", nodes={"A": {"resource": "enc-1"}, "B": {"resource": "enc-3"}}))
    walk = Walk(office, [service, other.order.items[0].service], seed)
    for _ in range(30):
        await walk.step()
        await walk.check()
    assert walk.done
    assert walk.refused


async def test_what_a_modify_makes_of_a_service_is_enough_for_its_overlay_too(office, stage, service):
    ident = await overlay(office)
    order = await modify(office, service, 90)
    await office.orders.schedule(LOCAL, order, None, Time(NOON - MINUTE))
    rest = NewBooking("Rest", Timing(NOON, NOON + MINUTE), nodes=choice(10, "enc-1"))
    await stage.app.bookings.create(LOCAL, rest)
    with pytest.raises(Conflict):
        await stage.app.bookings.create(LOCAL, replace(rest, name="One more", nodes=choice(1, "enc-1")))
    await office.orders.unschedule(LOCAL, order, None)
    await stage.app.bookings.create(LOCAL, replace(rest, name="One more", nodes=choice(30, "enc-1")))
    await stage.to(1)
    assert (rates(office), await stage.state(ident)) == ((60, 60), State.ACTIVE)


async def test_an_order_that_yields_leaves_the_overlay_what_it_needs_and_gets_its_own_back(office, stage, service):
    ident, order = await overlay(office), await modify(office, service, 70)
    await office.orders.schedule(LOCAL, order, None, Time(NOON - MINUTE))
    asked = NewBooking("Rival", Timing(NOON - MINUTE, NOON + 9 * MINUTE), nodes=choice(35, "enc-1"), priority=9)
    rival = await stage.app.bookings.create(LOCAL, replace(asked, force=True))
    assert (await office.orders.get(LOCAL, order)).order.hold is HoldReason.CAPACITY
    assert await stage.state(ident) is State.CONFIRMED
    await stage.to(5)
    assert (rates(office), await stage.state(ident)) == ((60, 60), State.ACTIVE)
    assert (await office.orders.get(LOCAL, order)).order.state is S.SCHEDULED
    await stage.app.bookings.cancel(LOCAL, rival.booking.id, None)
    await stage.to(120)
    assert (await office.end(order)).order.state is S.COMPLETED
    assert rates(office) == (60, 60)
    await stage.to(3601)
    assert rates(office) == (70, 10)


async def test_an_end_that_comes_early_cuts_every_step_of_what_is_held(office, stage, service):
    """Two orders change the service in post-roll, so that the overlay needs less of its raise each time."""
    await stage.configure(shrink_post_roll=True)
    ident = await overlay(office, timing=Timing(NOON, NOON + HOUR, post_roll=10 * MINUTE), nodes=choice(60))
    for rate, after in ((30, 4), (40, 7)):
        order = await modify(office, service, rate)
        await office.orders.schedule(LOCAL, order, None, Time(NOON + HOUR + after * MINUTE))
    key = (await stage.see(ident)).booking.key

    async def held() -> list[tuple[int, int, float]]:
        """(start, end, rate) of each step that lasts, in minutes after the on-air end."""
        rows = await stage.rig.store.read(
            lambda tx: tx._work.db.all(
                "select r.start_us, r.end_us, r.amount from reservation r join resource s on s.key = r.resource"
                " where r.booking = ? and r.dimension > 0 and s.name = 'enc-1' order by r.start_us",
                key,
            )
        )
        assert all(start <= end for start, end, _ in rows)
        return [((a - NOON - HOUR) / MINUTE, (b - NOON - HOUR) / MINUTE, amount) for a, b, amount in rows if a < b]

    assert [(start, end) for start, end, _ in await held()] == [(-60, 4), (4, 7), (7, 10)]
    assert len({amount for *_, amount in await held()}) == 3
    await stage.to(3_601)
    assert (rates(office)[0], await stage.state(ident)) == (10, State.COMPLETED)
    ((start, end, _),) = await held()
    assert (start, end <= 1) == (-60, True)
    rival = NewBooking("Rival", Timing(NOON + HOUR + MINUTE, NOON + HOUR + 9 * MINUTE), nodes=choice(60, "enc-1"))
    await stage.app.bookings.create(LOCAL, rival)
