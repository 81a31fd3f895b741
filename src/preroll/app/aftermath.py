# SPDX-License-Identifier: Apache-2.0
"""What a change of the catalogue does to bookings: who waits and has too little now is quarantined, who runs is marked.

In two steps, as a booking is saved against others: refused with the list, or forced (SPEC 6). A changed profile reaches
those that wait and have it by reference; who runs keeps what it began with until *apply now* (SPEC 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app import holding, quarantine, sight
from preroll.app.recording import store, tell
from preroll.domain.booking import Booking, Phase
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict, Losing
from preroll.domain.inheritance import Profiles
from preroll.domain.permission import Actor, permit
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.quarantine import Contender, Loser, Loss, Share, offers_another, reason_of, settle, share
from preroll.domain.resource import Resource
from preroll.domain.usage import Need
from preroll.domain.window import Window
from preroll.ports.store import Tx

Pair = tuple[object | None, object | None]
"""A document before and after the change; after None: it is removed."""
_GONE = (("", "it was removed"),)
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

    @property
    def losing(self) -> list[Losing]:
        """What the change costs, for those who have to allow it."""
        return [line for loser in (*self.waiting, *self.fresh) for line in loser.told]


def foresee(tx: Tx, platform: int, pairs: Iterable[Pair]) -> Aftermath:
    """What documents do to bookings, whether they are stored in this transaction or would be; nothing is written."""
    changed = [pair for pair in pairs if pair[0] not in (None, pair[1])]
    resources = _changed_resources(tx, platform, changed)
    known = {before.id: after or before for before, after in resources.values()}
    shelf = tx.catalogue.profiles(platform).after(changed)
    touched = _touched(tx, platform, changed, resources, shelf, known)
    if not touched.resources and not touched.users:
        return Aftermath(touched)
    contenders = _contenders(tx, touched, shelf, known)
    losers = [_with_reasons(loser, touched.resources) for loser in settle(contenders)]
    running = [loser for loser in losers if loser.booking.phase is Phase.RUNNING]
    return Aftermath(
        touched, contenders, [loser for loser in losers if loser.booking.phase is Phase.WAITING], running,
        [loser for loser in running if _differs(tx.losses.of(loser.booking.key), loser.losses)],
    )  # fmt: skip


def settle_changes(tx: Tx, by: Actor, platform: int, pairs: Iterable[Pair], *, force: bool) -> None:
    """Bring the bookings in line with documents that were stored in this transaction.

    Raises:
        Conflict: bookings would lose what they hold, or be in conflict; each is listed. Never with ``force``.
    """
    found = foresee(tx, platform, pairs)
    refuse(tx, by, platform, found, force=force)
    for keeper in found.touched.keepers:
        _keep(tx, by, keeper)
    for booking, needs in found.touched.users.values():
        tx.reservations.hold(booking, needs)
    gone = {before.id for before, after in found.touched.resources.values() if after is None}
    quarantine.impose(tx, by, [_without(loser, gone) for loser in found.waiting], "the catalogue was changed")
    _mark(tx, by, found.contenders, found.running, {loser.booking.id for loser in found.fresh})


def refuse(tx: Tx, by: Actor, platform: int, found: Aftermath, *, force: bool) -> None:
    """Refuse a change that costs bookings something, unless it is forced by somebody who may.

    Raises:
        Conflict: each is listed. NotPermitted.
    """
    if not found.losing:
        return
    if not force:
        raise sight.conflict(tx, by, platform, Conflict([], losing=found.losing))
    permit(by, "booking.force", platform)


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
    users = {
        b.id: (b, holding.needs_of(tx, b, shelf, known))
        for b in found
        if b.phase is Phase.WAITING and not tx.losses.of(b.key)
    }
    running = [b for b in found if b.phase is Phase.RUNNING]
    return _Touched(resources, users, _keepers(tx, running, shelf, shelf.before(changed)) if running else ())


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


def _contenders(tx: Tx, touched: _Touched, shelf: Profiles, known: Known) -> list[Contender]:
    """Everyone who holds, or needs now, something of what was touched: from now on, with what the change leaves."""
    resources = {key: after or before for key, (before, after) in touched.resources.items()}
    resources |= {need.resource.key: need.resource for _, needs in touched.users.values() for need in needs}
    holders = quarantine.holders(tx, [resources[key] for key in sorted(resources)], Window(tx.now, None))
    others = [holder for holder in holders if holder.booking.id not in touched.users]
    idents = {ident for holder in others for ident in holder.booking.held}
    platform = next((holder.booking.platform for holder in others), 0)
    every = {r.id: r for r in tx.catalogue.resources(platform, ids=sorted(idents - known.keys()))} | dict(known)
    held = [_judged(tx, holder, touched, shelf, every) for holder in others]
    return held + [Contender(b, _shares(tx, b, needs, touched)) for b, needs in touched.users.values()]


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
    return Contender(holder.booking, tuple(_with_never(part, wanted.get(part.resource.key)) for part in holder.shares))


def _with_never(part: Share, wanted: Share | None) -> Share:
    return replace(part, never=wanted.never) if wanted else part


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
        tx.losses.add(booking.key, [*elsewhere, *(replace(loss, was=booking.state) for loss in now)])
        if booking.id in fresh:
            tell(tx, by, "booking.in_conflict", booking, booking.state, booking.state, "; ".join(map(str, now)))
