# SPDX-License-Identifier: Apache-2.0
"""What screens and programs read: facts put together, never stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache

from preroll.app import sight
from preroll.app.quarantine import Lot, lot_of
from preroll.app.workers import out_of_reach
from preroll.domain.actions import Standing, refusals_of, standing, why_not_owned, why_not_yours
from preroll.domain.attention import Attention, attention, told
from preroll.domain.audit import Verdict
from preroll.domain.auditing import stands
from preroll.domain.booking import Booking, Phase, State
from preroll.domain.boundaries import EXTERNAL, OPEN, Boundary, BoundaryState, Kind, orchestrates
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import NotFound
from preroll.domain.external import unquiet
from preroll.domain.permission import Actor, allows, permit
from preroll.domain.resource import Resource
from preroll.domain.retrying import why_not_retried
from preroll.domain.values import dataclass
from preroll.ports.rows import LogLine
from preroll.ports.store import RunRow, StepRow, Store, Tx

PAUSED = "waits until its platform is no longer paused"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due event that cannot begin yet, and why."""

    event: str
    since_us: int
    for_booking: str
    """Id of the booking that must give way first; empty: a free place among the platform's scripts."""
    for_name: str
    what: str


@dataclass(frozen=True, slots=True)
class Offered:
    """An action, and why it is not possible now."""

    name: str
    why: str
    """Empty: it is possible, as far as its state says; resources and clock have their say when it is asked for."""

    @property
    def possible(self) -> bool:
        """Can it be asked for now?"""
        return not self.why


class WithActions:
    """Something with which things can be done."""

    __slots__ = ()
    actions: tuple[Offered, ...]

    @property
    def possible(self) -> tuple[str, ...]:
        """Names of the actions that are possible now."""
        return tuple(action.name for action in self.actions if action.possible)


@dataclass(frozen=True, slots=True)
class BookingDetails(WithActions):
    """A booking with all that a screen shows of it."""

    booking: Booking
    platform: str
    definition: ServiceDefinition | None
    boundaries: tuple[Boundary, ...]
    waiting: tuple[Waiting, ...]
    actions: tuple[Offered, ...]
    """Every action, in the order of the table."""
    late_us: int
    """By how much its next event is late; 0: it is not."""
    warnings: tuple[str, ...]
    resources: Mapping[str, str] = field(default_factory=dict)
    """Id -> name of the resources that it chose."""
    known: Verdict | None = None
    """What the audits of its service say now; None: it has none."""
    attention: Attention | None = None
    """That its time comes near, or is over, and it is not confirmed."""
    lot: Lot | None = None
    """What it lost, or holds in conflict; None: nothing."""
    confirming: Boundary | None = None
    """Its last round of created booking actions, with what came of it; None: it had none."""


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with its steps."""

    run: RunRow
    steps: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A part of the change log."""

    changes: tuple[Change, ...]
    position: str
    """Where it goes on; there may be more even when nothing of this part is shown."""


def details(
    tx: Tx,
    booking: Booking,
    boundaries: Sequence[Boundary] | None = None,
    not_reset: Sequence[Booking] | None = None,
    resources: Sequence[Resource] | None = None,
) -> BookingDetails:
    """Put a booking's details together.

    Args:
        boundaries: its own, when they are known already.
        resources: those that it chose, when they are known already.
        not_reset: who left one of its resources not reset, when that is known already.
    """
    boundaries = tx.boundaries.of(booking.key) if boundaries is None else boundaries
    if resources is None:
        resources = tx.catalogue.resources(booking.platform, ids=booking.resources) if booking.resources else ()
    definition = tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
    audited = definition is not None and bool(definition.audits)
    lot, home = lot_of(tx, booking), tx.platforms.by_key(booking.platform)
    needed = attention(booking, tx.now, home.config.limits.near_air_us)
    locks, hindered = home.config.lock_bookings, _hindered(booking, boundaries, lot, tx.now, audited=audited)
    return BookingDetails(
        booking=booking,
        platform=home.name,
        definition=definition,
        boundaries=tuple(b for b in boundaries if b.kind not in (Kind.AUDIT, Kind.CREATED)),
        waiting=tuple(_waiting(tx, home, booking, boundaries, resources)),
        actions=_offered(standing(booking), booking.owner, tuple(hindered.items()), locks=locks),
        late_us=_late(booking, boundaries, tx.now),
        warnings=(
            *_warnings(tx, booking, resources, lot, not_reset, needed),
            *_refused_by_devices(booking, boundaries),
        ),
        resources={r.id: r.name for r in resources},
        known=stands(booking, boundaries, tx.records.rounds(booking.key)) if audited else None,
        attention=needed,
        lot=lot,
        confirming=max((b for b in boundaries if b.kind is Kind.CREATED), key=lambda b: b.key, default=None),
    )


@lru_cache(maxsize=1024)
def _offered(now: Standing, owner: str, hindered: tuple[tuple[str, str], ...], *, locks: bool) -> tuple[Offered, ...]:
    """Every action for all bookings that stand alike."""
    others = dict(hindered)
    return tuple(
        Offered(name, reason or why_not_owned(owner, name, locks=locks) or others.get(name, ""))
        for name, reason in refusals_of(now).items()
    )


def possible_to(tx: Tx, by: Actor, booking: Booking) -> list[str]:
    """Names of the actions that would be accepted now if this actor asked for them."""
    locks = tx.platforms.by_key(booking.platform).config.lock_bookings
    return [
        name
        for name in details(tx, booking).possible
        if allows(by, f"booking.{name}", booking.platform) and not why_not_yours(booking, name, by.name, locks=locks)[0]
    ]


def _hindered(
    booking: Booking, boundaries: Sequence[Boundary], lot: Lot | None, now: int, *, audited: bool
) -> Mapping[str, str]:
    """What keeps actions that the tables admit from being possible."""
    stuck = lot is None or bool(lot.in_the_way)
    kept = any(choice.kept for choice in booking.nodes.values())
    found = {} if kept else {"apply-now": "no profile of it has changed since it began"}
    return (
        found
        | ({} if audited else {"audit": "its service definition has no audits"})
        | ({"leave-quarantine": "what it lost is not free"} if stuck else {})
        | {"retry": why_not_retried(booking, boundaries, now)[0], "acknowledge": unquiet(boundaries)[0]}
    )


def next_open(boundaries: Sequence[Boundary]) -> Boundary | None:
    """The next event of a booking, or the one that runs; None: there is none to come."""
    return next((b for b in boundaries if b.state in OPEN and b.trigger is not None), None)


def _late(booking: Booking, boundaries: Sequence[Boundary], now: int) -> int:
    first = next_open(boundaries)
    if first is None or first.state is not BoundaryState.ARMED or not orchestrates(booking.state):
        return 0
    return max(0, now - first.due_us)


def _waiting(
    tx: Tx, home: Platform, booking: Booking, boundaries: Sequence[Boundary], resources: Sequence[Resource]
) -> list[Waiting]:
    found = []
    due = [b for b in boundaries if b.state in OPEN and b.due_us <= tx.now]
    beyond = out_of_reach(tx, resources) if due else ""
    for boundary in due:
        if boundary.state is BoundaryState.RUNNING:
            if beyond and tx.workers.gone(boundary.worker):
                text = f"its worker is gone; {beyond}"
                found.append(Waiting(boundary.event.name, boundary.due_us, "", "", text))
        elif home.config.paused or boundary.waits_for is not None:
            rival = None
            if boundary.waits_for is not None and not home.config.paused:
                rival = tx.bookings.by_key(tx.boundaries.booking_of(boundary.waits_for))
            found.append(waits(home, boundary, rival, beyond))
        elif orchestrates(booking.state) and boundary == next_open(boundaries):
            found.append(waits(home, boundary, None, beyond))
    return found


def waits(home: Platform, boundary: Boundary, rival: Booking | None, beyond: str) -> Waiting:
    """A due event that has not begun, and why.

    Args:
        rival: who must give way first.
        beyond: why no worker reaches the booking's devices; empty: one does.
    """
    if home.config.paused:
        return Waiting(boundary.event.name, boundary.due_us, "", "", f"{PAUSED}: {home.name}")
    if rival is None:
        return Waiting(boundary.event.name, boundary.due_us, "", "", beyond or "waits for its turn")
    text = f"waits for {rival.name} ({rival.id}) to give way"
    return Waiting(boundary.event.name, boundary.due_us, rival.id, rival.name, text)


def _warnings(
    tx: Tx,
    booking: Booking,
    resources: Sequence[Resource],
    lot: Lot | None,
    not_reset: Sequence[Booking] | None,
    needed: Attention | None,
) -> list[str]:
    found = []
    if needed is not None:
        found.append(told(booking, needed, tx.now))
    if lot is not None:
        found += _told(lot, booking)
    if booking.not_reset:
        found.append("not reset: its last event failed, the devices may still be as it left them")
    if booking.phase is not Phase.ENDED:
        found += [_untouched(booking, r) for r in resources if r.hands_off]
    if booking.state in (State.PARTIAL, State.CONFIRMED, State.ON_HOLD):
        found += [
            f"a resource was not reset by {b.name} ({b.id})"
            for b in (tx.reservations.not_reset_on(resources) if not_reset is None else not_reset)
            if b.id != booking.id
        ]
    return found


def _untouched(booking: Booking, resource: Resource) -> str:
    """What hands off means for a booking."""
    then = "what its scripts apply there is left out" if booking.began else "the booking fails if it is so at its start"
    return f"{resource.name} is hands off: nothing is sent to it; {then}"


def _refused_by_devices(booking: Booking, boundaries: Sequence[Boundary]) -> list[str]:
    """What people asked for while it runs, and what failed last."""
    if booking.phase is not Phase.RUNNING:
        return []
    failed = [b for b in boundaries if b.kind in EXTERNAL and b.state is BoundaryState.FAILED]
    return [f"{b.event.name} failed: {b.message}" for b in failed]


def _sees(tx: Tx, by: Actor, run: RunRow) -> bool:
    owner = tx.bookings.get(run.booking, hidden=True)
    return by.sees(owner.platform, owner.scopes)


def _told(lot: Lot, booking: Booking) -> list[str]:
    if booking.phase is Phase.RUNNING:
        return [f"in conflict: {clash}" for clash in lot.in_the_way]
    lost = [f"lost {loss}" for loss in dict.fromkeys(map(str, lot.losses))]
    free = booking.state is State.QUARANTINED and not lot.in_the_way
    return [*lost, "nothing is in its way any more: it can leave quarantine"] if free else lost


class Views:
    """What happened: runs, steps, action log, changes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def runs(self, by: Actor, booking: str) -> list[RunDetails]:
        """The runs of a booking, oldest first, each with its steps."""

        def query(tx: Tx) -> list[RunDetails]:
            owner = sight.booking(tx, by, booking, hidden=True)
            runs = tx.records.runs(owner.key)
            steps = tx.records.steps([r.id for r in runs])
            return [RunDetails(r, tuple(s for s in steps if s.run == r.id)) for r in runs]

        return await self._store.read(query)

    async def run(self, by: Actor, ident: str) -> RunDetails:
        """One run with its steps."""

        def query(tx: Tx) -> RunDetails:
            run = tx.records.run(ident)
            if not _sees(tx, by, run):
                raise NotFound("run", ident)
            permit(by, "view", tx.bookings.get(run.booking, hidden=True).platform)
            return RunDetails(run, tuple(tx.records.steps([ident])))

        return await self._store.read(query)

    async def log(self, by: Actor, booking: str, run: str | None = None) -> list[LogLine]:
        """A booking's action log, oldest first; of one run when it is named."""

        def query(tx: Tx) -> list[LogLine]:
            owner = sight.booking(tx, by, booking, hidden=True)
            return tx.records.log(owner.key, run=run)

        return await self._store.read(query)

    async def history(self, by: Actor, subject: str) -> list[Change]:
        """All changes of one thing, oldest first."""

        def query(tx: Tx) -> list[Change]:
            permit(by, "view")
            return sight.changes(tx, by, tx.changes.of(subject))

        return await self._store.read(query)

    async def booking_history(self, by: Actor, booking: str) -> list[Change]:
        """All changes of a booking, oldest first; also of a deleted one."""

        def query(tx: Tx) -> list[Change]:
            return tx.changes.of(sight.booking(tx, by, booking, hidden=True).id)

        return await self._store.read(query)

    async def changes(self, by: Actor, after: str, limit: int = 100, platform: int | None = None) -> Told:
        """Changes after a cursor, oldest first; what the actor may not know of is left out."""
        permit(by, "view", platform)
        found = await self._store.feed.read(after, limit, platform=platform)
        position = found[-1].position if found else after
        if by.sight is None or not found:
            return Told(tuple(found), position)
        return Told(tuple(await self._store.read(lambda tx: sight.changes(tx, by, found))), position)

    async def tail(self, by: Actor) -> str:
        """The cursor of the newest change."""
        permit(by, "view")
        return await self._store.feed.tail()

    async def wait(self, by: Actor, after: str, timeout: float) -> None:
        """Return when there is a change after the cursor, or after ``timeout`` seconds."""
        permit(by, "view")
        await self._store.feed.coming(after, timeout, 1, lambda _, found: found)
