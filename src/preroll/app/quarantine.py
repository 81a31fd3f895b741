# SPDX-License-Identifier: Apache-2.0
"""Saving against others in two steps: refused with who would lose what; forced, they are quarantined with it.

Functions of a transaction, shared by the use cases. The rule itself is ``domain/quarantine``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from preroll.app import holding, sight
from preroll.app.order_needs import in_place_of, services_of
from preroll.app.recording import fact, following
from preroll.domain.booking import LIFE_CYCLE, Booking, Carries, Phase, State, Trigger
from preroll.domain.boundaries import orchestrates, retime
from preroll.domain.changes import Change
from preroll.domain.errors import Clash, Conflict, NameInUse
from preroll.domain.order import HoldReason
from preroll.domain.permission import ENGINE, Actor, permit
from preroll.domain.quarantine import Contender, Loser, Loss, Share, settle, share
from preroll.domain.resource import Resource
from preroll.domain.usage import Need, barred, in_the_way, too_far
from preroll.domain.values import dataclass
from preroll.domain.window import Window
from preroll.ports.reservations import Look
from preroll.ports.store import Tx

_WEAKEST = -(2**62)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What saving a booking comes to."""

    needs: Sequence[Need]
    others: tuple[Loser, ...] = ()
    """Who is quarantined for it."""
    own: tuple[Loss, ...] = ()
    """What the booking itself cannot have."""
    untouched: bool = False
    """It goes on holding what it holds."""
    not_reset: Sequence[Booking] | None = None
    """Who left one of its resources not reset; None: that was not looked up."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What a booking lost, or holds in conflict, and whether that must still be so."""

    was: State
    """What it was before it lost anything."""
    losses: tuple[Loss, ...]
    in_the_way: tuple[Clash, ...]
    """Why it cannot have all that it needs; empty: it could."""


def weigh(tx: Tx, by: Actor, before: Booking | None, after: Booking, *, force: bool) -> Verdict:
    """What saving ``after`` comes to; nothing is written.

    Raises:
        Conflict: naming each resource, its holder and what is left, and who would lose what. With force only when the
            booking runs and cannot have what it wants itself, or when a resource cannot be booked at this moment.
        NameInUse: another booking has the name at that time.
    """
    if force:
        permit(by, "booking.force", after.platform)
    if before is not None and _asks_for_no_more(before, after):
        same = before.timing == after.timing
        _require_name(tx, by, after)
        return Verdict(holding.needs_of(tx, after), own=tuple(tx.losses.of(after.key)), untouched=same)
    look = _look(tx, after)
    verdict = Verdict(look.needs, not_reset=look.not_reset)
    if never := _barred(tx, before, after, look.needs):
        raise Conflict([*never, *look.clashes])
    if look.clashes:
        verdict = _disputed(tx, after, look, force=force)
    refuse_name(tx, by, after.platform, after.name, look.namesake)
    return verdict


def foreseen(tx: Tx, by: Actor, before: Booking, after: Booking) -> list[Clash]:
    """What ``weigh`` would find in the way, as far as a look without locks can tell.

    Raises:
        NameInUse: another booking has the name at that time.
    """
    _require_name(tx, by, after)
    if _asks_for_no_more(before, after):
        return []
    return [*_barred(tx, before, after, holding.needs_of(tx, after)), *_in_the_way(tx, after)]


def require_whole(tx: Tx, by: Actor, before: Booking, booking: Booking) -> Sequence[Need]:
    """What a booking needs, all of which it can have.

    Args:
        before: the booking as it is stored.

    Raises:
        Conflict. NameInUse.
    """
    look = _look(tx, booking)
    if found := [*_barred(tx, before, booking, look.needs), *look.clashes]:
        raise Conflict(found)
    refuse_name(tx, by, booking.platform, booking.name, look.namesake)
    return look.needs


def _look(tx: Tx, booking: Booking) -> Look:
    """What a booking finds, and what it needs by the profiles as they are under the lock of its resources."""
    look = tx.reservations.look(booking, holding.needs_of(tx, booking))
    return tx.reservations.look(booking, holding.needs_of(tx, booking)) if look.outdated else look


def hold(tx: Tx, by: Actor, booking: Booking, verdict: Verdict, *, new: bool = False) -> Booking:
    """Have a stored booking hold what the verdict leaves it; who loses anything is Quarantined.

    Args:
        new: it was made in this unit: it holds nothing yet, and has lost nothing.
    """
    if verdict.untouched:
        return booking
    was = _was(tx, booking)
    if new:
        tx.reservations.take(booking, verdict.needs)
    else:
        tx.reservations.hold(booking, verdict.needs)
        tx.losses.close([booking.key])
    tx.losses.add(booking.key, [replace(loss, was=was) for loss in verdict.own])
    lost_now = any(not loss.at_us for loss in verdict.own)
    if lost_now and booking.state is not State.QUARANTINED:
        return _quarantined(tx, by, booking, verdict.own, "it was saved by force")
    return booking


def regain(tx: Tx, booking: Booking, needs: Sequence[Need]) -> None:
    """A stored booking holds all that it needs again."""
    tx.reservations.hold(booking, needs)
    tx.losses.close([booking.key])


def impose(tx: Tx, by: Actor, losers: Iterable[Loser], cause: str) -> None:
    """Take from waiting bookings what they lost: they are Quarantined and not orchestrated, the rest stays held."""
    lost = list(losers)
    if not lost:
        return
    tx.losses.add_all([(x.booking.key, _since(tx, x)) for x in lost])
    moved = [(x.booking, _as_quarantined(tx, x.booking)) for x in lost]
    tx.bookings.move(moved)
    facts = zip(moved, lost, strict=True)
    tx.changes.add_all([_lost(by, before, after, x.losses, cause) for (before, after), x in facts])
    for _, after in moved:
        if after.carries is Carries.ORDER:
            tx.orders.put(replace(tx.orders.get(after.id, hidden=True), hold=HoldReason.CAPACITY))
    tx.boundaries.disarm([b.key for b, _ in moved if orchestrates(b.state) and not b.carries])
    for _, after in moved:
        if after.carries is Carries.ORDER:
            hold_on_top(tx, services_of(tx, after), cause)


def hold_on_top(tx: Tx, services: Iterable[str], cause: str, but: str = "") -> None:
    """Have the orders and overlays of services that have changed hold what is the difference now.

    One that waits and cannot have that any more is Quarantined, or on hold; one that runs never loses.

    Args:
        but: id of a booking that is left as it is.
    """
    for service in sorted(services):
        for booking in tx.bookings.on_top(service):
            if booking.id != but and booking.held and booking.state is not State.QUARANTINED:
                _hold_again(tx, booking, cause)


def _hold_again(tx: Tx, booking: Booking, cause: str) -> None:
    needs, held = holding.needs_of(tx, booking), booking.timing.held
    lost = bool(booking.phase is Phase.WAITING and tx.reservations.clashes(booking, needs))
    tx.reservations.hold(booking, needs)
    if not lost:
        return
    shares = tuple(share(need, held, tx.now) for need in needs)
    me = Contender(replace(booking, priority=_WEAKEST), shares, in_place_of(tx, booking))
    others = holders(tx, [need.resource for need in needs], held, booking)
    losses = next((x.losses for x in settle([me, *others]) if x.booking is me.booking), ())
    if losses:
        impose(tx, ENGINE, [Loser(booking, losses)], cause)


def lot_of(tx: Tx, booking: Booking) -> Lot | None:
    """What a booking lost or holds in conflict; None: nothing, and it is not quarantined."""
    if booking.phase is Phase.ENDED or booking.state in (State.PARTIAL, State.CONFIRMED):
        return None
    losses = tuple(tx.losses.of(booking.key))
    if not losses and booking.state is not State.QUARANTINED:
        return None
    found = _in_the_way(tx, booking)
    return None if booking.phase is Phase.RUNNING and not found else Lot(_was(tx, booking), losses, tuple(found))


def holders(tx: Tx, resources: Sequence[Resource], held: Window, but: Booking | None = None) -> list[Contender]:
    """Who holds these resources within a window, and what of them; they go on until the transaction ends.

    Their bookings are locked, and ``but`` with them, all in one order. Then what is held is read again: somebody may
    have let go in between.
    """
    known, own = {r.key: r for r in resources}, but.key if but else 0
    bookings: dict[str, Booking] = {}
    while True:
        seen = tx.reservations.usages(resources, held, but=own)
        idents = {usage.booking for found in seen.values() for usage in found}
        if idents <= bookings.keys():
            break
        bookings = {b.id: b for b in tx.bookings.several(idents | ({but.id} if but else set()))}
    shares: dict[str, dict[int, dict[str, tuple[int, str]]]] = {}
    for key, found in seen.items():
        for usage in found:
            mine = shares.setdefault(usage.booking, {}).setdefault(key, {})
            if usage.amount >= mine.get(usage.dimension, (0, ""))[0]:
                mine[usage.dimension] = usage.amount, usage.agreed
    return [
        Contender(
            bookings[ident], tuple(Share(known[key], amounts) for key, amounts in parts.items()),
            in_place_of(tx, bookings[ident]),
        )
        for ident, parts in shares.items()
    ]  # fmt: skip


def _asks_for_no_more(before: Booking, after: Booking) -> bool:
    was, held = before.timing.held, after.timing.held
    return before.nodes == after.nodes and was.start <= held.start and held.until <= was.until


def _barred(tx: Tx, before: Booking | None, after: Booking, needs: Sequence[Need]) -> list[Clash]:
    """What cannot be booked at this moment; what a booking has it keeps, but for a later end."""
    held, known = after.timing.held, set(before.resources) if before else set()
    until = before.timing.held.until if before else held.start
    found = []
    for need in needs:
        if need.resource.id not in known:
            found += barred(need.resource, held, tx.now)
        elif held.until > until:
            found += too_far(need.resource, held, tx.now)
    return found


def _disputed(tx: Tx, booking: Booking, look: Look, *, force: bool) -> Verdict:
    resources, held = [need.resource for need in look.needs], booking.timing.held
    shares = tuple(share(need, held, tx.now) for need in look.needs)
    me = Contender(booking, shares, in_place_of(tx, booking))
    others = holders(tx, resources, held, booking)
    losers = [x for x in settle([me, *others]) if x.booking is booking or not _runs(x)]
    if not losers and not tx.reservations.clashes(booking, look.needs):
        return Verdict(look.needs, not_reset=look.not_reset)  # who was in the way has let go
    own = next((x.losses for x in losers if x.booking is booking), ())
    if own and me.runs:
        raise Conflict(look.clashes)
    if not force or not losers:
        raise Conflict(look.clashes, losing=[line for x in losers for line in x.told])
    return Verdict(look.needs, tuple(x for x in losers if x.booking is not booking), own)


def _runs(loser: Loser) -> bool:
    return loser.booking.phase is Phase.RUNNING


def _require_name(tx: Tx, by: Actor, booking: Booking) -> None:
    if booking.definition is None:
        return
    held = booking.timing.held
    rival = tx.bookings.named(booking.platform, booking.name, held.start, held.end, booking.key or None)
    refuse_name(tx, by, booking.platform, booking.name, rival)


def refuse_name(tx: Tx, by: Actor, platform: int, name: str, rival: Booking | None) -> None:
    """Refuse a name that a rival has; who may not see the rival does not hear who it is.

    Raises:
        NameInUse: says where and when.
    """
    if rival is None:
        return
    kind = "service " if rival.carries is Carries.SERVICE else ""
    what, held, who = f"the name {name}", rival.timing.held, f"{kind}{rival.name} ({rival.id})"
    there = ", ".join(r.name for r in tx.catalogue.resources(rival.platform, ids=rival.resources))
    why = f"is in use{f' on {there}' if there else ''}"
    if not by.sees(rival.platform, rival.scopes):
        who, why = sight.SOMEBODY, "is in use"
    found = [Clash(what, rival.id, rival.name, held.start, held.end, 0, 0, 0, "", why)]
    raise NameInUse(
        f"{what} is in use at that time by {who}", hint="choose another name or another time",
        clashes=sight.clashes(tx, by, platform, found),
    )  # fmt: skip


def _was(tx: Tx, booking: Booking) -> State:
    if booking.state is State.QUARANTINED:
        return tx.losses.was(booking.key) or State.PARTIAL
    return booking.state


def _since(tx: Tx, loser: Loser) -> Sequence[Loss]:
    """What it loses, with what it was before it lost anything."""
    if loser.booking.state is not State.QUARANTINED:
        return loser.losses
    was = _was(tx, loser.booking)
    return [replace(loss, was=was) for loss in loser.losses]


def _quarantined(tx: Tx, by: Actor, booking: Booking, losses: Sequence[Loss], cause: str) -> Booking:
    after = _as_quarantined(tx, booking)
    tx.bookings.put(after, seen=booking)
    tx.changes.add(_lost(by, booking, after, losses, cause))
    if orchestrates(booking.state):
        tx.boundaries.upsert(retime(tx.boundaries.of(after.key), after.key, after.timing, armed=False))
    return after


def _as_quarantined(tx: Tx, booking: Booking) -> Booking:
    quarantined = booking.state is State.QUARANTINED
    return following(tx, booking, booking, None if quarantined else LIFE_CYCLE.fire(booking.state, Trigger.QUARANTINE))


def _lost(by: Actor, before: Booking, after: Booking, losses: Sequence[Loss], cause: str) -> Change:
    kind = "booking.lost" if before.state is State.QUARANTINED else "booking.state"
    why = "; ".join(dict.fromkeys(map(str, losses)))
    if before.carries is Carries.ORDER:
        return fact(by, "booking.held", after, "", HoldReason.CAPACITY, why, cause)
    return fact(by, kind, after, before.state, after.state, why, cause)


def _in_the_way(tx: Tx, booking: Booking) -> list[Clash]:
    held, needs = booking.timing.held, holding.needs_of(tx, booking)
    usages = tx.reservations.usages([need.resource for need in needs], held, but=booking.key)
    return [
        clash for need in needs for clash in in_the_way(need, held, usages.get(need.resource.key, ()), since=tx.now)
    ]
