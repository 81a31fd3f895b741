# SPDX-License-Identifier: Apache-2.0
"""The one rule of what fits: asked by the commit, by the query of what is free, and by every suggestion.

Exact interval arithmetic, never a sample (SPEC 6): the peak of what others hold, plus what is asked, against the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from preroll.domain.availability import Closure, closed, closed_over, horizon, next_opening
from preroll.domain.capacity import Wish, agreed_on, asked_in_all, in_units, millionths, unable
from preroll.domain.errors import Clash
from preroll.domain.resource import Mode, Resource
from preroll.domain.values import dataclass
from preroll.domain.window import DAY, FOREVER, Window, joined, peak, written

ALWAYS = (-FOREVER, FOREVER)
"""A span that no start avoids."""
CONCURRENCY = ""
"""The dimension that counts nodes; the others are named by their parameter."""
MOST_TOLD = 10
"""Closed spans that a refusal tells of one resource."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a booking needs of one resource: a wish for each of its nodes that the resource fills."""

    resource: Resource
    wishes: tuple[Wish, ...] = (Wish(),)
    """What is enough at every instant."""
    steps: tuple[Step, ...] = ()
    """The same instant by instant, where that changes: in order, the first from the start on."""

    def amounts(self) -> dict[str, tuple[int, str]]:
        """Dimension -> (amount, agreed value): what is held of the resource when the booking gets it."""
        return _amounts(self.resource, self.wishes)

    def over(self, held: Window) -> Iterator[tuple[Window, tuple[Wish, ...]]]:
        """What is needed when, within the window of the booking."""
        if not self.steps:
            yield held, self.wishes
            return
        ends = [*(step.since for step in self.steps[1:]), held.end]
        for step, end in zip(self.steps, ends, strict=True):
            yield Window(step.since, end), step.wishes

    def spans(self, held: Window) -> Iterator[tuple[Window, dict[str, tuple[int, str]]]]:
        """What is held when; see ``amounts``."""
        for span, wishes in self.over(held):
            yield span, _amounts(self.resource, wishes)


class Step(NamedTuple):
    """What is needed from an instant on."""

    since: int
    wishes: tuple[Wish, ...]


def _amounts(resource: Resource, wishes: Sequence[Wish]) -> dict[str, tuple[int, str]]:
    amounts = {CONCURRENCY: (places(wishes), "")}
    for name, amount in asked_in_all(wishes).items():
        if amount:
            amounts[name] = amount, ""
    for name, value in agreed_on(wishes, resource.capabilities).items():
        amounts[name] = 0, value
    return amounts


class Held(NamedTuple):
    """What a booking is to hold of a dimension of a resource of which it holds something already."""

    booking: int
    resource: int
    """Keys of both."""
    dimension: str
    amount: int
    agreed: str


def replaced(wishes: Iterable[Wish]) -> frozenset[str]:
    """Ids of the services in whose place these nodes hold what they hold."""
    return frozenset().union(*(wish.instead_of for wish in wishes))


def places(wishes: Sequence[Wish]) -> int:
    """How many of the places of a resource these nodes take."""
    return sum([wish.places for wish in wishes])


def of_all(resource: Resource, wish: Wish) -> Wish:
    """The wish of a node that takes the resource whole: every place, and all of each capacity."""
    return replace(
        wish, places=resource.concurrency, amounts={name: limit(resource, name) for name in resource.capacities}
    )


class Usage(NamedTuple):
    """What one booking holds of one dimension of a resource."""

    dimension: str
    start: int
    end: int
    """FOREVER for one without end."""
    amount: int
    agreed: str
    """The value of a time-dependent capability."""
    booking: str
    name: str


@dataclass(frozen=True, slots=True)
class Left:
    """How much of one dimension of a resource nobody holds at any instant of a window."""

    dimension: str
    limit: int
    left: int


def clashes(
    resource: Resource,
    wishes: Sequence[Wish],
    held: Window,
    usages: Iterable[Usage],
    now: int | None = None,
    *,
    since: int = -FOREVER,
) -> list[Clash]:
    """Everything that keeps a resource from serving these nodes of a booking over a window; empty: it fits.

    Args:
        usages: what other bookings hold of it within the window.
        now: when it would be booked; None: it was booked before.
        since: what is closed before this instant, or before ``now``, is over and no matter any more.
    """
    usages = list(usages)
    if fits(resource, wishes, held, usages, now):
        return []
    by = _by_dimension(usages)
    found = [] if now is None else barred(resource, held, now)
    found += [_never(resource, held, name, why) for name, why in never(resource, wishes)]
    found += shut(resource, held, since if now is None else now)
    found += _over(resource, CONCURRENCY, resource.concurrency, places(wishes), held, by.get(CONCURRENCY, ()))
    for name, amount in asked_in_all(wishes).items():
        found += _over(resource, name, limit(resource, name), amount, held, by.get(name, ()))
    for name, value in agreed_on(wishes, resource.capabilities).items():
        others = (u for u in by.get(name, ()) if u.agreed != value and u.booking not in replaced(wishes))
        found += [_disagreed(resource, held, u, value) for u in others]
    return found


def in_the_way(need: Need, held: Window, usages: Iterable[Usage], *, since: int = -FOREVER) -> list[Clash]:
    """The ``clashes`` of a need that was booked before, at any instant of the window of its booking."""
    if not need.steps:
        return clashes(need.resource, need.wishes, held, usages, since=since)
    usages, found = list(usages), list[Clash]()
    for span, wishes in need.over(held):
        then = [u for u in usages if u.start < span.until and u.end > span.start]
        found += clashes(need.resource, wishes, span, then, since=since)
    return found


def fits(
    resource: Resource, wishes: Sequence[Wish], held: Window, usages: Sequence[Usage], now: int | None = None
) -> bool:
    """Does nothing keep a resource from serving these nodes? As ``clashes``, without a word of why."""
    return fitting(wishes, held, now)(resource, usages)


def fitting(
    wishes: Sequence[Wish], held: Window, now: int | None = None
) -> Callable[[Resource, Sequence[Usage]], bool]:
    """``fits`` for many resources: what is the same for all of them is worked out once.

    It is asked with what others hold of a resource within the window, and nothing else.
    """
    wanted = {CONCURRENCY: places(wishes), **asked_in_all(wishes)}
    asked = [(name, amount) for name, amount in wanted.items() if amount]
    demanding = any(wish.abilities for wish in wishes)
    own = replaced(wishes) if demanding else frozenset()

    def fit(resource: Resource, usages: Sequence[Usage]) -> bool:
        hindered = resource.mode is not Mode.AVAILABLE or resource.availability is not None
        if hindered and not _open(resource, held, now):
            return False
        if demanding and unable(wishes, resource.capabilities):
            return False
        for name, amount in asked:
            room = (millionths(resource.capacities.get(name, 0)) if name else resource.concurrency) - amount
            if room < 0 or (usages and not _room(room, held, [u for u in usages if u.dimension == name])):
                return False
        if not usages or not demanding:
            return True
        agreed = agreed_on(wishes, resource.capabilities)
        return all(u.agreed == agreed.get(u.dimension, u.agreed) or u.booking in own for u in usages)

    return fit


def _open(resource: Resource, held: Window, now: int | None) -> bool:
    """Is it neither in maintenance, nor closed within the window, nor barred at this moment?"""
    if resource.mode is Mode.MAINTENANCE or (now is not None and barred(resource, held, now)):
        return False
    start = held.start if now is None else max(held.start, now)
    return start >= held.until or not closed(resource.availability, start, held.until)


def _room(room: int, held: Window, usages: Sequence[Usage]) -> bool:
    """Do they never take more than this of a dimension? Most often that shows without looking at when."""
    if len(usages) == 1:
        return usages[0].amount <= room
    amounts = [usage.amount for usage in usages]
    if sum(amounts) <= room:
        return True
    if max(amounts) > room:
        return False
    return peak(((u.start, u.end, u.amount) for u in usages), held.start, held.until) <= room


def gone(resource: Resource, held: Window) -> Clash:
    """What keeps everybody from a resource that is not in the catalogue any more."""
    return _never(resource, held, "", "it was removed")


def limit(resource: Resource, dimension: str) -> int:
    """How much there is of a dimension of a resource; of what it does not have, nothing."""
    return millionths(resource.capacities.get(dimension, 0)) if dimension else resource.concurrency


def never(resource: Resource, wishes: Sequence[Wish]) -> list[tuple[str, str]]:
    """(capability, what it is about) of all that keeps a resource from these nodes whoever else holds it."""
    planned = [("", "it is in maintenance")] if resource.mode is Mode.MAINTENANCE else []
    return planned + unable(wishes, resource.capabilities)


def shut(resource: Resource, held: Window, since: int = -FOREVER) -> list[Clash]:
    """Where a resource is closed within a window and not before an instant, why, and when it opens again."""
    availability, start = resource.availability, max(held.start, since)
    if availability is None or start >= held.until:
        return []
    return [
        _shut(resource, held, closure, next_opening(availability, closure.end) if closure.end < FOREVER else None)
        for closure in closed(availability, start, held.until)[:MOST_TOLD]
    ]


def barred(resource: Resource, held: Window, now: int) -> list[Clash]:
    """What keeps a resource from being booked at this moment, though whoever has it already keeps it."""
    return out_of_service(resource, held) + too_far(resource, held, now)


def out_of_service(resource: Resource, held: Window) -> list[Clash]:
    """A fault of the moment keeps a resource from being booked, and bookings on it from being confirmed."""
    return [_never(resource, held, "", "it is unavailable")] if resource.mode is Mode.UNAVAILABLE else []


def too_far(resource: Resource, held: Window, now: int) -> list[Clash]:
    """A window ends further ahead than a resource can be booked at this moment."""
    ahead = horizon(resource.availability, now)
    if held.until <= ahead:
        return []
    days = (ahead - now) // DAY
    since = (
        f"can be booked from {written(held.until - days * DAY)} on" if held.end is not None else "can never be booked"
    )
    why = f"closed from {written(ahead)} (bookable at most {days} days ahead); this {since}"
    return [Clash(resource.name, "", "", max(ahead, held.start), None, 0, 0, 0, "", why)]


def left(resource: Resource, held: Window, usages: Iterable[Usage]) -> list[Left]:
    """What is left of each dimension of a resource over a whole window."""
    by = _by_dimension(usages)
    found = []
    for name in (CONCURRENCY, *resource.capacities):
        whole = limit(resource, name)
        taken = peak(((u.start, u.end, u.amount) for u in by[name]), held.start, held.until) if name in by else 0
        found.append(Left(name, whole, max(0, whole - taken)))
    return found


def blocked(need: Need, usages: Iterable[Usage], starts: Window, now: int) -> list[tuple[int, int]]:
    """The spans of time in which a resource is closed, or others leave too little of it; in order and apart.

    Args:
        usages: what others hold of it from the first start on.
        starts: the instants that are looked at as a start; what is closed later is told only as far as they meet it.
        now: when it would be booked.
    """
    resource, wishes = need.resource, need.wishes
    if resource.mode is not Mode.AVAILABLE or never(resource, wishes):
        return [ALWAYS]
    by = _by_dimension(usages)
    closing = closed_over(resource.availability, starts.start, starts.until)
    spans = [(max(start, now), end) for start, end in closing]
    spans.append((horizon(resource.availability, now), FOREVER))
    for name, (amount, agreed) in need.amounts().items():
        if agreed:
            own = replaced(wishes)
            spans += [(u.start, u.end) for u in by.get(name, ()) if u.agreed != agreed and u.booking not in own]
        elif amount > limit(resource, name):
            return [ALWAYS]
        else:
            spans += full(limit(resource, name) - amount, by.get(name, ()))
    return joined(spans)


def next_start(spans: Sequence[Sequence[tuple[int, int]]], length: int, earliest: int, count: int = 1) -> int | None:
    """The first instant from which so many resources are free for a whole length; None: never.

    Args:
        spans: of each resource, when it is ``blocked``.
        length: in microseconds; FOREVER for a booking without end.
    """
    steps: list[tuple[int, int]] = []
    for busy in spans:
        for start, end in joined([(start - length + 1, end) for start, end in busy]):
            if end > earliest:
                steps += [(max(start, earliest), 1), (end, -1)]
    room, taken, at = len(spans) - count, 0, earliest
    for instant, step in sorted(steps):
        if instant > at and taken <= room:
            return at
        taken, at = taken + step, instant
    return at if taken <= room and at < FOREVER else None


def full(room: int, usages: Sequence[Usage]) -> list[tuple[int, int]]:
    """The spans in which more than the room is held, in order."""
    steps = sorted([(u.start, u.amount) for u in usages] + [(u.end, -u.amount) for u in usages])
    spans, level = [], 0
    for (instant, step), (following, _) in pairwise(steps):
        level += step
        if level > room and instant < following:
            spans.append((instant, following))
    return spans


def _by_dimension(usages: Iterable[Usage]) -> dict[str, list[Usage]]:
    found: dict[str, list[Usage]] = {}
    for usage in usages:
        found.setdefault(usage.dimension, []).append(usage)
    return found


def _over(
    resource: Resource, dimension: str, limit: int, asked: int, held: Window, usages: Sequence[Usage]
) -> list[Clash]:
    """The rivals with which one dimension would be over its limit, each where they meet."""
    if not asked or sum(usage.amount for usage in usages) + asked <= limit:
        return []
    found = []
    spans = [(u.start, u.end, u.amount) for u in usages]
    for rival in sorted(usages, key=lambda u: (u.start, u.booking)):
        begin, finish = max(rival.start, held.start), min(rival.end, held.until)
        highest = peak(spans, begin, finish)
        if rival.amount and highest + asked > limit:
            found.append(_clash(resource, dimension, limit, asked, limit - highest, rival, begin, finish))
    if asked > limit and not found:
        found.append(_clash(resource, dimension, limit, asked, limit, None, held.start, held.until))
    return found


def _clash(
    resource: Resource, dimension: str, limit: int, asked: int, left: int, rival: Usage | None, begin: int, finish: int
) -> Clash:
    def shown(amount: int) -> int | float:
        return in_units(amount) if dimension else amount

    return Clash(
        resource.name, rival.booking if rival else "", rival.name if rival else "", begin,
        None if finish >= FOREVER else finish, shown(limit), shown(asked), shown(max(0, left)), dimension,
    )  # fmt: skip


def _never(resource: Resource, held: Window, name: str, why: str) -> Clash:
    return Clash(resource.name, "", "", held.start, held.end, 0, 0, 0, name, why)


def _shut(resource: Resource, held: Window, closure: Closure, opens: int | None) -> Clash:
    since = f"from {written(closure.start)} " if closure.start > -FOREVER else ""
    until = f"until {written(closure.end)}" if closure.end < FOREVER else "for good"
    again = f"; it opens at {written(opens)}" if opens not in (None, closure.end) else ""
    permanent = "; a permanent booking needs it open without end" if held.end is None else ""
    begin, finish = closure.start if since else held.start, None if closure.end >= FOREVER else closure.end
    why = f"closed {since}{until} ({closure.why}){again}{permanent}"
    return Clash(resource.name, "", "", begin, finish, 0, 0, 0, "", why, opens)


def _disagreed(resource: Resource, held: Window, rival: Usage, value: str) -> Clash:
    begin, finish = max(rival.start, held.start), min(rival.end, held.until)
    why = f"{rival.dimension} is {rival.agreed} for {rival.name} ({rival.booking}) then, {value} asked"
    until = None if finish >= FOREVER else finish
    return Clash(resource.name, rival.booking, rival.name, begin, until, 0, 0, 0, rival.dimension, why)
