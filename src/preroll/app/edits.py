# SPDX-License-Identifier: Apache-2.0
"""A booking is made, or changed: what is asked for, what is wrong with it, and the unit that saves it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace

from preroll.app import choosing, holding, overlaying, quarantine, sight
from preroll.app.choosing import Attempt, Choice
from preroll.app.recording import store, tell
from preroll.app.views import BookingDetails, details, possible_to
from preroll.domain.actions import require_action, require_owner
from preroll.domain.booking import LIFE_CYCLE, Booking, NodeChoice, State, Timing, Trigger
from preroll.domain.boundaries import Boundary, begun_kinds, orchestrates, retime
from preroll.domain.config import AskedTiming
from preroll.domain.definition import ServiceDefinition
from preroll.domain.edits import NodePatch, merged, once_more, timing_mistakes
from preroll.domain.errors import Invalid, Mistake, known_id, require_seen
from preroll.domain.free_list import states_of
from preroll.domain.permission import Actor
from preroll.domain.service import STOP
from preroll.domain.values import dataclass
from preroll.ports.store import Tx

Retime = Callable[[Timing], Timing]


@dataclass(frozen=True, slots=True)
class NewBooking:
    """What is asked for. Resources are named by id or by name."""

    name: str
    timing: Timing | AskedTiming
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
    scopes: Collection[str] = ()
    """Security scopes: only who has one of them knows that it exists; none: everybody on the platform."""
    force: bool = False
    """Save it in spite of conflicts: who must yield is quarantined."""
    auto_select: bool = True
    """Let nodes take resources by themselves, each as its service definition says; False: none does."""
    left_open: Collection[str] = ()
    """Labels of nodes that take none, whatever their service definition says."""
    orchestrated: bool = False
    """Of a free list: its profiles are loaded at START and STOP; False: it is only held."""
    overlays: str = ""
    """Id or name of a permanent service that has these values for a while; its nodes are named without resources."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to change; None leaves a thing alone.

    A choice replaces that of the same node, a patch changes it, None removes it; properties are a merge patch.
    """

    name: str | None = None
    timing: Timing | Retime | None = None
    """A rule from the stored timing to the new one lets the end move and keeps the start as it is now."""
    nodes: Mapping[str, NodeChoice | NodePatch | None] | None = None
    properties: Mapping[str, object] | None = None
    priority: int | None = None
    scopes: Collection[str] | None = None
    force: bool = False
    """Save it in spite of conflicts: who must yield is quarantined."""
    auto_select: bool = True
    """Let nodes take resources by themselves, each as its service definition says; False: none does."""
    orchestrated: bool | None = None


Rule = Callable[[Tx, Booking], Edit]
"""What is to change, made from the booking as it is stored."""


@dataclass(frozen=True, slots=True)
class Copy:
    """How a duplicate differs from its original."""

    name: str = ""
    """Empty: the original's with `` Copy``."""
    start: int | None = None
    """On air, in microseconds; None: at the same time, or for the rest of it. The lengths are the original's."""
    id: str = ""
    force: bool = False


def create(tx: Tx, by: Actor, new: NewBooking, attempt: Attempt) -> BookingDetails:
    """Book: the state is Partial, the resources are held, nothing is orchestrated.

    Raises:
        Invalid: every mistake in the input. Conflict: a resource is held. NameInUse. Refused: the id is known.
    """
    platform = sight.platform(tx, by, new.platform, "booking.create")
    sight.require_scopes(by, platform.key, (), new.scopes)
    asked = new.timing
    timing = asked if isinstance(asked, Timing) else asked.timing(platform.config.defaults, tx.now)
    mistakes = list(timing.mistakes())
    if not new.name.strip():
        mistakes.append(Mistake("name", "is empty", "a name"))
    if new.id and tx.bookings.several([new.id]):
        raise known_id(new.id)
    definition = None
    if new.definition is not None:
        definition = tx.catalogue.definition(platform.key, new.definition, new.definition_version)
        mistakes += holding.publication_mistakes(definition)
    mistakes += _list_mistakes(definition, orchestrated=new.orchestrated or bool(new.overlays))
    service = overlaying.service_named(tx, by, platform.key, new.overlays) if new.overlays else None
    booking = Booking(
        key=0, id=new.id or tx.new_id(), platform=platform.key, name=new.name.strip(), state=LIFE_CYCLE.initial,
        timing=timing, definition=definition.key if definition else None,
        nodes=resolve(tx, platform.key, new.nodes), properties=dict(new.properties), priority=new.priority,
        orchestrated=new.orchestrated, zone=new.zone or platform.zone,
        created_us=tx.now, created_by=by.name, changed_us=tx.now, scopes=_sorted(new.scopes),
        owner=by.name if platform.config.lock_bookings else "", overlays=service.id if service else "",
        service_state=platform.config.service_states.mapping.initial or STOP,
    )  # fmt: skip
    _require_sound(tx, booking, definition, mistakes)
    if booking.overlays:
        booking = initial(tx, overlaying.settled(tx, booking))
    else:
        booking = holding.with_copies(tx, initial(tx, booking), definition, {})
    choice = Choice(booking)
    if new.auto_select:
        choice = choosing.on_create(tx, booking, definition, attempt, new.left_open)
    verdict = choosing.weighed(tx, by, None, choice, attempt, force=new.force)
    booking = tx.bookings.add(choice.booking)
    tell(tx, by, "booking.created", booking, after=booking.state, why="; ".join(choice.why))
    quarantine.impose(tx, by, verdict.others, f"booking {booking.id}")
    booking = quarantine.hold(tx, by, booking, verdict, new=True)
    chosen = [need.resource for need in verdict.needs]
    return details(tx, booking, boundaries=(), not_reset=verdict.not_reset, resources=chosen)


def edit(
    tx: Tx,
    by: Actor,
    ident: str,
    seen: int | None,
    change: Edit | Rule,
    installed: Collection[str] | None,
    attempt: Attempt,
    action: str = "edit",
) -> BookingDetails:
    """Change what is given. The boundaries that have not begun move in the same transaction.

    A confirmed booking that loses something mandatory becomes Partial again.

    Args:
        action: the row of ACTIONS that must admit it.

    Raises:
        Invalid: every mistake. Conflict. NameInUse. ActionNotPossible.
    """
    before = open_booking(tx, by, ident, seen, action)
    asked = change if isinstance(change, Edit) else change(tx, before)
    after, definition, boundaries = prepared(tx, before, asked)
    sight.require_scopes(by, after.platform, before.scopes, after.scopes)
    if after == before:
        return details(tx, before)
    choice = Choice(after)
    if asked.auto_select:
        choice = choosing.on_edit(tx, before, after, definition, asked.nodes or {}, attempt)
    after = choice.booking
    verdict = choosing.weighed(tx, by, before, choice, attempt, force=asked.force)
    quarantine.impose(tx, by, verdict.others, f"booking {after.id}")
    if after.state is State.CONFIRMED and not after.began and not verdict.own:
        lost = holding.missing(tx, after, definition, installed)
        if lost:
            after = replace(after, state=LIFE_CYCLE.fire(after.state, Trigger.DEMOTE))
            tell(tx, by, "booking.state", after, before.state, after.state, "; ".join(map(str, lost)), action)
    after = store(tx, before, after)
    why = "; ".join([", ".join(differences(before, after)), *choice.why])
    tell(tx, by, "booking.edited", after, why=why, cause=action)
    after = quarantine.hold(tx, by, after, verdict)
    if boundaries:
        boundaries = tx.boundaries.of(after.key)
        tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=orchestrates(after.state)))
    return details(tx, after)


def set_properties(tx: Tx, by: Actor, ident: str, seen: int | None, properties: Mapping[str, object]) -> BookingDetails:
    """Change the properties that are given, whatever the booking does; None takes one away."""
    before = open_booking(tx, by, ident, seen, "properties")
    after = _edited(tx, before, Edit(properties=properties))
    if after == before:
        return details(tx, before)
    after = store(tx, before, after)
    tell(tx, by, "booking.edited", after, why=f"properties {', '.join(properties)}", cause="properties")
    return details(tx, after)


def duplicate(tx: Tx, by: Actor, ident: str, copy: Copy, attempt: Attempt) -> BookingDetails:
    """Book the same once more: same version of the definition, resources, values and properties.

    Raises:
        Invalid: its time has passed and no other is given. Conflict: at the same time its resources are mostly held by
            the original. NameInUse.
    """
    before = open_booking(tx, by, ident, None, "duplicate")
    definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
    platform = tx.platforms.by_key(before.platform)
    new = NewBooking(
        name=copy.name or f"{before.name} Copy",
        timing=once_more(before.timing, copy.start, tx.now, platform.config.rescheduling_delay_us),
        platform=platform.name, definition=definition.name if definition else None,
        definition_version=definition.version if definition else None, nodes=before.nodes,
        properties=before.properties, priority=before.priority, zone=before.zone, id=copy.id, force=copy.force,
        scopes=before.scopes, orchestrated=before.orchestrated, overlays=before.overlays,
    )  # fmt: skip
    return create(tx, by, new, attempt)


def open_booking(tx: Tx, by: Actor, ident: str, seen: int | None, action: str) -> Booking:
    """The booking that an action is about, if the actor may carry it out now, on what it has seen.

    Raises:
        NotFound. NotPermitted. Stale: ``seen`` is not its revision any more; None skips that guard.
        ActionNotPossible, TransitionNotAllowed: the tables do not admit it, or somebody else owns the booking.
    """
    booking = sight.booking(tx, by, ident, f"booking.{action}")
    require_seen(f"booking {ident}", seen, booking.revision)
    require_action(booking, action, lambda: possible_to(tx, by, booking))
    require_owner(booking, action, by.name, locks=tx.platforms.by_key(booking.platform).config.lock_bookings)
    return booking


def prepared(tx: Tx, before: Booking, change: Edit) -> tuple[Booking, ServiceDefinition | None, list[Boundary]]:
    """The booking with what is to change, if nothing of it is mistaken; its definition and its boundaries.

    Raises:
        Invalid: every mistake.
    """
    boundaries, after = tx.boundaries.of(before.key), _edited(tx, before, change)
    definition = tx.catalogue.definition_by_key(after.definition) if after.definition else None
    mistakes = _edit_mistakes(before, after, change, boundaries, tx.now)
    mistakes += _list_mistakes(definition, orchestrated=after.orchestrated)
    _require_sound(tx, after, definition, mistakes)
    if after.overlays:
        after = overlaying.settled(tx, after)
    elif change.nodes:
        after = holding.with_copies(tx, after, definition, before.nodes)
    if after.orchestrated is not before.orchestrated:
        after = initial(tx, after)
    return after, definition, boundaries


def differences(before: Booking, after: Booking) -> list[str]:
    """What an edit changed, by name."""
    watched = ("name", "timing", "nodes", "orchestrated", "properties", "priority", "scopes")
    return [name for name in watched if getattr(before, name) != getattr(after, name)]


def initial(tx: Tx, booking: Booking) -> Booking:
    """The booking with the service state that a confirmed one begins in."""
    state = states_of(booking, tx.platforms.by_key(booking.platform).config).mapping.initial or STOP
    return booking if state == booking.service_state else replace(booking, service_state=state)


def resolve(tx: Tx, platform: int, nodes: Mapping[str, NodeChoice]) -> dict[str, NodeChoice]:
    """The choices with the ids of their resources, which may be named by name."""
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
        elif isinstance(choice, NodePatch):
            nodes[label] = choice.applied(nodes.get(label, NodeChoice()))
        else:
            nodes[label] = choice
    timing = _timing(before.timing, change.timing)
    return replace(
        before,
        name=before.name if change.name is None else change.name.strip(),
        timing=timing,
        finished=before.finished and timing == before.timing,
        nodes=resolve(tx, before.platform, nodes) if change.nodes else before.nodes,
        properties=merged(before.properties, change.properties or {}),
        priority=before.priority if change.priority is None else change.priority,
        scopes=before.scopes if change.scopes is None else _sorted(change.scopes),
        orchestrated=before.orchestrated if change.orchestrated is None else change.orchestrated,
    )


def _edit_mistakes(
    before: Booking, after: Booking, change: Edit, boundaries: Sequence[Boundary], now: int
) -> list[Mistake]:
    found = list(after.timing.mistakes())
    if not after.name:
        found.append(Mistake("name", "is empty", "a name"))
    found += timing_mistakes(before.timing, after.timing, begun_kinds(boundaries), now)
    if before.began and change.nodes:
        found.append(Mistake("nodes", "are in use: the booking runs", "swap, add or remove with apply now"))
    if before.began and after.orchestrated is not before.orchestrated:
        found.append(Mistake("orchestrated", "is frozen: the booking runs", f"{before.orchestrated}".lower()))
    if any(b.trigger is Trigger.FINISH for b in boundaries) and after.timing != before.timing:
        found.append(Mistake("end", "is frozen: the booking is being finished", "no change of the timing"))
    return found


def _require_sound(
    tx: Tx, booking: Booking, definition: ServiceDefinition | None, mistakes: Sequence[Mistake]
) -> None:  # fmt: skip
    """Refuse these mistakes, and with them all that is wrong with the nodes of what is no overlay."""
    found = list(mistakes)
    if not booking.overlays:
        found += holding.node_mistakes(tx, booking, definition)
    if found:
        raise Invalid([*found, *holding.unknown_resources(tx, booking)])


def _list_mistakes(definition: ServiceDefinition | None, *, orchestrated: bool) -> list[Mistake]:
    if definition is None or not orchestrated:
        return []
    what = f"stands beside the definition {definition.name}, whose actions orchestrate it"
    return [Mistake("orchestrated", what, "false; or no definition: a free list of resources")]


def _sorted(scopes: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(scopes)))


def _timing(before: Timing, change: Timing | Retime | None) -> Timing:
    if change is None or isinstance(change, Timing):
        return change or before
    return change(before)
