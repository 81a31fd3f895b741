# SPDX-License-Identifier: Apache-2.0
"""Who yields when there is not enough for everybody, and what of theirs: nobody more, and nothing more, than needed.

The stronger is served first, so a booking loses only against bookings that are stronger. Who loses anything is
quarantined, therefore it loses all that stands in the way before the next one has to (SPEC 6).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from preroll.domain.availability import same_hours
from preroll.domain.booking import Booking, Phase, State
from preroll.domain.capacity import in_units
from preroll.domain.errors import Losing
from preroll.domain.resource import Mode, Resource
from preroll.domain.usage import CONCURRENCY, Need, Usage, full, limit, never, shut
from preroll.domain.window import FOREVER, Window, peak


class Kind(StrEnum):
    """What kind of conflict it is; the vendor's words."""

    CONCURRENCY = "ConcurrencyOverflow"
    CAPACITY = "CapacityOverflow"
    CAPABILITY = "UnavailableCapability"
    AGREEMENT = "UnavailableTimeDependentCapability"
    AVAILABILITY = "OutsideResourceAvailabilityWindow"


class Reason(StrEnum):
    """What brought it about; the vendor's words."""

    UPDATED = "ReservationInstanceUpdated"
    """A booking was made, moved or given more; or a profile instance that bookings refer to was changed."""
    CAPACITY_DELETED = "CapacityDeleted"
    CAPACITY_LOWERED = "CapacityDowngraded"
    CAPABILITY_DELETED = "CapabilityDeleted"
    CAPABILITY_LOWERED = "CapabilityDowngraded"
    CONCURRENCY_LOWERED = "ConcurrencyDowngraded"
    MAINTENANCE = "MovedToMaintenance"
    AVAILABILITY_CHANGED = "ResourceAvailabilityWindowChanged"
    RESOURCE_DELETED = "ResourceDeleted"


@dataclass(frozen=True, slots=True)
class Rival:
    """A booking that has what another one lost."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Loss:
    """What a booking lost of one dimension of a resource over its held window."""

    resource: int
    """Key."""
    resource_name: str
    dimension: str
    """Empty: its place among those that hold the resource at once."""
    amount: int
    """Nodes, or millionths of the capacity's unit."""
    start: int
    end: int
    """FOREVER for a booking without end."""
    kind: Kind
    about: str = ""
    """The dimension or capability that is in conflict; a place or a capability takes the others with it."""
    why: str = ""
    """Set when it is no matter of amounts."""
    rivals: tuple[Rival, ...] = ()
    reason: Reason = Reason.UPDATED
    held: bool = False
    """The booking runs: it keeps what it should not have, and is marked in conflict."""
    was: State = State.PARTIAL
    """What the booking was before it lost anything."""
    at_us: int = 0

    @property
    def shown(self) -> float:
        """The amount as people write it."""
        return in_units(self.amount) if self.dimension else self.amount

    def __str__(self) -> str:
        if self.why:
            return f"{self.resource_name}: {self.why}"
        to = f" to {', '.join(rival.name for rival in self.rivals)}" if self.rivals else ""
        what = self.dimension and (f"{self.shown:g} of {self.dimension}" if self.amount else f"its {self.dimension}")
        return f"{self.resource_name}: {what or 'its place'}{to}"


@dataclass(frozen=True, slots=True)
class Share:
    """What a booking holds, or wants, of one resource."""

    resource: Resource
    amounts: Mapping[str, tuple[int, str]]
    """Dimension -> (amount, agreed value)."""
    never: tuple[tuple[str, str], ...] = ()
    """(capability, what it is about) of each that the resource cannot give it at all; empty: it cannot be had then."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A booking with its shares of the resources that are looked at."""

    booking: Booking
    shares: tuple[Share, ...]
    instead_of: frozenset[str] = frozenset()
    """Ids of the services in whose place it holds them: what they agreed on is not in its way."""

    @property
    def runs(self) -> bool:
        """Does it run? Then it never loses."""
        return self.booking.phase is Phase.RUNNING


@dataclass(frozen=True, slots=True)
class Loser:
    """A booking that loses, and what. One that runs keeps it all and is in conflict."""

    booking: Booking
    losses: tuple[Loss, ...]

    @property
    def told(self) -> list[Losing]:
        """For the refusal that lists what force would do."""
        b = self.booking
        return [
            Losing(
                b.id, b.name, b.state.value, loss.resource_name, loss.dimension, loss.shown, loss.start,
                None if loss.end >= FOREVER else loss.end, loss.kind.value, str(loss), loss.held, loss.reason.value,
                b.state.value if loss.held else State.QUARANTINED.value,
            )
            for loss in self.losses
        ]  # fmt: skip


def share(need: Need, held: Window, since: int = -FOREVER) -> Share:
    """What a booking that needs this over a window wants; what is closed before an instant is no matter any more."""
    closed = [("", clash.why) for clash in shut(need.resource, held, since)]
    return Share(need.resource, need.amounts(), (*never(need.resource, need.wishes), *closed))


def standing(booking: Booking) -> tuple[object, ...]:
    """Sorts bookings; the last loses first (SPEC 6).

    Running bookings never lose; then: already quarantined, lower priority, Partial / On-Hold before Confirmed, later
    start, last name, last id.
    """
    return (
        booking.phase is not Phase.RUNNING, booking.state is State.QUARANTINED, -booking.priority,
        booking.state is not State.CONFIRMED, booking.timing.start, booking.name.casefold(), booking.id,
    )  # fmt: skip


def settle(contenders: Sequence[Contender]) -> list[Loser]:
    """Who must yield so that no limit is exceeded, the first to lose first, each with what it loses.

    Who can have all that it holds or wants beside everyone stronger keeps it whole. The others get what is left then:
    only the excess of a capacity is taken, a place or a capability goes with all that is held of the resource.
    """
    taken = _Taken()
    losers, victims = [], []
    for contender in sorted(_troubled(contenders), key=lambda c: standing(c.booking)):
        found = taken.losses(contender)
        if found and not contender.runs:
            victims.append(contender)
            continue
        if found:
            losers.append(Loser(contender.booking, tuple(found)))
        taken.give(contender)
    for victim in victims:
        found = taken.losses(victim)
        losers.append(Loser(victim.booking, tuple(found)))
        taken.give(victim, found)
    return losers[::-1]


def reason_of(loss: Loss, before: Resource, after: Resource | None) -> Reason:
    """Why a change of a resource, or its removal, brought a loss about."""
    if after is None:
        return Reason.RESOURCE_DELETED
    match loss.kind:
        case Kind.AVAILABILITY:
            return Reason.MAINTENANCE if after.mode is Mode.MAINTENANCE else Reason.AVAILABILITY_CHANGED
        case Kind.CAPABILITY | Kind.AGREEMENT:
            gone = loss.about in before.capabilities and loss.about not in after.capabilities
            changed = before.capabilities != after.capabilities
            return Reason.CAPABILITY_DELETED if gone else Reason.CAPABILITY_LOWERED if changed else Reason.UPDATED
        case Kind.CONCURRENCY:
            return Reason.CONCURRENCY_LOWERED if after.concurrency < before.concurrency else Reason.UPDATED
        case Kind.CAPACITY:
            had, has = before.capacities.get(loss.dimension, 0), after.capacities.get(loss.dimension)
            if has is None and had:
                return Reason.CAPACITY_DELETED
            return Reason.CAPACITY_LOWERED if (has or 0) < had else Reason.UPDATED


def offers_another(before: Resource, after: Resource) -> bool:
    """Did a change of a resource touch what bookings hold of it?"""
    watched = ("concurrency", "capacities", "capabilities")
    in_maintenance = (before.mode is Mode.MAINTENANCE) is not (after.mode is Mode.MAINTENANCE)
    moved = not same_hours(before.availability, after.availability)
    return in_maintenance or moved or any(getattr(before, name) != getattr(after, name) for name in watched)


@dataclass(frozen=True, slots=True)
class _Obstacle:
    dimension: str
    kind: Kind
    excess: int
    why: str = ""
    rivals: tuple[Rival, ...] = ()


class _Taken:
    """What has been given out."""

    def __init__(self) -> None:
        self._usages: dict[tuple[int, str], list[Usage]] = {}
        """By start."""
        self._longest: dict[tuple[int, str], int] = {}

    def give(self, contender: Contender, but: Iterable[Loss] = ()) -> None:
        """The contender has its shares, but for what it lost."""
        lost = {(loss.resource, loss.dimension): loss.amount for loss in but}
        for usage, resource in _usages(contender):
            without = lost.get((resource.key, usage.dimension))
            if without is None:
                kept = usage
            elif usage.amount > without:
                kept = Usage(
                    usage.dimension, usage.start, usage.end, usage.amount - without, usage.agreed, usage.booking,
                    usage.name,
                )  # fmt: skip
            else:
                continue
            key = resource.key, usage.dimension
            insort(self._usages.setdefault(key, []), kept, key=_start)
            self._longest[key] = max(self._longest.get(key, 0), kept.end - kept.start)

    def losses(self, contender: Contender) -> list[Loss]:
        """What it cannot have beside all that has been given out."""
        found: list[Loss] = []
        held = contender.booking.timing.held
        for part in contender.shares:
            obstacles = self._obstacles(part, held.start, held.until, contender.instead_of)
            whole = next((o for o in obstacles if o.kind is not Kind.CAPACITY), None)
            if whole is None or contender.runs:
                lost = [(o, o.dimension, o.excess) for o in obstacles]
            else:
                lost = [(whole, dimension, amount) for dimension, (amount, _) in part.amounts.items()]
            found += [
                Loss(
                    part.resource.key, part.resource.name, dimension, amount, held.start, held.until, o.kind,
                    o.dimension, o.why, o.rivals, held=contender.runs, was=contender.booking.state,
                )
                for o, dimension, amount in lost
            ]  # fmt: skip
        return found

    def _during(self, key: tuple[int, str], start: int, end: int) -> list[Usage]:
        there = self._usages.get(key, [])
        first = bisect_right(there, start - self._longest.get(key, 0), key=_start)
        return [u for u in there[first : bisect_left(there, end, key=_start)] if start < u.end]

    def _obstacles(self, part: Share, start: int, end: int, own: frozenset[str]) -> list[_Obstacle]:
        found = [_Obstacle(name, Kind.CAPABILITY if name else Kind.AVAILABILITY, 0, why) for name, why in part.never]
        for dimension, (amount, agreed) in part.amounts.items():
            others = self._during((part.resource.key, dimension), start, end)
            if agreed:
                found += _disagreement(dimension, agreed, [u for u in others if u.booking not in own])
                continue
            over = (
                amount
                + peak([(u.start, u.end, u.amount) for u in others], start, end)
                - limit(part.resource, dimension)
            )
            if over > 0:
                kind = Kind.CAPACITY if dimension else Kind.CONCURRENCY
                found.append(_Obstacle(dimension, kind, min(over, amount), rivals=_rivals(others)))
        return found


def _start(usage: Usage) -> int:
    return usage.start


def _disagreement(dimension: str, agreed: str, others: Sequence[Usage]) -> list[_Obstacle]:
    rivals = [u for u in others if u.agreed != agreed]
    if not rivals:
        return []
    why = f"{dimension} is {rivals[0].agreed} for {rivals[0].name} then, {agreed} asked"
    return [_Obstacle(dimension, Kind.AGREEMENT, 0, why, _rivals(rivals))]


def _rivals(usages: Iterable[Usage]) -> tuple[Rival, ...]:
    return tuple(dict.fromkeys(Rival(u.booking, u.name) for u in usages))


def _usages(contender: Contender) -> list[tuple[Usage, Resource]]:
    b, held = contender.booking, contender.booking.timing.held
    return [
        (Usage(dimension, held.start, held.until, amount, agreed, b.id, b.name), part.resource)
        for part in contender.shares
        for dimension, (amount, agreed) in part.amounts.items()
    ]


def _troubled(contenders: Sequence[Contender]) -> list[Contender]:
    """Those that have to do with any excess; at every other instant there is enough for everybody."""
    wanted: dict[tuple[int, str], list[Usage]] = {}
    resources: dict[int, Resource] = {}
    for contender in contenders:
        for usage, resource in _usages(contender):
            resources[resource.key] = resource
            wanted.setdefault((resource.key, usage.dimension), []).append(usage)
    troubled = {c.booking.id for c in contenders if any(part.never for part in c.shares)}
    for (key, dimension), usages in wanted.items():
        if dimension != CONCURRENCY and len({u.agreed for u in usages}) > 1:
            troubled |= {u.booking for u in usages}
            continue
        spans = full(limit(resources[key], dimension), usages)
        troubled |= {u.booking for u in usages if _meets(u, spans)}
    return [c for c in contenders if c.booking.id in troubled]


def _meets(usage: Usage, spans: Sequence[tuple[int, int]]) -> bool:
    """Is something held within one of these spans, which are in order and apart?"""
    following = bisect_right(spans, usage.start, key=_end)
    return following < len(spans) and spans[following][0] < usage.end


def _end(span: tuple[int, int]) -> int:
    return span[1]
