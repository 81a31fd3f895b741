# SPDX-License-Identifier: Apache-2.0
"""What a change of the catalogue does to bookings: who waits and has too little now is quarantined, who runs is marked,
and who was confirmed and lacks a mandatory value now is Partial again (SPEC 3.1, demote).

In two steps, as a booking is saved against others: refused with the list, or forced (SPEC 6). A changed profile reaches
those that wait and have it by reference; who runs keeps what it began with until *apply now* (SPEC 11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.app import holding, quarantine, sight
from preroll.app.order_needs import in_place_of
from preroll.app.recording import fire, store, tell
from preroll.domain.booking import Booking, Phase, State, Trigger
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Conflict, Losing, Mistake
from preroll.domain.inheritance import Profiles
from preroll.domain.permission import Actor, permit
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.quarantine import Contender, Loser, Loss, Reason, Share, offers_another, reason_of, settle, share
from preroll.domain.resource import Resource
from preroll.domain.usage import Held, Need
from preroll.domain.window import Window
from preroll.ports.store import Tx

Pair = tuple[object | None, object | None]
"""A document before and after the change; after None: it is removed."""
_GONE = (("", "it was removed"),)
MISSING = "MissingValue"
"""The kind of what a confirmed booking lacks; beside the vendor's kinds of conflict."""
Known = Mapping[str, Resource]
"""Resources by id, as they are after the change."""


@dataclass(frozen=True, slots=True)
class _Touched:
    """What the change is about."""

    resources: Mapping[int, tuple[Resource, Resource | None]]
    """Key -> before and after, of each that offers something else now."""
    users: Mapping[str, tuple[Booking, Sequence[Need]]]
    """Id -> waiting bookings that a changed profile may make need something else, and what they need now."""
    keepers: Sequence[Booking] = ()
    """Running bookings, each as it is to be: with a copy of the profiles that were changed."""
    using: Sequence[Booking] = ()
    """Everyone who has a changed profile, and is not over."""
    instances: Collection[str] = ()
    made_of: Collection[int] = ()
    """The profile instances, and the keys of the definitions, by which they were found."""

    @property
    def looked_at(self) -> Mapping[int, Resource]:
        """Key -> each resource on which somebody may have to yield, as it is after the change."""
        found = {key: after or before for key, (before, after) in self.resources.items()}
        return found | {need.resource.key: need.resource for _, needs in self.users.values() for need in needs}


@dataclass(frozen=True, slots=True)
class Demoted:
    """A confirmed booking that lacks something now that it had."""

    booking: Booking
    lost: Sequence[Mistake]

    @property
    def told(self) -> list[Losing]:
        """For the refusal that lists what force would do."""
        b, held = self.booking, self.booking.timing.held
        return [
            Losing(
                b.id, b.name, b.state.value, "", "", 1, held.start, held.end, MISSING,
                f"{one.where}, which is mandatory", reason=Reason.UPDATED.value, becomes=State.PARTIAL.value,
            )
            for one in self.lost
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a change does to bookings."""

    touched: _Touched
    contenders: Sequence[Contender] = ()
    waiting: Sequence[Loser] = ()
    """Who is quarantined."""
    running: Sequence[Loser] = ()
    """Who is in conflict."""
    fresh: Sequence[Loser] = ()
    """Those of the running that were not, or not so much."""
    demoted: Sequence[Demoted] = ()
    """Who is Partial again."""
    needing: Sequence[tuple[Booking, Sequence[Need]]] = ()
    """Users who need something else now than they hold."""
    amended: Sequence[Held] = ()
    """What others of them hold and need more or less of, and nothing else."""
    seen: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Key -> (revision, state version) of everyone by whom this was judged."""

    @property
    def losing(self) -> list[Losing]:
        """What the change costs, for those who have to allow it."""
        costs: list[Loser | Demoted] = [*self.waiting, *self.fresh, *self.demoted]
        return [line for one in costs for line in one.told]


def foresee(tx: Tx, platform: int, pairs: Iterable[Pair]) -> Aftermath:
    """What documents do to bookings, whether they are stored in this transaction or would be; nothing is written."""
    changed = [pair for pair in pairs if pair[0] not in (None, pair[1])]
    resources = _changed_resources(tx, platform, changed)
    known = {before.id: after or before for before, after in resources.values()}
    shelf = tx.catalogue.profiles(platform).after(changed)
    touched = _touched(tx, platform, changed, resources, shelf, known)
    if not touched.resources and not touched.users:
        return Aftermath(touched, seen=_revisions(touched.using))
    looked_at = touched.looked_at
    holders = quarantine.holders(tx, [looked_at[key] for key in sorted(looked_at)], _from_now(tx))
    contenders = _contenders(tx, touched, holders, shelf, known)
    losers = [_with_reasons(loser, touched.resources) for loser in settle(contenders)]
    running = [loser for loser in losers if loser.booking.phase is Phase.RUNNING]
    waiting = [loser for loser in losers if loser.booking.phase is Phase.WAITING]
    return Aftermath(
        touched, contenders, waiting, running,
        [loser for loser in running if _differs(tx.losses.of(loser.booking.key), loser.losses)],
        _demoted(tx, touched, shelf, changed, {loser.booking.id for loser in waiting}),
        *_needing(touched, holders), _revisions([*touched.using, *(holder.booking for holder in holders)]),
    )  # fmt: skip


def settle_changes(
    tx: Tx, by: Actor, platform: int, pairs: Iterable[Pair], *, force: bool, foreseen: Aftermath | None = None
) -> None:
    """Bring the bookings in line with documents that were stored in this transaction.

    Args:
        foreseen: on a snapshot, of the same change to the same catalogue; it stands if the bookings are the same too.

    Raises:
        Conflict: bookings would lose what they hold, or be in conflict; each is listed. Never with ``force``.
    """
    found = foreseen if foreseen and _stands(tx, platform, foreseen) else foresee(tx, platform, pairs)
    refuse(tx, by, platform, found, force=force)
    for keeper in found.touched.keepers:
        _keep(tx, by, keeper)
    tx.reservations.hold_all(found.needing)
    tx.reservations.amend(found.amended)
    gone = {before.id for before, after in found.touched.resources.values() if after is None}
    waiting = [_without(loser, gone) for loser in found.waiting] if gone else found.waiting
    quarantine.impose(tx, by, waiting, "the catalogue was changed")
    for demoted in found.demoted:
        _demote(tx, by, demoted)
    _mark(tx, by, found.contenders, found.running, {loser.booking.id for loser in found.fresh})


def refuse(tx: Tx, by: Actor, platform: int, found: Aftermath, *, force: bool) -> None:
    """Refuse a change that costs bookings something, unless it is forced by somebody who may.

    Raises:
        Conflict: each is listed. NotPermitted.
    """
    if not (found.waiting or found.fresh or found.demoted):
        return
    if not force:
        raise sight.conflict(tx, by, platform, Conflict([], losing=found.losing))
    permit(by, "booking.force", platform)


def _stands(tx: Tx, platform: int, foreseen: Aftermath) -> bool:
    """Have the same bookings, unchanged, what was touched? From here on nobody else can change that."""
    touched, looked_at = foreseen.touched, foreseen.touched.looked_at
    tx.reservations.lock(list(looked_at.values()))
    found = dict(tx.reservations.holders(looked_at, _from_now(tx)))
    if touched.instances or touched.made_of:
        found |= tx.bookings.revisions_using(platform, touched.instances, touched.made_of)
    return found == foreseen.seen


def _revisions(bookings: Iterable[Booking]) -> dict[int, tuple[int, int]]:
    return {booking.key: (booking.revision, booking.state_version) for booking in bookings}


def _needing(
    touched: _Touched, holders: Iterable[Contender]
) -> tuple[list[tuple[Booking, Sequence[Need]]], list[Held]]:
    """Users who need other things than they hold; and what the others need more or less of.

    What is held on top of a service may change from one instant to the next: that is always held anew.
    """
    held = {holder.booking.key: {part.resource.key: part.amounts for part in holder.shares} for holder in holders}
    needing, amended = [], list[Held]()
    for booking, needs in touched.users.values():
        has, wants = held.get(booking.key, {}), {need.resource.key: need.amounts() for need in needs}
        if has == wants:
            continue
        on_top = booking.carries or booking.overlays
        if on_top or has.keys() != wants.keys() or any(has[key].keys() != wants[key].keys() for key in has):
            needing.append((booking, needs))
        else:
            amended += [
                Held(booking.key, key, name, *what)
                for key, amounts in wants.items()
                for name, what in amounts.items()
                if has[key][name] != what
            ]
    return needing, amended


def _from_now(tx: Tx) -> Window:
    return Window(tx.now, None)


def _touched(
    tx: Tx,
    platform: int,
    changed: Sequence[Pair],
    resources: Mapping[int, tuple[Resource, Resource | None]],
    shelf: Profiles,
    known: Known,
) -> _Touched:
    profiles = {after.name for _, after in changed if isinstance(after, ProfileDefinition)}
    instances = {after.name for _, after in changed if isinstance(after, ProfileInstance)}
    instances |= {name for name, instance in shelf.instances.items() if instance.definition in profiles}
    instances = shelf.heirs(instances)
    if not instances and not profiles:
        return _Touched(resources, {})
    made_of = [
        d.key
        for d in tx.catalogue.definitions(platform)
        if any(n.default_profile in instances or n.profile in profiles for n in d.nodes)
    ]
    found = tx.bookings.using(platform, instances, made_of)
    short = tx.losses.open_of([b.key for b in found])
    users = {
        b.id: (b, holding.needs_of(tx, b, shelf, known))
        for b in found
        if b.phase is Phase.WAITING and b.key not in short
    }
    running = [b for b in found if b.phase is Phase.RUNNING]
    keepers = _keepers(tx, running, shelf, shelf.before(changed)) if running else ()
    return _Touched(resources, users, keepers, found, instances, made_of)


def _changed_resources(tx: Tx, platform: int, changed: Sequence[Pair]) -> dict[int, tuple[Resource, Resource | None]]:
    """Key -> before and after; another zone of the platform changes all whose weekly hours are in it."""
    moved = [(a.zone, b.zone) for a, b in changed if isinstance(a, Platform) and isinstance(b, Platform)]
    zone = moved[-1][1] if moved else tx.platforms.by_key(platform).zone
    found = [(a, b.at_home(zone)) for a, b in changed if isinstance(a, Resource) and isinstance(b, Resource)]
    gone = {a.key: (a, None) for a, b in changed if isinstance(a, Resource) and b is None}
    for was in (old for old, new in moved if old != new):
        given = {after.key for _, after in found} | gone.keys()
        others = [r for r in tx.catalogue.resources(platform) if r.key not in given]
        found += [(r.at_home(was), r.at_home(zone)) for r in others]
        tx.reservations.lock([r for before, r in found if offers_another(before, r)])
    return gone | {after.key: (before, after) for before, after in found if offers_another(before, after)}


def _keepers(tx: Tx, running: Sequence[Booking], now: Profiles, before: Profiles) -> list[Booking]:
    """Those of these bookings for whom a profile says something else now, with a copy of what it said before."""
    found = []
    for booking in running:
        definition = tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
        nodes = dict(booking.nodes)
        for label, choice in booking.nodes.items():
            node = definition.node(label) if definition else None
            if now.filled(node, choice) != before.filled(node, choice):
                nodes[label] = before.copied(node, choice)
        if nodes != booking.nodes:
            found.append(replace(booking, nodes=nodes))
    return found


def _keep(tx: Tx, by: Actor, booking: Booking) -> None:
    kept = store(tx, booking, booking)
    names = sorted({choice.kept.instance for choice in kept.nodes.values() if choice.kept})
    why = f"it runs and keeps {', '.join(names)} as it was; apply-now brings the change"
    tell(tx, by, "booking.profile_kept", kept, kept.state, kept.state, why, "the catalogue was changed")


def _demoted(tx: Tx, touched: _Touched, now: Profiles, changed: Sequence[Pair], lost: Collection[str]) -> list[Demoted]:
    """Those of the users who are confirmed, and lack what they had; who is quarantined is not confirmed any more."""
    users = [booking for booking, _ in touched.users.values() if booking.state is State.CONFIRMED]
    confirmed = [booking for booking in users if not booking.carries and booking.id not in lost]
    if not confirmed:
        return []
    before, found, definitions = now.before(changed), [], dict[int, ServiceDefinition]()
    for booking in confirmed:
        key = booking.definition
        if key and key not in definitions:
            definitions[key] = tx.catalogue.definition_by_key(key)
        definition = definitions[key] if key else None
        known = {mistake.where for mistake in holding.lacking_by(before, booking, definition)}
        fresh = [m for m in holding.lacking_by(now, booking, definition) if m.where not in known]
        if fresh:
            found.append(Demoted(booking, fresh))
    return found


def _demote(tx: Tx, by: Actor, demoted: Demoted) -> None:
    why = "; ".join(map(str, demoted.lost))
    after = fire(tx, by, demoted.booking, demoted.booking, Trigger.DEMOTE, why, "the catalogue was changed")
    tx.boundaries.disarm([after.key])


def _contenders(
    tx: Tx, touched: _Touched, holders: Sequence[Contender], shelf: Profiles, known: Known
) -> list[Contender]:
    """Everyone who holds, or needs now, something of what was touched: from now on, with what the change leaves."""
    others = [holder for holder in holders if holder.booking.id not in touched.users]
    idents = {ident for holder in others for ident in holder.booking.held}
    platform = next((holder.booking.platform for holder in others), 0)
    every = {r.id: r for r in tx.catalogue.resources(platform, ids=sorted(idents - known.keys()))} | dict(known)
    held = [_judged(tx, holder, touched, shelf, every) for holder in others]
    return held + [
        Contender(b, _shares(tx, b, needs, touched), in_place_of(tx, b)) for b, needs in touched.users.values()
    ]


def _shares(tx: Tx, booking: Booking, needs: Sequence[Need], touched: _Touched) -> tuple[Share, ...]:
    """What a booking needs from now on, and what of it can never be."""
    gone = {key for key, (_, after) in touched.resources.items() if after is None}
    wanted = (share(need, booking.timing.held, tx.now) for need in needs)
    return tuple(replace(part, never=_GONE) if part.resource.key in gone else part for part in wanted)


def _judged(tx: Tx, holder: Contender, touched: _Touched, shelf: Profiles, known: Known) -> Contender:
    """The holder with what a touched resource cannot do for it any more."""
    if not any(part.resource.key in touched.resources for part in holder.shares):
        return holder
    needed = _shares(tx, holder.booking, holding.needs_of(tx, holder.booking, shelf, known), touched)
    wanted = {part.resource.key: part for part in needed}
    return replace(holder, shares=tuple(_with_never(part, wanted.get(part.resource.key)) for part in holder.shares))


def _with_never(part: Share, wanted: Share | None) -> Share:
    return replace(part, never=wanted.never) if wanted and wanted.never else part


def _without(loser: Loser, gone: set[str]) -> Loser:
    """The loser with open nodes where a resource is gone."""
    nodes = {
        label: replace(choice, resource=None) if choice.resource in gone else choice
        for label, choice in loser.booking.nodes.items()
    }
    return replace(loser, booking=replace(loser.booking, nodes=nodes))


def _with_reasons(loser: Loser, resources: Mapping[int, tuple[Resource, Resource | None]]) -> Loser:
    return Loser(
        loser.booking,
        tuple(
            replace(loss, reason=reason_of(loss, *resources[loss.resource])) if loss.resource in resources else loss
            for loss in loser.losses
        ),
    )


def _differs(marked: Sequence[Loss], found: Sequence[Loss]) -> bool:
    known = {(loss.resource, loss.about): loss.amount for loss in marked}
    return any(known.get((loss.resource, loss.about), -1) < loss.amount for loss in found)


def _mark(tx: Tx, by: Actor, contenders: Sequence[Contender], running: Sequence[Loser], fresh: set[str]) -> None:
    """Those that run are marked in conflict; a mark whose cause is gone is taken away."""
    seen = {part.resource.key for c in contenders for part in c.shares}
    found = {loser.booking.id: loser.losses for loser in running}
    for contender in contenders:
        if not contender.runs:
            continue
        booking = contender.booking
        marked, now = tx.losses.of(booking.key), found.get(booking.id, ())
        if not marked and not now:
            continue
        tx.losses.close([booking.key])
        elsewhere = [loss for loss in marked if loss.resource not in seen]
        tx.losses.add(booking.key, [*elsewhere, *now])
        if booking.id in fresh:
            tell(tx, by, "booking.in_conflict", booking, booking.state, booking.state, "; ".join(map(str, now)))
