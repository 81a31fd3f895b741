# SPDX-License-Identifier: Apache-2.0
"""What a run is sent of the resources that it works on, and of a service order what each of them is to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from preroll.app import overlays
from preroll.app.ordering import DOWN, Target
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.boundaries import Run
from preroll.domain.config import Platform
from preroll.domain.deployment import WHOLE
from preroll.domain.inheritance import Filled
from preroll.domain.order import OrderKind, Together, in_turn
from preroll.domain.ordered import Order
from preroll.domain.resource import Resource
from preroll.domain.service import STOP
from preroll.domain.service_instance import EXISTS
from preroll.ports import scripts
from preroll.ports.rows import Claimed
from preroll.ports.scripts import BookingView, DeploymentPart, Equipment, ScriptKind
from preroll.ports.store import Tx

DRY = "plan of "
"""What the name of a part begins with where it is planned and not made."""


def equip(label: str, resource: Resource, filled: Filled) -> Equipment:
    """A resource with what applies on its node."""
    profile, values = filled.profile, filled.values
    return Equipment(
        label=label,
        id=resource.id,
        name=resource.name,
        driver=resource.driver,
        address=resource.address,
        function=resource.function,
        profile=filled.instance,
        values=profile.configured(values) if profile else values,
        states={s: profile.configured(v) for s, v in filled.states.items()} if profile else {},
        defaults=profile.configured(profile.defaults()) if profile else {},
        paths={p.name: p.path or p.name for p in profile.parameters} if profile else {},
        secrets=tuple(sorted(profile.secrets)) if profile else (),
        load=profile.loads.get(resource.driver, "") if profile else "",
        properties=resource.properties,
        device=resource.device,
        hands_off=resource.hands_off,
    )


def frame_of(claimed: Claimed, platform: Platform) -> scripts.Order:
    """The frame of a deployment, without what it works on. It may always go back: its grace is as long as its time."""
    limits, carrier, decision = platform.config.limits, claimed.judged.booking, claimed.decision
    assert isinstance(decision, Run)  # noqa: S101 - the journal hands out nothing else
    return scripts.Order(
        run=claimed.run, key_prefix=claimed.key_prefix, kind=ScriptKind.ORDER, script=decision.script,
        version="", event=claimed.judged.boundary.event.name, target=decision.target,
        previous=decision.previous,
        booking=BookingView(
            carrier.id, carrier.name, platform.name, carrier.timing.start, None, 0, 0, carrier.state.value
        ),
        steps=claimed.steps, timeout_us=limits.lso_us, step_timeout_us=limits.step_us, attempts=limits.attempts,
        backoff_us=limits.backoff_us, grace_us=limits.lso_us,
    )  # fmt: skip


def deployed_equipment(tx: Tx, order: Order, found: Sequence[Target]) -> list[Equipment]:
    """The resources of an order, each with the values that it is to get."""
    shelf = tx.catalogue.profiles(order.platform)
    wanted = {c.resource for one in found for c in (*one.nodes.values(), *one.leaving.values()) if c.resource}
    known = {r.id: r for r in tx.catalogue.resources(order.platform, ids=sorted(wanted))}
    ended = tx.platforms.by_key(order.platform).config.service_states.mapping.ended or STOP
    equipment = []
    for one in found:
        above = _above(tx, order, one)
        for label, choice, down in _nodes(one):
            resource = known.get(choice.resource or "")
            if resource is not None:
                filled = shelf.filled(one.node(label), choice)
                plain = equip(f"{one.item.name}/{label}", resource, filled)
                values = {
                    **(plain.defaults if down else plain.values),
                    **_in(plain.states, ended if down else one.runs),
                }
                if not down and label in above and filled.profile:
                    high = overlays.raised(shelf, one.node(label), choice, above[label], one.runs)
                    values = filled.profile.configured(high)
                equipment.append(replace(plain, values=values))
    return equipment


def overlaid_equipment(tx: Tx, booking: Booking, *, up: bool) -> list[Equipment]:
    """The resources of an overlay's service as that is now: up, with what the overlay says on top; down, its own."""
    service = tx.services.get(booking.overlays)
    carrier = tx.bookings.get(service.id, hidden=True)
    definition, shelf = tx.catalogue.definition_by_key(service.definition), tx.catalogue.profiles(booking.platform)
    known = {r.id: r for r in tx.catalogue.resources(booking.platform, ids=sorted(carrier.resources))}
    up = up and overlays.is_active(tx, booking.platform, service.runs)
    equipment = []
    for node in definition.ordered if service.state in EXISTS else ():
        own, over = carrier.nodes.get(node.label), booking.nodes.get(node.label)
        resource = known.get(own.resource or "") if own else None
        if own is None or over is None or resource is None:
            continue
        filled = shelf.filled(node, own)
        values = (overlays.raised if up else overlays.own_again)(shelf, node, own, over, service.runs)
        values = filled.profile.configured(values) if filled.profile else values
        plain = equip(node.label, resource, filled)
        equipment.append(replace(plain, profile=plain.profile or node.profile, values=values, states={}))
    return equipment


def _above(tx: Tx, order: Order, one: Target) -> Mapping[str, NodeChoice]:
    """What an overlay that is on the air says of a service, by label."""
    if one.service is None or not overlays.is_active(tx, order.platform, one.runs):
        return {}
    return overlays.on_air(tx, one.service.id)


def as_deployed(equipment: Equipment, runs: str) -> dict[str, object]:
    """What a deployed service has left on a device, by the driver's paths; without its secrets."""
    values = {**equipment.values, **_in(equipment.states, runs)}
    return {equipment.paths.get(n, n): value for n, value in values.items() if n not in equipment.secrets}


def parts_of(order: Order, found: Sequence[Target], *, dry: bool = False) -> tuple[DeploymentPart, ...]:
    """What is made as one: all of an atomic order, else each of its items; in their order."""
    by_name = {one.item.name: one for one in found}
    turn = [by_name[item.name] for item in in_turn(order.items)]
    labels = {one.item.name: _labels(one) for one in turn}
    before = DRY if dry else ""
    if order.together is Together.ATOMIC:
        all_of_it = tuple(label for some in labels.values() for label in some)
        return (DeploymentPart(f"{before}{WHOLE}", all_of_it, (), any(item.after for item in order.items)),)
    return tuple(
        DeploymentPart(f"{before}{i.name}", labels[i.name], tuple(f"{before}{name}" for name in i.after))
        for i in in_turn(order.items)
    )


def _labels(one: Target) -> tuple[str, ...]:
    """The nodes that there is something to send to, in node order."""
    return tuple(
        f"{one.item.name}/{label}" for label, choice, _ in _nodes(one)
        if choice.resource and (node := one.node(label)) is not None and (node.profile or choice.profile)
    )  # fmt: skip


def _nodes(one: Target) -> list[tuple[str, NodeChoice, bool]]:
    """(label, choice, goes down) in node order; what leaves the service comes last."""
    if one.item.kind is OrderKind.VALIDATE:
        return []
    order = {node.label: place for place, node in enumerate(one.definition.ordered)}
    labels = sorted(one.nodes, key=lambda label: order.get(label, len(order)))
    down = one.item.kind in DOWN
    found = [(label, one.nodes[label], down) for label in (reversed(labels) if down else labels)]
    return found + [(label, choice, True) for label, choice in one.leaving.items()]


def _in(states: Mapping[str, Mapping[str, object]], state: str) -> Mapping[str, object]:
    return next((values for name, values in states.items() if name.casefold() == state.casefold()), {})
