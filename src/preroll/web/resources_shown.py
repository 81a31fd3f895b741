# SPDX-License-Identifier: Apache-2.0
"""Resources as the page shows them: what one is, when it can be had, who has it now and next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from preroll.domain.availability import MINUTES, Availability, Hours
from preroll.domain.free_busy import Stretch
from preroll.domain.resource import Mode, Resource
from preroll.domain.window import DAY

AHEAD = 7 * DAY
"""So far ahead it is looked who has a resource."""
SOON = 25
"""Spans of one resource that are listed."""
HANDS_OFF = "hands off"
STATES = (*(mode.value for mode in Mode), HANDS_OFF)
"""What a list can be narrowed to."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A booking that has something of a resource."""

    id: str
    """Empty: who looks may not know of it."""
    name: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list."""

    resource: Resource
    state: str
    """Empty: it is available as usual."""
    now: Sequence[Holder]
    next: Holder | None
    closed: str
    """Why it cannot be had now; empty: it is open."""


def line(resource: Resource, stretches: Sequence[Stretch]) -> Line:
    """A resource in the list."""
    first = stretches[0]
    found = holders(stretches)
    now = [one for one in found if one.start_us <= first.start]
    coming = next((one for one in found if one.start_us > first.start), None)
    return Line(resource, state(resource), now, coming, "; ".join(first.closed))


def state(resource: Resource) -> str:
    """What is unusual about it now; empty: nothing."""
    mode = "" if resource.mode is Mode.AVAILABLE else resource.mode.value
    return ", ".join(filter(None, (mode, HANDS_OFF if resource.hands_off else "")))


def holders(stretches: Sequence[Stretch]) -> list[Holder]:
    """Who has it, in order, each once."""
    found: dict[tuple[str, int, int], Holder] = {}
    for stretch in stretches:
        for one in stretch.holders:
            found.setdefault(
                (one.booking or one.name, one.start, one.end), Holder(one.booking, one.name, one.start, one.end)
            )
    return sorted(found.values(), key=lambda one: (one.start_us, one.name))


def closed(stretches: Sequence[Stretch]) -> list[tuple[int, int, str]]:
    """(from, to, why) of each span in which it cannot be had."""
    found: list[tuple[int, int, str]] = []
    for one in stretches:
        why = "; ".join(one.closed)
        if found and found[-1][1:] == (one.start, why):
            found[-1] = (found[-1][0], one.end, why)
        elif why:
            found.append((one.start, one.end, why))
    return found


def facts(resource: Resource) -> Iterator[tuple[str, str]]:
    """What it is, line by line."""
    yield "Function", resource.function
    yield "Pools", ", ".join(resource.pools)
    yield "Driver", resource.driver
    yield "Address", _pairs(resource.address)
    yield "Device", resource.device
    yield "Priority", f"{resource.priority}: lower is taken first"
    yield "At once", str(resource.concurrency)
    for name, amount in resource.capacities.items():
        yield f"Capacity: {name}", f"{amount:g}"
    for name, one in resource.capabilities.items():
        yield f"Can do: {name}", one.expected
    yield "Reached from", _pairs(resource.labels)
    for name, value in resource.properties.items():
        yield name, str(value)


def hours(availability: Availability | None) -> Iterator[tuple[str, str]]:
    """When it can be booked, in words, but for its periods."""
    if availability is None:
        return
    for one in availability.weekly:
        yield ", ".join(one.days), f"{_clock(one)} {availability.clock}"
    if availability.days_ahead is not None:
        yield "Ahead", f"at most {availability.days_ahead} days"


def _clock(one: Hours) -> str:
    return " – ".join(f"{at // 60:02}:{at % 60:02}" if at < MINUTES else "24:00" for at in (one.start, one.end))


def _pairs(found: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
