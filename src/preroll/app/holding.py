# SPDX-License-Identifier: Apache-2.0
"""What a booking holds, and what it lacks. Functions of a transaction, shared by the use cases."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping
from dataclasses import replace

from preroll.app.order_needs import needs_on_top
from preroll.domain.booking import Booking, Carries, NodeChoice, State
from preroll.domain.capacity import Wish
from preroll.domain.definition import Publication, ServiceDefinition
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.inheritance import Filled, Profiles, settled
from preroll.domain.near import Names, listed
from preroll.domain.resource import Resource
from preroll.domain.service import Stage, action_for
from preroll.domain.usage import Need, of_all, out_of_service
from preroll.ports.store import Tx


def resources_of(tx: Tx, booking: Booking, known: Mapping[str, Resource] | None = None) -> list[Resource]:
    """The resources that a booking chose, in node order, then those on their way out.

    Args:
        known: by id, those that are to be taken as they are here.

    Raises:
        Invalid: one of them does not exist; says on which node.
    """
    found = {ident: known[ident] for ident in booking.held if known and ident in known}
    if unknown := [ident for ident in booking.held if ident not in found]:
        found |= {r.id: r for r in tx.catalogue.resources(booking.platform, ids=unknown)}
    if lost := _unknown(tx, booking, found):
        raise Invalid(lost)
    return [found[ident] for ident in booking.held]


def unknown_resources(tx: Tx, booking: Booking) -> list[Mistake]:
    """The resources that a booking chose and that do not exist, each with its node."""
    found = tx.catalogue.resources(booking.platform, ids=booking.resources) if booking.resources else []
    return _unknown(tx, booking, {resource.id for resource in found})


def _unknown(tx: Tx, booking: Booking, known: Container[str]) -> list[Mistake]:
    lost = [(label, n.resource) for label, n in booking.nodes.items() if n.resource and n.resource not in known]
    if not lost:
        return []
    names = Names(resource.name for resource in tx.catalogue.resources(booking.platform))
    return [
        Mistake(f"nodes.{label}.resource", f"there is no resource {name}", names.listed("resource", name))
        for label, name in lost
    ]


def needs_of(
    tx: Tx, booking: Booking, shelf: Profiles | None = None, known: Mapping[str, Resource] | None = None
) -> list[Need]:
    """What a booking needs of each of its resources, all its nodes together.

    Args:
        shelf: when it has been read already.
        known: resources by id that are to be taken as they are here.

    Raises:
        Invalid: one of the resources does not exist; says on which node.
    """
    resources, shelf = resources_of(tx, booking, known), shelf or tx.catalogue.profiles(booking.platform)
    if booking.carries is Carries.ORDER or booking.overlays:
        return needs_on_top(tx, booking, shelf, {resource.id: resource for resource in resources})
    definition = tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
    known, wishes = {resource.id: resource for resource in resources}, dict[str, list[Wish]]()
    for label, choice in (*booking.nodes.items(), *booking.leaving.items()):
        if not choice.resource:
            continue
        node = definition.node(label) if definition else None
        wish = shelf.wish(node, choice, label)
        wish = of_all(known[choice.resource], wish) if choice.whole else wish
        wishes.setdefault(choice.resource, []).append(wish)
    return [Need(resource, tuple(wishes[resource.id])) for resource in resources]


def with_copies(
    tx: Tx, booking: Booking, definition: ServiceDefinition | None, before: Mapping[str, NodeChoice]
) -> Booking:
    """The booking with a copy of each profile that it takes by value; what was copied before stays as it is."""
    nodes = definition.nodes if definition else ()
    shelf = tx.catalogue.profiles(booking.platform)
    copied = settled(shelf, nodes, booking.nodes, before, runs=booking.began)
    return booking if copied == booking.nodes else replace(booking, nodes=copied)


def missing(
    tx: Tx,
    booking: Booking,
    definition: ServiceDefinition | None,
    installed: Collection[str] | None,
    *,
    nodes: bool = True,
) -> list[Mistake]:
    """Everything that keeps a booking from being confirmed, at once (SPEC 3.1, confirm).

    Args:
        nodes: ask also for what is not chosen yet; created booking actions may still do that.
    """
    found = lacking(tx, booking, definition, installed, nodes=nodes)
    needs = needs_of(tx, booking)
    in_the_way = tx.reservations.clashes(booking, needs)
    if booking.state is not State.CONFIRMED:
        in_the_way += [c for need in needs for c in out_of_service(need.resource, booking.timing.held)]
    found += [Mistake(f"resource {c.resource}", str(c), "a resource that is free and able") for c in in_the_way]
    return found


def lacking(
    tx: Tx,
    booking: Booking,
    definition: ServiceDefinition | None,
    installed: Collection[str] | None,
    *,
    nodes: bool = True,
) -> list[Mistake]:
    """The same without what others hold: all of it is read off the booking, its definition and the settings."""
    found = []
    if booking.timing.end is not None and tx.now >= booking.timing.end:
        found.append(Mistake("end", "the on-air end has passed", "an end in the future"))
    if definition is not None:
        found += publication_mistakes(definition)
        found += missing_on_nodes(tx, booking, definition) if nodes else []
        found += _missing_actions(tx, booking, definition, installed)
    elif booking.orchestrated and not booking.overlays:
        found += _missing_on_list(tx.catalogue.profiles(booking.platform), booking)
    return found


def publication_mistakes(definition: ServiceDefinition) -> list[Mistake]:
    """What keeps a version from being booked."""
    if definition.publication is Publication.PUBLISHED:
        return []
    what = f"{definition.name} version {definition.version} is {definition.publication.value}"
    return [Mistake("definition", what, "a published version")]


def lacking_by(shelf: Profiles, booking: Booking, definition: ServiceDefinition | None) -> list[Mistake]:
    """What a booking lacks by the profiles of a catalogue."""
    if definition is not None:
        return _missing_on(shelf, booking, definition)
    return _missing_on_list(shelf, booking) if booking.orchestrated and not booking.overlays else []


def missing_on_nodes(tx: Tx, booking: Booking, definition: ServiceDefinition) -> list[Mistake]:
    """Every mandatory node without a resource, and every mandatory value that nobody has set."""
    return _missing_on(tx.catalogue.profiles(booking.platform), booking, definition)


def _missing_on(shelf: Profiles, booking: Booking, definition: ServiceDefinition) -> list[Mistake]:
    found = []
    for node in definition.ordered:
        choice, where = booking.nodes.get(node.label), f"nodes.{node.label}"
        if choice is None or not choice.resource:
            if not node.optional:
                kind = f" with the function {node.function}" if node.function else ""
                found.append(Mistake(f"{where}.resource", "is missing", f"a resource{kind}"))
            continue
        if not node.profile:
            continue
        filled = shelf.filled(node, choice)
        if not filled.instance or filled.profile is None:
            found.append(Mistake(f"{where}.profile", "is missing", f"a profile instance of {node.profile}"))
            continue
        found += _missing_values(where, filled)
    return found


def _missing_on_list(shelf: Profiles, booking: Booking) -> list[Mistake]:
    """What an orchestrated free list lacks; a resource without a profile is held and left as it is."""
    found = []
    for label, choice in booking.nodes.items():
        if not choice.resource:
            found.append(Mistake(f"nodes.{label}.resource", "is missing", "a resource"))
        found += _missing_values(f"nodes.{label}", shelf.filled(None, choice))
    if not any(choice.profile for choice in booking.nodes.values()):
        found.append(Mistake("nodes", "have no profile", "a profile on at least one; or orchestrated: false"))
    return found


def _missing_values(where: str, filled: Filled) -> list[Mistake]:
    return [
        Mistake(f"{where}.values.{p.name}", "is missing", f"a {p.type.value}")
        for p in (filled.profile.parameters if filled.profile else ())
        if p.mandatory and p.default is None and p.name not in filled.values
    ]


_SCRIPT = "an LSO script of that name in the folder of scripts: preroll scripts check"


def _missing_actions(
    tx: Tx, booking: Booking, definition: ServiceDefinition, installed: Collection[str] | None
) -> list[Mistake]:
    if not definition.actions:
        return []
    found = []
    mapping = tx.platforms.by_key(booking.platform).config.service_states.mapping
    for state in dict.fromkeys(s for stage, s in mapping.items() if s and stage is not Stage.INITIAL):
        script = action_for(definition.actions, state)
        if script is None:
            found.append(Mistake(f"definition.actions.{state}", "has no action", "an LSO script for each mapped state"))
        elif installed is not None and script not in installed:
            found.append(Mistake(f"definition.actions.{state}", f"script {script} is not installed", _SCRIPT))
    return found


def node_mistakes(tx: Tx, booking: Booking, definition: ServiceDefinition | None) -> list[Mistake]:
    """What is wrong with the nodes of a booking as it was typed in: unknown labels, profiles and values."""
    shelf, found = tx.catalogue.profiles(booking.platform), []
    profiles, instances = shelf.profiles, shelf.instances
    for label, choice in booking.nodes.items():
        where, node = f"nodes.{label}", definition.node(label) if definition else None
        if definition is not None and node is None:
            known = ", ".join(n.label for n in definition.nodes)
            found.append(
                Mistake(where, f"is no node of {definition.name} version {definition.version}", f"one of {known}")
            )
            continue
        if choice.profile and choice.profile not in instances:
            near = listed("profile", choice.profile, instances)
            found.append(Mistake(f"{where}.profile", f"there is no profile instance {choice.profile}", near))
            continue
        name = choice.profile or (node.default_profile if node else "")
        owner = instances[name].definition if name in instances else node.profile if node else ""
        if choice.profile and node and node.profile and owner != node.profile:
            found.append(Mistake(f"{where}.profile", f"is of {owner}", f"an instance of {node.profile}"))
        elif owner in profiles:
            found += profiles[owner].mistakes(f"{where}.values", choice.values)
        elif choice.values:
            found.append(Mistake(f"{where}.values", "the node takes no profile", "no values"))
    return found
