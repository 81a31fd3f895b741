# SPDX-License-Identifier: Apache-2.0
"""What people and programs do with bookings. Each method is one unit; each says what guards it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.app import holding, quarantine
from preroll.app.asking import Ask, command
from preroll.app.recording import fire, store, tell
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import (
    FAILED_EVENT,
    LIFE_CYCLE,
    Booking,
    NodeChoice,
    State,
    Timing,
    Trigger,
    require_action,
)
from preroll.domain.boundaries import (
    BOUNDARY,
    EVENTS,
    STANDARD,
    Boundary,
    BoundaryState,
    BoundaryTrigger,
    Direction,
    Kind,
    begun_kinds,
    orchestrates,
    retime,
)
from preroll.domain.definition import ServiceDefinition
from preroll.domain.edits import timing_mistakes
from preroll.domain.errors import ActionNotPossible, Conflict, InUse, Invalid, Mistake, NotReady, Stale
from preroll.domain.permission import Actor, permit
from preroll.domain.service import STOP
from preroll.domain.window import SECOND
from preroll.ports.store import BookingFilter, Page, Store, Tx

Installed = Callable[[], Collection[str] | None]
WaysOut = Callable[[Actor, Booking, Conflict], Awaitable[Conflict]]
"""Adds to a refusal what would solve it."""
_BACK = {State.ON_HOLD: Trigger.LEAVE_QUARANTINE_HELD, State.CONFIRMED: Trigger.CONFIRM}
"""What takes a booking out of quarantine, by what it was; others become Partial."""
Retime = Callable[[Timing], Timing]


@dataclass(frozen=True, slots=True)
class NewBooking:
    """What is asked for. Resources are named by id or by name."""

    name: str
    timing: Timing
    platform: str = "default"
    definition: str | None = None
    """Name of a service definition; None: a free list of resources."""
    definition_version: int | None = None
    nodes: Mapping[str, NodeChoice] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    priority: int = 0
    zone: str = ""
    id: str = ""
    """The client's own UUID; empty: one is made."""
    force: bool = False
    """Save it in spite of conflicts: who must yield is quarantined."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change; None leaves a thing alone. Nodes given replace those of the same label; None removes one."""

    name: str | None = None
    timing: Timing | Retime | None = None
    """A rule from the stored timing to the new one lets the end move and keeps the start as it is now."""
    nodes: Mapping[str, NodeChoice | None] | None = None
    properties: Mapping[str, object] | None = None
    priority: int | None = None
    force: bool = False
    """Save it in spite of conflicts: who must yield is quarantined."""


class Bookings:
    """Book, edit, confirm, leave quarantine, hold, cancel, finish, retry, acknowledge.

    Every method raises NotFound for an unknown id, Stale when ``seen`` is not the booking's revision any more (None
    skips that guard), NotPermitted, and what its rule refuses. A refusal changes nothing.
    """

    def __init__(self, store: Store, installed: Installed, ways_out: WaysOut) -> None:
        self._store, self._installed, self._ways_out = store, installed, ways_out

    async def create(self, by: Actor, new: NewBooking, ask: Ask[BookingDetails] | None = None) -> BookingDetails:
        """Book: the state is Partial, the resources are held, nothing is orchestrated.

        Raises:
            Invalid: every mistake in the input. Conflict: a resource is held. NameInUse.
        """

        tried: list[Booking] = []

        def unit(tx: Tx) -> BookingDetails:
            platform = tx.platforms.get(new.platform)
            permit(by, "booking.create", platform.key)
            mistakes = list(new.timing.mistakes())
            if not new.name.strip():
                mistakes.append(Mistake("name", "is empty", "a name"))
            definition = None
            if new.definition is not None:
                definition = tx.catalogue.definition(platform.key, new.definition, new.definition_version)
            if mistakes:
                raise Invalid(mistakes)
            booking = Booking(
                key=0, id=new.id or tx.new_id(), platform=platform.key, name=new.name.strip(), state=LIFE_CYCLE.initial,
                timing=new.timing, definition=definition.key if definition else None,
                nodes=_resolve(tx, platform.key, new.nodes), properties=dict(new.properties), priority=new.priority,
                service_state=platform.config.service_states.mapping.initial or STOP, zone=new.zone or platform.zone,
                created_us=tx.now, created_by=by.name, changed_us=tx.now,
            )  # fmt: skip
            if mistakes := holding.node_mistakes(tx, booking, definition):
                raise Invalid(mistakes)
            tried.append(booking)
            verdict = quarantine.weigh(tx, by, None, booking, force=new.force)
            booking = tx.bookings.add(booking)
            tell(tx, by, "booking.created", booking, after=booking.state)
            quarantine.impose(tx, by, verdict.others, f"booking {booking.id}")
            return details(tx, quarantine.hold(tx, by, booking, verdict))

        try:
            return await command(self._store, by, unit, ask)
        except Conflict as conflict:
            raise await self._ways_out(by, tried[-1], conflict) from None

    async def edit(
        self, by: Actor, ident: str, seen: int | None, change: Edit, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Change what is given. The boundaries that have not begun move in the same transaction.

        A confirmed booking that loses something mandatory becomes Partial again.

        Raises:
            Invalid: every mistake. Conflict. NameInUse. ActionNotPossible: it has ended.
        """

        tried: list[Booking] = []

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.edit")
            require_action(before, "edit")
            after, definition, boundaries = _prepared(tx, before, change)
            if after == before:
                return details(tx, before)
            tried.append(after)
            verdict = quarantine.weigh(tx, by, before, after, force=change.force)
            quarantine.impose(tx, by, verdict.others, f"booking {after.id}")
            if after.state is State.CONFIRMED and not after.began and not verdict.own:
                lost = holding.missing(tx, after, definition, self._installed())
                if lost:
                    after = replace(after, state=LIFE_CYCLE.fire(after.state, Trigger.DEMOTE))
                    tell(tx, by, "booking.state", after, before.state, after.state, "; ".join(map(str, lost)), "edit")
            after = store(tx, before, after)
            tell(tx, by, "booking.edited", after, why=", ".join(_differences(before, after)))
            after = quarantine.hold(tx, by, after, verdict)
            if boundaries:
                boundaries = tx.boundaries.of(after.key)
                tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=orchestrates(after.state)))
            return details(tx, after)

        try:
            return await command(self._store, by, unit, ask)
        except Conflict as conflict:
            raise await self._ways_out(by, tried[-1], conflict) from None

    async def confirm(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Schedule it to be orchestrated: its boundaries are armed.

        Raises:
            NotReady: everything that is missing, at once.
        """

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.confirm")
            require_action(before, "confirm", Trigger.CONFIRM)
            definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
            if lost := holding.missing(tx, before, definition, self._installed()):
                raise NotReady(lost)
            after = fire(tx, by, before, _initial(tx, before), Trigger.CONFIRM)
            if tx.losses.of(after.key):
                quarantine.regain(tx, after, holding.needs_of(tx, after))
            tx.boundaries.upsert(retime(tx.boundaries.of(after.key), after.key, after.timing, armed=True))
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def leave_quarantine(
        self,
        by: Actor,
        ident: str,
        seen: int | None,
        change: Edit | None = None,
        ask: Ask[BookingDetails] | None = None,
    ) -> BookingDetails:
        """Leave quarantine with all that it needs, as it was or with another resource, time or profile.

        It is what it was before: Partial, On-Hold, or Confirmed once it can be confirmed.

        Raises:
            Invalid: every mistake of the change. Conflict: it still cannot have all. NameInUse.
            NotReady: it was Confirmed, and this is missing.
        """

        tried: list[Booking] = []

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.leave-quarantine")
            require_action(before, "leave-quarantine", Trigger.LEAVE_QUARANTINE)
            after, definition, boundaries = _prepared(tx, before, change or Edit())
            tried.append(after)
            needs = quarantine.require_whole(tx, after)
            trigger = _BACK.get(tx.losses.was(before.key) or State.PARTIAL, Trigger.LEAVE_QUARANTINE)
            if trigger is Trigger.CONFIRM:
                if lost := holding.missing(tx, after, definition, self._installed()):
                    raise NotReady(lost)
                after = _initial(tx, after)
            changed = ", ".join(_differences(before, after))
            after = fire(tx, by, before, after, trigger, changed, Trigger.LEAVE_QUARANTINE)
            quarantine.regain(tx, after, needs)
            if boundaries or orchestrates(after.state):
                tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=orchestrates(after.state)))
            return details(tx, after)

        try:
            return await command(self._store, by, unit, ask)
        except Conflict as conflict:
            raise await self._ways_out(by, tried[-1], conflict) from None

    async def hold(
        self, by: Actor, ident: str, seen: int | None, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Put it on hold: it will not be executed, its resources stay reserved."""

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.hold")
            require_action(before, "hold", Trigger.HOLD)
            after = fire(tx, by, before, before, Trigger.HOLD)
            tx.boundaries.upsert(retime(tx.boundaries.of(after.key), after.key, after.timing, armed=False))
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def cancel(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Cancel a booking that does not run yet: it is never executed and releases its resources."""

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.cancel")
            require_action(before, "cancel", Trigger.CANCEL)
            after = fire(tx, by, before, before, Trigger.CANCEL, why)
            tx.reservations.release(after.key)
            tx.losses.close([after.key])
            tx.boundaries.upsert(_dropped(tx.boundaries.of(after.key)))
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def finish(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """End a running booking now. In pre-roll that is an abort: only the end event runs, START and STOP never do.

        On the air the end becomes now and post-roll follows; in post-roll what is left of it is cut.
        """

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.finish")
            require_action(before, "finish")
            boundaries = tx.boundaries.of(before.key)
            now = tx.now - tx.now % SECOND
            if _finishing(before, boundaries, now):
                raise ActionNotPossible("the booking is being finished already", hint="wait for its last event")
            begun = begun_kinds(boundaries)
            if Kind.END_OF_PRE_ROLL not in begun:
                tx.boundaries.upsert(_aborted(boundaries, before, tx.now))
                after = store(tx, before, before)
            else:
                after = store(tx, before, replace(before, timing=_ended_now(before.timing, begun, now)))
                tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=True))
                tx.reservations.hold(after, holding.needs_of(tx, after))
            tell(tx, by, "booking.finished", after, after.state, "", why, "finish")
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def retry(
        self, by: Actor, ident: str, seen: int | None, why: str = "", ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Run a failed event again from its first step that is not done; undone steps of earlier failed events first.

        Raises:
            ActionNotPossible: a run is under way, or START would begin after the on-air end.
            InUse: the booking has ended and somebody else runs on its resources.
        """

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.retry")
            require_action(before, "retry", Trigger.RETRY)
            boundaries = tx.boundaries.of(before.key)
            _require_quiet(boundaries)
            if before.state is State.FAILED_COMPLETED and (others := tx.reservations.runs_on(before)):
                raise InUse(
                    "its resources are in use by " + ", ".join(f"{b.name} ({b.id})" for b in others),
                    hint="retry when they have ended, or acknowledge after a repair by hand",
                )
            armed = _retried(before, boundaries, tx.now)
            after = store(tx, before, before)
            tx.boundaries.upsert(armed)
            tell(tx, by, "booking.retry", after, after.state, "", why, ", ".join(b.event.name for b in armed))
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def acknowledge(
        self, by: Actor, ident: str, seen: int | None, why: str, ask: Ask[BookingDetails] | None = None
    ) -> BookingDetails:
        """Take a failed event as repaired by hand; a reason is needed. Its undone steps stay listed.

        Raises:
            Invalid: no reason was given. ActionNotPossible: a run is under way.
        """

        def unit(tx: Tx) -> BookingDetails:
            before = _open(tx, by, ident, seen, "booking.acknowledge")
            require_action(before, "acknowledge", Trigger.ACKNOWLEDGE)
            if not why.strip():
                raise Invalid([Mistake("why", "is empty", "what was repaired, and how")])
            boundaries = tx.boundaries.of(before.key)
            _require_quiet(boundaries)
            failed = [b for b in boundaries if b.kind in STANDARD and b.state is BoundaryState.FAILED]
            stage = failed[-1].event.stage if failed else None
            mapping = tx.platforms.by_key(before.platform).config.service_states.mapping
            state = (mapping.state(stage) if stage else None) or before.service_state
            after = replace(before, service_state=state, not_reset=False)
            after = fire(tx, by, before, after, Trigger.ACKNOWLEDGE, why)
            tx.boundaries.upsert(
                replace(b, state=BOUNDARY.fire(b.state, BoundaryTrigger.ACKNOWLEDGE), message=f"acknowledged: {why}")
                for b in failed
            )
            return details(tx, after)

        return await command(self._store, by, unit, ask)

    async def get(self, by: Actor, ident: str) -> BookingDetails:
        """One booking with all that a screen shows of it."""

        def query(tx: Tx) -> BookingDetails:
            booking = tx.bookings.get(ident)
            permit(by, "view", booking.platform)
            return details(tx, booking)

        return await self._store.read(query)

    async def page(
        self, by: Actor, where: BookingFilter, after: tuple[int, str] | None = None, limit: int = 100
    ) -> Page:
        """Bookings sorted by (start, id), after a sort key."""

        def query(tx: Tx) -> Page:
            permit(by, "view", where.platform)
            return tx.bookings.page(where, after, limit)

        return await self._store.read(query)


def _open(tx: Tx, by: Actor, ident: str, seen: int | None, action: str) -> Booking:
    booking = tx.bookings.get(ident)
    permit(by, action, booking.platform)
    if seen is not None and seen != booking.revision:
        raise Stale(f"booking {ident}", seen, booking.revision)
    return booking


def _resolve(tx: Tx, platform: int, nodes: Mapping[str, NodeChoice]) -> dict[str, NodeChoice]:
    """Resources may be named by name; stored are ids."""
    asked = [n.resource for n in nodes.values() if n.resource]
    ids = {r.name: r.id for r in tx.catalogue.resources(platform, names=asked)} if asked else {}
    return {
        label: replace(n, resource=ids.get(n.resource, n.resource)) if n.resource else n for label, n in nodes.items()
    }


def _edited(tx: Tx, before: Booking, change: Edit) -> Booking:
    nodes = dict(before.nodes)
    for label, choice in (change.nodes or {}).items():
        if choice is None:
            nodes.pop(label, None)
        else:
            nodes[label] = choice
    properties = dict(before.properties) | dict(change.properties or {})
    return replace(
        before,
        name=before.name if change.name is None else change.name.strip(),
        timing=_timing(before.timing, change.timing),
        nodes=_resolve(tx, before.platform, nodes) if change.nodes else before.nodes,
        properties={k: v for k, v in properties.items() if v is not None},
        priority=before.priority if change.priority is None else change.priority,
    )


def _prepared(tx: Tx, before: Booking, change: Edit) -> tuple[Booking, ServiceDefinition | None, list[Boundary]]:
    """The booking with what is to change, if nothing of it is mistaken; its definition and its boundaries.

    Raises:
        Invalid: every mistake.
    """
    boundaries, after = tx.boundaries.of(before.key), _edited(tx, before, change)
    definition = tx.catalogue.definition_by_key(after.definition) if after.definition else None
    mistakes = _edit_mistakes(before, after, change, boundaries, tx.now)
    if mistakes := mistakes or holding.node_mistakes(tx, after, definition):
        raise Invalid(mistakes)
    return after, definition, boundaries


def _initial(tx: Tx, booking: Booking) -> Booking:
    """The booking with the service state that a confirmed one begins in."""
    mapping = tx.platforms.by_key(booking.platform).config.service_states.mapping
    return replace(booking, service_state=mapping.initial or STOP)


def _edit_mistakes(
    before: Booking, after: Booking, change: Edit, boundaries: Sequence[Boundary], now: int
) -> list[Mistake]:
    found = list(after.timing.mistakes())
    if not after.name:
        found.append(Mistake("name", "is empty", "a name"))
    found += timing_mistakes(before.timing, after.timing, begun_kinds(boundaries), now)
    if before.began and change.nodes:
        found.append(Mistake("nodes", "are in use: the booking runs", "no change of nodes"))
    if any(b.trigger is Trigger.FINISH for b in boundaries) and after.timing != before.timing:
        found.append(Mistake("end", "is frozen: the booking is being finished", "no change of the timing"))
    return found


def _timing(before: Timing, change: Timing | Retime | None) -> Timing:
    if change is None or isinstance(change, Timing):
        return change or before
    return change(before)


def _differences(before: Booking, after: Booking) -> list[str]:
    watched = ("name", "timing", "nodes", "properties", "priority")
    return [name for name in watched if getattr(before, name) != getattr(after, name)]


def _dropped(boundaries: Sequence[Boundary]) -> list[Boundary]:
    return [replace(b, state=BoundaryState.DROPPED) for b in boundaries if BOUNDARY.may(b.state, BoundaryTrigger.DROP)]


def _finishing(booking: Booking, boundaries: Sequence[Boundary], now: int) -> bool:
    last = next((b for b in boundaries if b.kind is Kind.END_OF_POST_ROLL), None)
    if last is None:
        return False
    due = last.state is not BoundaryState.DISARMED and last.due_us <= now
    return due or last.trigger is Trigger.FINISH or last.kind in begun_kinds(boundaries) or _leaving(booking, now)


def _leaving(booking: Booking, now: int) -> bool:
    end, post = booking.timing.end, booking.timing.post_roll
    return end is not None and end <= now and post == 0


def _aborted(boundaries: Sequence[Boundary], booking: Booking, now: int) -> list[Boundary]:
    """START and STOP are dropped, a retry that has not begun is given up, the end event is due now."""
    begun = begun_kinds(boundaries)
    never = [
        b for b in boundaries if b.kind in STANDARD and b.kind not in begun and b.kind is not Kind.END_OF_POST_ROLL
    ]
    written = [replace(b, state=BoundaryState.DROPPED) for b in never]
    written += [
        replace(b, state=BoundaryState.FAILED, message="finished before its retry began")
        for b in boundaries
        if b.kind in begun and b.state is BoundaryState.ARMED
    ]
    last = next((b for b in boundaries if b.kind is Kind.END_OF_POST_ROLL), None)
    last = last or Boundary(0, booking.key, Kind.END_OF_POST_ROLL, now, planned_us=now)
    ended = replace(last, due_us=now, state=BoundaryState.ARMED, trigger=Trigger.FINISH, generation=last.generation + 1)
    return [*written, ended]


def _ended_now(timing: Timing, begun: Collection[Kind], now: int) -> Timing:
    if Kind.START_OF_POST_ROLL in begun and timing.end is not None:
        return replace(timing, post_roll=max(0, now - timing.end))
    end = max(now, timing.start + SECOND)
    return replace(timing, end=end if timing.end is None else min(end, timing.end))


def _require_quiet(boundaries: Sequence[Boundary]) -> None:
    for b in boundaries:
        if b.state is BoundaryState.RUNNING and b.kind in STANDARD:
            raise ActionNotPossible(f"{b.event.name} is running", hint="wait until its script has ended")
        if b.state is BoundaryState.ARMED and b.try_ > 0:
            raise ActionNotPossible(f"a retry of {b.event.name} is waiting", hint="wait until it has run")


def _retried(booking: Booking, boundaries: Sequence[Boundary], now: int) -> list[Boundary]:
    """Arm the failed event, and before it the earlier ones that failed; up events only before the on-air end."""
    over = booking.timing.end is not None and now >= booking.timing.end
    failed = [b for b in boundaries if b.kind in STANDARD and b.state is BoundaryState.FAILED]
    if not failed or booking.state not in FAILED_EVENT:
        raise ActionNotPossible("there is no failed event", hint="look at the booking's runs")
    if over and EVENTS[failed[-1].kind].direction is Direction.UP:
        raise ActionNotPossible(
            f"{failed[-1].event.name} would begin after the on-air end",
            hint="wait for the down events, or acknowledge after a repair by hand",
        )
    kept = [b for b in failed if not (over and b.event.direction is Direction.UP)]
    return [
        replace(
            b, state=BOUNDARY.fire(b.state, BoundaryTrigger.RETRY), try_=b.try_ + 1, due_us=now, worker=None,
            trigger=Trigger.RETRY if b is failed[-1] else None, reason=None, message="", ended_us=None,
        )
        for b in kept
    ]  # fmt: skip
