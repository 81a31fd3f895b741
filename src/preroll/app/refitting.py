# SPDX-License-Identifier: Apache-2.0
"""Resources are put on nodes and taken off, also while the booking runs; a service state is forced.

While it runs, each is two units joined by a boundary: the first stores what is to be and arms the boundary; the engine
claims it, configures what is new, brings what was taken out to its ended state and releases it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from preroll.app import edits, holding, quarantine
from preroll.app.choosing import Attempt
from preroll.app.edits import Edit, open_booking
from preroll.app.recording import store, tell
from preroll.app.views import BookingDetails, details
from preroll.domain.booking import Booking, NodeChoice, Phase
from preroll.domain.boundaries import Boundary, Kind
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake
from preroll.domain.external import ask_again, forcing_mistakes, needs_run, require_quiet, state_now, strands
from preroll.domain.free_list import actions_of, states_of
from preroll.domain.inheritance import renewed
from preroll.domain.permission import Actor
from preroll.domain.resource import Resource
from preroll.domain.service import action_for
from preroll.ports.store import Tx

Spare = Callable[[Tx, Booking, str], Resource | None]
"""The best resource that is free for a node."""


@dataclass(frozen=True, slots=True)
class Refit:
    """What is to be on a node."""

    node: str
    resource: str | None = None
    """Id or name; None: the best one that is free (a spare)."""
    profile: str | None = None
    """None: as it is."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Own values; none: as they are."""
    apply_now: bool = False
    """Configure the devices at once; needed while the booking runs."""
    force: bool = False


def refit(
    tx: Tx,
    by: Actor,
    ident: str,
    seen: int | None,
    action: str,
    change: Refit,
    installed: Collection[str] | None,
    spare: Spare,
    attempt: Attempt,
) -> BookingDetails:
    """Put a resource on a node, another one in its place, or take it away.

    Args:
        action: ``add``, ``swap`` or ``remove``.

    Raises:
        Invalid: every mistake. Conflict. ActionNotPossible: not now, not without apply now, or no spare is free.
    """
    before = open_booking(tx, by, ident, seen, action)
    choice = _choice(tx, before, action, change, spare)
    if before.phase is Phase.WAITING:
        edit = Edit(nodes={change.node: choice}, force=change.force)
        return edits.edit(tx, by, ident, seen, edit, installed, attempt, action)
    definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
    boundaries = tx.boundaries.of(before.key)
    _require_now(tx, before, definition, boundaries, action, change)
    after = _refitted(tx, before, definition, change.node, choice)
    attempt.tried = after
    verdict = quarantine.weigh(tx, by, before, after, force=change.force)
    quarantine.impose(tx, by, verdict.others, f"booking {after.id}")
    after = store(tx, before, after)
    tell(tx, by, "booking.edited", after, why=f"{action} on {change.node}", cause=action)
    after = quarantine.hold(tx, by, after, verdict)
    if needs_run(after, definition):
        tx.boundaries.upsert([ask_again(boundaries, after.key, Kind.CHANGE, tx.now, "")])
    return details(tx, after)


def apply_now(tx: Tx, by: Actor, ident: str, seen: int | None, why: str, attempt: Attempt) -> BookingDetails:
    """Bring the profiles that a running booking has by reference, and kept as they were, to it as they are now.

    Raises:
        Conflict: it would need more than there is. ActionNotPossible: nothing of it has changed, or not now.
    """
    before = open_booking(tx, by, ident, seen, "apply-now")
    definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
    boundaries = tx.boundaries.of(before.key)
    after = replace(before, nodes=renewed(definition.nodes if definition else (), before.nodes))
    if after.nodes == before.nodes:
        raise ActionNotPossible("no profile of it has changed since it began", hint="there is nothing to apply")
    _require_now(tx, before, definition, boundaries, "apply-now", Refit("", apply_now=True))
    attempt.tried = after
    verdict = quarantine.weigh(tx, by, before, after, force=False)
    after = store(tx, before, after)
    names = ", ".join(sorted({c.kept.instance for c in before.nodes.values() if c.kept}))
    tell(
        tx, by, "booking.profile_applied", after, after.state, after.state, why or f"{names} as it is now", "apply-now"
    )
    after = quarantine.hold(tx, by, after, verdict)
    if needs_run(after, definition):
        tx.boundaries.upsert([ask_again(boundaries, after.key, Kind.CHANGE, tx.now, "")])
    return details(tx, after)


def force_state(
    tx: Tx, by: Actor, ident: str, seen: int | None, state: str, why: str, *, anyway: bool
) -> BookingDetails:
    """Have the definition's action for a service state run now; the life cycle stays.

    Args:
        anyway: also when the next event would be forbidden after it.

    Raises:
        Invalid: the definition has no action for it. ActionNotPossible: a run is under way, the table does not allow
            it, or it would strand the next event.
    """
    before = open_booking(tx, by, ident, seen, "force-state")
    definition = tx.catalogue.definition_by_key(before.definition) if before.definition else None
    if mistakes := forcing_mistakes(actions_of(before, definition), state):
        raise Invalid(mistakes)
    states = states_of(before, tx.platforms.by_key(before.platform).config).spelled()
    state = next((name for name in states.known if name.casefold() == state.casefold()), state)
    boundaries = tx.boundaries.of(before.key)
    require_quiet(boundaries, tx.now)
    if state in states.known and not states.allows(before.service_state, state):
        what = f"the platform's table does not allow {before.service_state} -> {state}"
        raise ActionNotPossible(what, hint="force a state that it allows, or change the table")
    if (problem := strands(before, states, state)) and not anyway:
        raise ActionNotPossible(
            problem, hint="ask for it anyway (--anyway, anyway: true), and force another state before then"
        )
    after = store(tx, before, before)
    tx.boundaries.upsert([ask_again(boundaries, after.key, Kind.FORCED, tx.now, state)])
    tell(tx, by, "booking.state_forced", after, before.service_state, state, why, "force-state")
    return details(tx, after)


def _choice(tx: Tx, booking: Booking, action: str, change: Refit, spare: Spare) -> NodeChoice | None:
    """What is to be on the node.

    Raises:
        Invalid: the node has none to swap, or has one already. ActionNotPossible: no spare is free.
    """
    now = booking.nodes.get(change.node, NodeChoice())
    if action == "add" and now.resource:
        raise Invalid([Mistake("node", f"{change.node} has a resource", "a node without one; or swap it")])
    if action != "add" and not now.resource:
        having = ", ".join(label for label, node in booking.nodes.items() if node.resource) or "none"
        raise Invalid([Mistake("node", f"{change.node} has no resource", f"one that has: {having}")])
    if action == "remove":
        return None
    asked = replace(now, profile=change.profile or now.profile, values=dict(change.values) or now.values)
    if change.resource is not None:
        return edits.resolve(tx, booking.platform, {"": replace(asked, resource=change.resource)})[""]
    nodes = {**booking.nodes, change.node: replace(asked, resource=now.resource)}
    found = spare(tx, replace(booking, nodes=nodes), change.node)
    if found is None:
        raise ActionNotPossible(
            f"no resource is free for {change.node}", hint="preroll availability --explain tells why; or name one"
        )
    return replace(asked, resource=found.id)


def _require_now(
    tx: Tx,
    booking: Booking,
    definition: ServiceDefinition | None,
    boundaries: list[Boundary],
    action: str,
    change: Refit,
) -> None:
    if any(b.kind is Kind.END_OF_POST_ROLL and b.trigger == "finish" for b in boundaries):
        raise ActionNotPossible("the booking is being finished", hint="wait for its last event")
    require_quiet(boundaries, tx.now)
    if not needs_run(booking, definition):
        return
    if not change.apply_now:
        raise ActionNotPossible(
            f"{action} is not possible: the booking runs, its devices are configured",
            hint="do it with apply now: what is new is configured, what is taken out is reset and released",
        )
    state = state_now(booking, states_of(booking, tx.platforms.by_key(booking.platform).config))
    if action_for(actions_of(booking, definition), state) is None:
        raise ActionNotPossible(
            f"{action} is not possible: the definition has no action for {state}", hint="finish the booking instead"
        )


def _refitted(
    tx: Tx, before: Booking, definition: ServiceDefinition | None, label: str, choice: NodeChoice | None
) -> Booking:
    """The running booking with the node as it is to be; what nobody uses any more is on its way out.

    Raises:
        Invalid: every mistake.
    """
    node = definition.node(label) if definition else None
    if choice is None and node is not None and not node.optional:
        raise Invalid([Mistake("node", f"{label} is mandatory", "an optional node; or swap it")])
    old = before.nodes.get(label)
    nodes = {name: c for name, c in before.nodes.items() if name != label} | ({label: choice} if choice else {})
    after = replace(before, nodes={name: nodes[name] for name in [*before.nodes, label] if name in nodes})
    if mistakes := holding.node_mistakes(tx, after, definition):
        raise Invalid(mistakes)
    after = holding.with_copies(tx, after, definition, before.nodes)
    back = {name: c for name, c in before.leaving.items() if c.resource not in after.resources}
    gone = old is not None and old.resource and old.resource not in after.resources
    resets = gone and needs_run(before, definition)
    return replace(after, leaving={**back, label: old} if resets and old else back)
