# SPDX-License-Identifier: Apache-2.0
"""The course of one resource over a window: who has how much of it, when it is closed and why, when it is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise, takewhile

from preroll.domain.availability import Closure, closures, horizon
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import CONCURRENCY, Left, Usage, limit
from preroll.domain.window import FOREVER, Window


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time in which nothing changes."""

    start: int
    end: int
    holders: tuple[Usage, ...]
    """What bookings have of it, dimension by dimension; none: nobody has anything."""
    closed: tuple[str, ...]
    """Why it cannot be had; none: it is open."""
    left: tuple[Left, ...]
    """What nobody has, dimension by dimension."""


def course(resource: Resource, within: Window, usages: Iterable[Usage], now: int) -> list[Stretch]:
    """The stretches of a window that ends, without a gap, in order; neighbours differ.

    Args:
        usages: what bookings hold of the resource within the window.
        now: from which it is counted how far ahead it can be booked.
    """
    held = sorted(usages, key=lambda u: (u.start, u.name, u.booking, u.dimension))
    shut = _closed(resource, within, now)
    spans = chain(((u.start, u.end) for u in held), ((c.start, c.end) for c in shut))
    edges = {at for span in spans for at in span if within.contains(at)}
    cuts = sorted(edges | {within.start, within.until})
    stretches = _stretches(resource, cuts, held, shut)
    return [_joined(list(same)) for _, same in groupby(stretches, key=lambda s: (s.holders, s.closed))]


def _closed(resource: Resource, within: Window, now: int) -> list[Closure]:
    found = []
    if resource.mode is not Mode.AVAILABLE:
        found.append(Closure(within.start, within.until, f"mode {resource.mode.value}"))
    if resource.availability:
        found += takewhile(lambda c: c.start < within.until, closures(resource.availability, within.start))
        why = f"bookable at most {resource.availability.days_ahead} days ahead"
        found.append(Closure(horizon(resource.availability, now), FOREVER, why))
    return sorted(found)


def _stretches(
    resource: Resource, cuts: Sequence[int], held: Sequence[Usage], shut: Sequence[Closure]
) -> Iterator[Stretch]:
    begun: list[Usage] = []
    closing: list[Closure] = []
    coming, closed_next = iter([*held, None]), iter([*shut, None])
    usage, closure = next(coming), next(closed_next)
    for start, end in pairwise(cuts):
        while usage and usage.start <= start:
            begun.append(usage)
            usage = next(coming)
        while closure and closure.start <= start:
            closing.append(closure)
            closure = next(closed_next)
        begun = [u for u in begun if u.end > start]
        closing = [c for c in closing if c.end > start]
        yield Stretch(start, end, tuple(begun), tuple(c.why for c in closing), _left(resource, begun))


def _left(resource: Resource, held: Sequence[Usage]) -> tuple[Left, ...]:
    taken: dict[str, int] = {}
    for usage in held:
        taken[usage.dimension] = taken.get(usage.dimension, 0) + usage.amount
    return tuple(
        Left(name, limit(resource, name), max(0, limit(resource, name) - taken.get(name, 0)))
        for name in (CONCURRENCY, *resource.capacities)
    )


def _joined(same: Sequence[Stretch]) -> Stretch:
    first = same[0]
    return Stretch(first.start, same[-1].end, first.holders, first.closed, first.left)
