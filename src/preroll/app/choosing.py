# SPDX-License-Identifier: Apache-2.0
"""Open nodes take the best eligible resources by themselves, in the unit that saves the booking (auto-select, SPEC 2).

Chosen is on a look without locks, checked again under the lock like anything else. Who is overtaken in between starts
once more with every candidate locked, and cannot be overtaken again. Functions of a transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from preroll.app import holding, quarantine
from preroll.app.quarantine import Verdict
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.capacity import Wish
from preroll.domain.choosing import Opening, choose, ranking
from preroll.domain.definition import AutoSelect, Node, ServiceDefinition
from preroll.domain.edits import NodePatch
from preroll.domain.errors import Conflict
from preroll.domain.permission import Actor
from preroll.domain.resource import Resource
from preroll.domain.usage import Left, fits, left
from preroll.domain.values import dataclass
from preroll.domain.window import Window
from preroll.ports.store import Tx


class Overtaken(Exception):
    """What was chosen has been taken since. Nobody sees this: with every candidate locked it is chosen for good."""


@dataclass(slots=True)
class Attempt:
    """One attempt to save a booking, as the unit that makes it tells of it."""

    tried: Booking | None = None
    """What it would save."""
    locked: bool = False
    """Everything that open nodes could take is locked before they choose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A booking with its open nodes filled as far as possible."""

    booking: Booking
    names: frozenset[str] = frozenset()
    """Of the resources that were chosen."""
    why: tuple[str, ...] = ()
    """For each node what it took and why, or why it took nothing."""


def on_create(
    tx: Tx,
    booking: Booking,
    definition: ServiceDefinition | None,
    attempt: Attempt,
    left_open: Collection[str] = (),
) -> Choice:
    """A new booking, with a resource on every node that takes one by itself and has none.

    Args:
        left_open: labels of nodes that take none this time.
    """
    nodes = [
        node
        for node in (definition.ordered if definition else ())
        if node.selects is not AutoSelect.NEVER and node.label not in left_open and not _resource(booking, node)
    ]
    return _filled(tx, booking, definition, nodes, attempt)


def on_edit(
    tx: Tx,
    before: Booking,
    after: Booking,
    definition: ServiceDefinition | None,
    named: Mapping[str, NodeChoice | NodePatch | None],
    attempt: Attempt,
) -> Choice:
    """An edited booking, with a resource on every node that always takes one: where it has none, or none that fits.

    Args:
        named: the nodes that the edit is about; those that it fills or removes are left as it says.
    """
    nodes = [
        node
        for node in (definition.ordered if definition and not after.began else ())
        if node.selects is AutoSelect.ALWAYS and not _decided(node.label, named)
    ]
    moved = before.timing != after.timing or before.nodes != after.nodes
    misfits = _misfits(tx, after, {found for n in nodes if (found := _resource(after, n))}) if moved else set()
    nodes = [n for n in nodes if not (found := _resource(after, n)) or found in misfits]
    return _filled(tx, after, definition, nodes, attempt)


def weighed(tx: Tx, by: Actor, before: Booking | None, choice: Choice, attempt: Attempt, *, force: bool) -> Verdict:
    """What saving the booking comes to.

    Raises:
        Overtaken: what was chosen is held by somebody else now. Conflict. NameInUse.
    """
    attempt.tried = choice.booking
    if force and choice.names and not attempt.locked:
        raise Overtaken  # nobody is forced out of what was not named
    try:
        return quarantine.weigh(tx, by, before, choice.booking, force=force)
    except Conflict as found:
        if attempt.locked or not any(clash.resource in choice.names for clash in found.clashes):
            raise
        raise Overtaken from None


def _decided(label: str, named: Mapping[str, NodeChoice | NodePatch | None]) -> bool:
    choice = named.get(label, NodeChoice())
    if isinstance(choice, NodePatch):
        return "resource" in choice.given
    return choice is None or bool(choice.resource)


def _resource(booking: Booking, node: Node) -> str | None:
    choice = booking.nodes.get(node.label)
    return choice.resource if choice else None


def _misfits(tx: Tx, booking: Booking, idents: set[str]) -> set[str]:
    """Those of these resources that cannot serve the booking's nodes."""
    needs = [need for need in holding.needs_of(tx, booking) if need.resource.id in idents]
    held = booking.timing.held
    usages = tx.reservations.usages([need.resource for need in needs], held, but=booking.key)
    return {n.resource.id for n in needs if not fits(n.resource, n.wishes, held, usages.get(n.resource.key, ()))}


def _filled(
    tx: Tx, booking: Booking, definition: ServiceDefinition | None, nodes: Sequence[Node], attempt: Attempt
) -> Choice:
    if not nodes:
        return Choice(booking)
    nodes = sorted(nodes, key=lambda node: node.optional)
    every = tx.catalogue.candidates(booking.platform)
    there = {node.label: every.of(node) for node in nodes}
    openings = _Look(tx, booking, nodes, there, locked=attempt.locked)
    found = choose([openings.of(node) for node in nodes], openings.fits)
    chosen = dict(booking.nodes)
    for label, resource in found.items():
        chosen[label] = replace(chosen.get(label, NodeChoice()), resource=resource.id)
    in_order = {n.label: chosen[n.label] for n in (definition.ordered if definition else ()) if n.label in chosen}
    booking = holding.with_copies(tx, replace(booking, nodes=in_order | chosen), definition, booking.nodes)
    why = tuple(openings.told(node, found.get(node.label)) for node in nodes)
    return Choice(booking, frozenset(r.name for r in found.values()), why)


class _Look:
    """What there is for the open nodes of a booking at one moment."""

    def __init__(
        self,
        tx: Tx,
        booking: Booking,
        nodes: Sequence[Node],
        there: Mapping[str, Sequence[Resource]],
        *,
        locked: bool,
    ) -> None:
        self._tx, self._booking, self._there = tx, booking, there
        config, held = tx.platforms.by_key(booking.platform).config, booking.timing.held
        self._order, self._guarded = config.ordering, config.guard_us > 0
        self._wide = Window(held.start - config.guard_us, None if held.end is None else held.end + config.guard_us)
        self._shelf = tx.catalogue.profiles(booking.platform)
        labels = {node.label for node in nodes}
        fixed = replace(booking, nodes={label: n for label, n in booking.nodes.items() if label not in labels})
        needs = holding.needs_of(tx, fixed)
        self._fixed = {need.resource.key: need.wishes for need in needs}
        every = {r.key: r for found in there.values() for r in found}
        if locked:
            tx.reservations.lock([*every.values(), *(n.resource for n in needs if n.resource.key not in every)])
        self._around = tx.reservations.usages(list(every.values()), self._wide, but=booking.key)
        self._usages = {
            key: [u for u in found if u.start < held.until and u.end > held.start]
            for key, found in self._around.items()
        }
        self._openings: dict[str, Opening] = {}

    def fits(self, resource: Resource, wishes: Sequence[Wish]) -> bool:
        """Can a resource serve these nodes, beside what the booking has of it anyway?"""
        together = (*self._fixed.get(resource.key, ()), *wishes)
        now = None if resource.id in self._booking.resources else self._tx.now
        return fits(resource, together, self._booking.timing.held, self._usages.get(resource.key, ()), now)

    def of(self, node: Node) -> Opening:
        """The node with what is eligible for it."""
        wish = self._shelf.wish(node, self._booking.nodes.get(node.label, NodeChoice()), node.label)
        eligible = [r for r in self._there[node.label] if self.fits(r, [wish])]
        eligible.sort(key=ranking(wish, self._order, self._left))
        if self._guarded:
            eligible.sort(key=lambda resource: not self._free_around(resource, wish))
        found = Opening(wish, tuple(eligible))
        self._openings[node.label] = found
        return found

    def told(self, node: Node, resource: Resource | None) -> str:
        """What a node took and why."""
        eligible = self._openings[node.label].eligible
        if resource is None:
            return f"{node.label}: left as it is, no place for it on any of {len(self._there[node.label])} candidates"
        place = eligible.index(resource)
        of = f"of {len(eligible)} eligible by {self._order.value}"
        return f"{node.label}: {resource.name}, {'the best' if not place else f'number {place + 1}'} {of}"

    def _free_around(self, resource: Resource, wish: Wish) -> bool:
        """Is it free for the guard interval as well? Such come first."""
        return fits(resource, (wish,), self._wide, self._around.get(resource.key, ()))

    def _left(self, resource: Resource) -> Sequence[Left]:
        return left(resource, self._booking.timing.held, self._usages.get(resource.key, ()))
