# SPDX-License-Identifier: Apache-2.0
"""What the claim's rules need about a round of candidates: read at once, asked one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from preroll.domain.booking import ENDED, Booking
from preroll.domain.boundaries import Boundary, Direction
from preroll.domain.reach import Labels, read
from preroll.domain.resource import Mode
from preroll.store.catalogue import RESOURCE
from preroll.store.sql import Later, Row
from preroll.store.work import Work

HANDS_OFF = '%"hands_off":true%'
"""What a body must contain for its resource to be hands off; a property of that name has it too."""
_PERHAPS = "case when s.body like ? then s.body else '' end"
_HELD = (
    f"select r.booking, s.held_as, h.boundary, s.name, s.mode, s.labels, {_PERHAPS} from reservation r"
    " join resource s on s.key = r.resource left join device_hold h on h.device = s.held_as"
    " where r.booking in ?ints and r.live = 1 and r.dimension = 0"
)
_NAMES = (
    "select k.folded, (select b.id from booking b where b.platform = k.platform and b.folded = k.folded"
    " and b.live = 1 and b.began = 1 and b.definition is not null limit 1) from booking k where k.key in ?ints"
)
"""Looked up name by name: in a join PostgreSQL takes running bookings to be few, and goes through all of them."""
_DOWN_IS_DUE = "select 1 from boundary where rank = 0 and state in ('armed', 'running') and due_us <= ? limit 1"
_DOWN = (
    "select s.held_as, d.key, d.due_us, d.booking from resource s"
    " join reservation r on r.resource = s.key and r.live = 1 join boundary d on d.booking = r.booking"
    " and d.rank = 0 and d.state in ('armed', 'running') and d.due_us <= ?"
    " where s.held_as in ?texts order by d.due_us, d.key"
)
_CHOSEN = (
    f"select s.held_as, h.boundary, s.name, s.mode, s.labels, {_PERHAPS} from resource s"
    " left join device_hold h on h.device = s.held_as where s.id in ?texts"
)


@dataclass(slots=True)
class Facts:
    """What the rules need about the candidates of a round, read at once."""

    devices: Mapping[int, frozenset[str]]
    """Booking -> the devices that its run takes."""
    inactive: Mapping[int, tuple[str, ...]]
    """Booking -> names of its resources that may not be used now."""
    names: dict[str, str]
    """Folded name -> id of the running booking that has it."""
    taken: dict[str, int]
    """Device -> key of the boundary that holds it."""
    downs: Mapping[str, Sequence[tuple[int, int, int]]]
    """Device -> (key, due, booking) of the open down events of bookings that hold it."""
    needs: Mapping[int, Labels] = field(default_factory=dict)
    """Booking -> the labels of its resources; only of bookings that have some."""
    over: set[int] = field(default_factory=set)
    """Boundaries that this round has ended."""

    def blocks(self, boundary: Boundary, devices: Iterable[str]) -> int | None:
        """Key of the boundary that this one has to wait for: who holds a device, or must come down first."""
        for device in sorted(devices):
            if (holder := self.taken.get(device, boundary.key)) != boundary.key:
                return holder
        if boundary.event.direction is Direction.UP:
            for device in sorted(devices):
                for key, due, booking in self.downs.get(device, ()):
                    if booking != boundary.booking and due <= boundary.due_us and key not in self.over:
                        return key
        return None


class Asked(NamedTuple):
    """What is read of bookings before they are known themselves."""

    held: Later
    """What they hold: (booking, device, who has it now, resource, mode, labels, body if it may be hands off)."""
    names: Later
    """Their names, folded, and the running booking of the platform that has it, if one has: (name, id)."""
    down_is_due: Later
    """Anything, if any down event is due."""


def ask_facts(work: Work, keys: Sequence[int], horizon: int) -> Asked:
    """Ask for the facts about these bookings that need no other; down events are due by then."""
    db = work.db
    return Asked(db.later(_HELD, HANDS_OFF, keys), db.later(_NAMES, keys), db.later(_DOWN_IS_DUE, horizon))


def gather(work: Work, pairs: Sequence[tuple[Boundary, Booking]], asked: Asked, horizon: int) -> Facts:
    """Read the facts about these candidates of a platform."""
    devices: dict[int, set[str]] = defaultdict(set)
    idle: dict[int, set[str]] = defaultdict(set)
    places: dict[int, Labels] = {}
    taken: dict[str, int] = {}
    held = _chosen(work, [booking for _, booking in pairs], asked.held())
    for booking, device, holder, name, mode, labels, body in held:
        devices[booking].add(device)
        if holder is not None:
            taken[device] = holder
        if labels:
            places[booking] = places.get(booking, frozenset()) | read(labels)
        if mode != Mode.AVAILABLE.value:
            idle[booking].add(name)
        elif body and RESOURCE.decode(body).hands_off:
            idle[booking].add(f"{name} (hands off)")
    downs: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    if devices and asked.down_is_due():
        wanted = sorted({device for used in devices.values() for device in used})
        for device, key, due, booking in work.db.all(_DOWN, horizon, wanted):
            downs[device].append((key, due, booking))
    return Facts(
        {key: frozenset(used) for key, used in devices.items()},
        {key: tuple(sorted(resources)) for key, resources in idle.items()},
        {name: holder for name, holder in asked.names() if holder is not None},
        taken,
        downs,
        places,
    )


def needs_of(work: Work, found: Sequence[Booking]) -> Mapping[int, Labels]:
    """Booking -> the labels of its resources; only of bookings that have some."""
    needs: dict[int, Labels] = {}
    held = work.db.all(_HELD, HANDS_OFF, [booking.key for booking in found])
    for booking, _, _, _, _, labels, _ in _chosen(work, found, held):
        if labels:
            needs[booking] = needs.get(booking, frozenset()) | read(labels)
    return needs


def _chosen(work: Work, found: Sequence[Booking], held: Sequence[Row]) -> Iterator[Row]:
    """What each holds, or what it chose when it is over and retried."""
    yield from held
    for booking in found:
        if booking.state in ENDED and booking.resources:
            for row in work.db.all(_CHOSEN, HANDS_OFF, booking.resources):
                yield booking.key, *row
