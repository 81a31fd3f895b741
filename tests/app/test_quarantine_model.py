# SPDX-License-Identifier: Apache-2.0
"""After any sequence of creates, edits, forces, cancels and catalogue changes nothing is over its limit but what is
marked in conflict, nobody but a victim lost anything, and leaving restores exactly."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from preroll.app import build
from preroll.app.availability import Question, Wanted
from preroll.app.bookings import Edit, NewBooking
from preroll.app.holding import needs_of
from preroll.domain.availability import Availability, Period
from preroll.domain.booking import WAITING, NodeChoice, State, Timing
from preroll.domain.capacity import Capability
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict, NotReady, TransitionNotAllowed
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.quarantine import limit
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import CONCURRENCY, shut
from preroll.domain.window import MINUTE, Window
from preroll.ports.lists import BookingFilter
from preroll.store import open_inline_store
from tests.builders import NOON
from tests.store.world import StoppedClock

CI = os.environ.get("CI") == "true"
LINK = ProfileDefinition(
    "Link",
    (
        Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=0),
        Parameter("pol", ValueType.TEXT, kinds=(ParameterKind.CAPABILITY,)),
        Parameter("codec", ValueType.TEXT, kinds=(ParameterKind.CAPABILITY,)),
        Parameter("band", ValueType.NUMBER, kinds=(ParameterKind.CAPABILITY,)),
    ),
)
NAMES = ("link", "dish")
ABLE = {
    "pol": Capability(time_dependent=True),
    "codec": Capability(("avc", "hevc")),
    "band": Capability(minimum=1, maximum=4),
}
OFFERED = Resource("", concurrency=3, capacities={"rate": 10}, capabilities=ABLE)
RESOURCES = st.builds(
    lambda name, concurrency, rate, able, mode, availability: replace(
        OFFERED, name=name, concurrency=concurrency, capacities={"rate": rate}, capabilities=ABLE | able, mode=mode,
        availability=availability,
    ),
    st.sampled_from(NAMES), st.integers(1, 3), st.integers(2, 10),
    st.sampled_from([{}, {}, {"codec": Capability(("avc",))}, {"band": Capability(maximum=2)}]),
    st.sampled_from([Mode.AVAILABLE, Mode.AVAILABLE, Mode.AVAILABLE, Mode.MAINTENANCE, Mode.UNAVAILABLE]),
    st.none() | st.builds(
        lambda start, end: Availability(blackouts=(Period(NOON + start * MINUTE, NOON + end * MINUTE, "x"),)),
        st.integers(0, 9), st.integers(10, 12),
    ),
)  # fmt: skip
VALUES = st.dictionaries(st.just("rate"), st.integers(0, 8)) | st.fixed_dictionaries(
    {}, optional={"pol": st.sampled_from("HV"), "codec": st.sampled_from(["avc", "hevc"]), "band": st.integers(1, 3)}
)
NODES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.builds(NodeChoice, st.sampled_from(NAMES), st.sampled_from(["Link", "Feed"]), VALUES),
    min_size=1, max_size=3,
)  # fmt: skip
TIMINGS = st.builds(
    lambda start, length: Timing(NOON + start * MINUTE, None if length == 6 else NOON + (start + length) * MINUTE),
    st.integers(1, 8), st.integers(1, 6),
)  # fmt: skip
CHOICES = st.integers(0, 10**6)


class Quarantine(RuleBasedStateMachine):
    """One platform with two resources, and people who book them."""

    def __init__(self) -> None:
        super().__init__()
        self._store = open_inline_store(StoppedClock(NOON))
        self._app = build(self._store, None)
        self._count = 0

    def teardown(self) -> None:
        self._store.close()

    def _do(self, coroutine):
        """What it answers: on the inline store nothing is ever waited for."""
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits")

    @initialize()
    def furnish(self) -> None:
        self._do(self._app.platforms.put(LOCAL, Platform("default")))
        documents = [LINK, ProfileInstance("Link", "Link"), ProfileInstance("Feed", "Link", {"rate": 3})]
        self._do(self._app.catalogue.apply(LOCAL, "default", [*documents, *(replace(OFFERED, name=n) for n in NAMES)]))

    def _bookings(self):
        return self._do(self._store.read(lambda tx: tx.bookings.page(_ALL, None, 500))).items

    def _holdings(self) -> dict[str, dict[tuple[str, str], tuple[int, str]]]:
        """Booking -> (resource, dimension) -> what it holds of it."""
        resources = self._resources()
        names = {r.key: r.name for r in resources}
        found: dict = {}
        usages = self._do(self._store.read(lambda tx: tx.reservations.usages(resources, Window(0, None))))
        for key, used in usages.items():
            for u in used:
                found.setdefault(u.booking, {})[names[key], u.dimension] = u.amount, u.agreed
        return found

    def _resources(self) -> list[Resource]:
        return self._do(self._app.catalogue.resources(LOCAL, "default"))

    def _one(self, pick: int, *states: State):
        found = [b for b in self._bookings() if b.state in states and not b.began]
        return found[pick % len(found)] if found else None

    def _saving(self, coroutine, *, force: bool, own: str = "") -> None:
        """Carry out what may cost others something; only those who are quarantined with it may have less."""
        before, states = self._holdings(), {b.id: b.revision for b in self._bookings()}
        try:
            self._do(coroutine)
        except Conflict:
            assert self._holdings() == before
            return
        after, now = self._holdings(), {b.id: b for b in self._bookings()}
        for ident, revision in states.items():
            if ident != own and now[ident].revision == revision:
                assert after.get(ident) == before.get(ident) or not force, f"{now[ident].name} lost what it held"
            elif ident != own:
                assert force, "without force nobody loses anything"
                assert now[ident].state is State.QUARANTINED

    @rule(timing=TIMINGS, nodes=NODES, priority=st.integers(0, 2), force=st.booleans(), confirm=st.booleans())
    def create(self, timing, nodes, priority, force, confirm) -> None:
        self._count += 1
        ident = f"00000000-0000-7000-8000-{self._count:012}"
        new = NewBooking(f"b{self._count}", timing, nodes=nodes, priority=priority, id=ident, force=force)
        self._saving(self._app.bookings.create(LOCAL, new), force=force, own=ident)
        if confirm:
            with suppress(NotReady, TransitionNotAllowed, LookupError):
                if any(b.id == ident for b in self._bookings()):
                    self._do(self._app.bookings.confirm(LOCAL, ident, None))

    @rule(timing=TIMINGS, values=VALUES)
    def eligible_is_what_a_booking_can_have(self, timing, values) -> None:
        question = Question(timing, nodes={"a": Wanted(profile="Link", values=values)})
        offers = self._do(self._app.availability.eligible(LOCAL, question))["a"].eligible
        for name in NAMES:
            try:
                new = NewBooking("probe", timing, nodes={"a": NodeChoice(name, "Link", values)})
                made = self._do(self._app.bookings.create(LOCAL, new))
            except Conflict:
                assert name not in {offer.resource.name for offer in offers}
            else:
                self._do(self._app.bookings.cancel(LOCAL, made.booking.id, None))
                assert name in {offer.resource.name for offer in offers}

    @rule(resource=RESOURCES)
    def a_plan_tells_the_cost(self, resource) -> None:
        listed = self._do(self._app.catalogue.plan(LOCAL, "default", [resource])).losing
        before = self._holdings()
        if listed:
            with pytest.raises(Conflict) as refused:
                self._do(self._app.catalogue.apply(LOCAL, "default", [resource]))
            assert tuple(refused.value.losing) == tuple(listed)
        else:
            self._do(self._app.catalogue.apply(LOCAL, "default", [resource]))
        assert self._holdings() == before

    @rule(pick=CHOICES, timing=TIMINGS, nodes=st.none() | NODES, force=st.booleans())
    def edit(self, pick, timing, nodes, force) -> None:
        if found := self._one(pick, *WAITING):
            change = Edit(timing=timing, nodes=nodes, force=force)
            self._saving(self._app.bookings.edit(LOCAL, found.id, None, change), force=force, own=found.id)

    @rule(pick=CHOICES)
    def cancel(self, pick) -> None:
        if found := self._one(pick, *WAITING):
            self._do(self._app.bookings.cancel(LOCAL, found.id, None))

    @rule(pick=CHOICES)
    def hold(self, pick) -> None:
        if found := self._one(pick, State.PARTIAL, State.CONFIRMED, State.QUARANTINED):
            self._do(self._app.bookings.hold(LOCAL, found.id, None))

    @rule(pick=CHOICES)
    def begin(self, pick) -> None:
        """As the engine's claim does it."""
        if found := self._one(pick, State.CONFIRMED):
            began = replace(found, began=True, state=State.ACTIVE, state_version=found.state_version + 1)
            self._do(self._store.write(lambda tx: tx.bookings.put(began, seen=found)))

    @rule(resource=RESOURCES, force=st.booleans())
    def change_resource(self, resource, force) -> None:
        self._saving(self._app.catalogue.apply(LOCAL, "default", [resource], force=force), force=force)

    @rule(rate=st.integers(0, 6))
    def change_profile(self, rate) -> None:
        with suppress(Conflict):
            feed = ProfileInstance("Feed", "Link", {"rate": rate})
            self._do(self._app.catalogue.apply(LOCAL, "default", [feed]))

    @rule(pick=CHOICES)
    def leave(self, pick) -> None:
        found = self._one(pick, State.QUARANTINED)
        if found is None:
            return
        seen = self._do(self._app.bookings.get(LOCAL, found.id))
        others = {i: what for i, what in self._holdings().items() if i != found.id}
        try:
            left = self._do(self._app.bookings.leave_quarantine(LOCAL, found.id, None))
        except NotReady:
            assert seen.lot.was is State.CONFIRMED, "its resource is unavailable: it could not be confirmed either"
            return
        except Conflict:
            assert seen.lot.in_the_way
            assert "leave-quarantine" not in seen.possible
            return
        assert not seen.lot.in_the_way
        assert left.booking.state is seen.lot.was
        assert {i: what for i, what in self._holdings().items() if i != found.id} == others

    @invariant()
    def nothing_is_over_its_limit_but_what_is_marked(self) -> None:
        bookings = {b.id: b for b in self._bookings()}
        marked = {i for i, b in bookings.items() if b.began and self._losses(b)}
        holdings = {i: what for i, what in self._holdings().items() if i not in marked}
        for resource in self._resources():
            for minute in range(16):
                at = NOON + minute * MINUTE
                here = [what for i, what in holdings.items() if bookings[i].timing.held.contains(at)]
                for dimension in (CONCURRENCY, "rate"):
                    total = sum(what.get((resource.name, dimension), (0, ""))[0] for what in here)
                    assert total <= limit(resource, dimension)
                assert len({what[resource.name, "pol"] for what in here if (resource.name, "pol") in what}) <= 1

    @invariant()
    def who_is_whole_holds_all_that_it_needs(self) -> None:
        holdings = self._holdings()
        for booking in self._bookings():
            if booking.began or booking.state not in (State.PARTIAL, State.CONFIRMED):
                continue
            assert self._losses(booking) == []
            assert holdings.get(booking.id, {}) == self._needed(booking)
            assert not any(shut(need.resource, booking.timing.held) for need in self._needs(booking))

    def _losses(self, booking):
        return self._do(self._store.read(lambda tx: tx.losses.of(booking.key)))

    def _needed(self, booking) -> dict[tuple[str, str], tuple[int, str]]:
        return {(n.resource.name, name): what for n in self._needs(booking) for name, what in n.amounts().items()}

    def _needs(self, booking):
        return self._do(self._store.read(lambda tx: needs_of(tx, booking)))


_ALL = BookingFilter()
TestQuarantine = Quarantine.TestCase
TestQuarantine.settings = settings(
    max_examples=20 if CI else 60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
