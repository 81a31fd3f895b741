# SPDX-License-Identifier: Apache-2.0
"""Whatever is offered can be booked, and nothing else can: with bookings, calendars, modes and a horizon in play."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import closing
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preroll.app import App, build
from preroll.app.availability import HORIZON, Question, Wanted
from preroll.app.bookings import NewBooking
from preroll.domain.availability import WEEKDAYS, Availability, Hours, Period
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import HOUR, MINUTE
from preroll.store import open_inline_store
from tests.store.world import StoppedClock

SUNDAY = 1_792_886_400_000_000
"""2026-10-25, midnight of UTC: the clocks of Europe are set back in this night."""
NAMES = ("a", "b", "c")

halves = st.integers(-8, 40).map(lambda n: SUNDAY + n * HOUR // 2)
spans = st.tuples(halves, st.integers(1, 12)).map(lambda s: (s[0], s[0] + s[1] * HOUR // 2))
periods = spans.map(lambda s: Period(*s, reason="x"))
hours = st.builds(
    Hours, st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True).map(tuple),
    st.integers(0, 11).map(lambda n: 30 * n), st.integers(12, 48).map(lambda n: 30 * n),
)  # fmt: skip
calendars = st.none() | st.builds(
    Availability, windows=st.lists(periods, max_size=1).map(tuple), weekly=st.lists(hours, max_size=2).map(tuple),
    blackouts=st.lists(periods, max_size=2).map(tuple), days_ahead=st.none() | st.integers(1, 3),
)  # fmt: skip
resources = st.builds(
    lambda name, mode, availability: Resource(name, function="f", mode=mode, availability=availability),
    st.just(""), st.sampled_from((Mode.AVAILABLE,) * 6 + (Mode.MAINTENANCE, Mode.UNAVAILABLE)), calendars,
)  # fmt: skip
timings = st.builds(
    lambda span, pre, permanent: Timing(span[0], None if permanent else span[1], pre * MINUTE),
    spans, st.sampled_from((0, 5)), st.integers(0, 9).map(lambda n: n == 0),
)  # fmt: skip


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What it answers: on the inline store nothing is ever waited for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def can_be_booked(app: App, resource: str, timing: Timing) -> bool:
    nodes = {"n": NodeChoice(resource)}
    try:
        made = now(app.bookings.create(LOCAL, NewBooking("asked", timing, nodes=nodes)))
    except Conflict:
        return False
    now(app.bookings.cancel(LOCAL, made.booking.id, None))
    return True


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    offered=st.lists(resources, min_size=3, max_size=3),
    zone=st.sampled_from(("UTC", "Europe/Brussels")),
    taken=st.lists(st.tuples(st.sampled_from(NAMES), timings), max_size=4),
    asked=timings,
    at=st.integers(-2, 2).map(lambda n: SUNDAY + n * HOUR),
)
def test_eligible_is_what_can_be_booked_and_the_next_slot_is_the_first_that_can(offered, zone, taken, asked, at):
    with closing(open_inline_store(StoppedClock(at))) as store:
        app = build(store, None)
        now(app.platforms.put(LOCAL, Platform("default", zone)))
        shelf = [replace(r, name=name) for r, name in zip(offered, NAMES, strict=True)]
        now(app.catalogue.apply(LOCAL, "default", [replace(r, mode=Mode.AVAILABLE, availability=None) for r in shelf]))
        for name, timing in taken:
            can_hold = NewBooking("held", timing, nodes={"n": NodeChoice(name)}, force=True)
            now(app.bookings.create(LOCAL, can_hold))
        now(app.catalogue.apply(LOCAL, "default", shelf, force=True))
        question = Question(asked, nodes={"n": Wanted(function="f")}, explain=True)
        answer = now(app.availability.eligible(LOCAL, question))["n"]
        fits = {offer.resource.name for offer in answer.eligible}
        assert fits == {name for name in NAMES if can_be_booked(app, name, asked)}
        assert set(answer.refused) == set(NAMES) - fits
        assert answer.candidates == 3
        if answer.next_start is None:
            return
        assert asked.start <= answer.next_start <= asked.start + HORIZON
        moved = answer.next_start - asked.start
        there = replace(asked, start=answer.next_start, end=None if asked.end is None else asked.end + moved)
        assert any(can_be_booked(app, name, there) for name in NAMES)
        before = replace(there, start=there.start - HOUR // 4, end=None if there.end is None else there.end - HOUR // 4)
        if before.start >= asked.start:
            assert not any(can_be_booked(app, name, before) for name in NAMES)
