# SPDX-License-Identifier: Apache-2.0
"""Created booking actions: scripts of nodes that run before a booking is Confirmed, on every confirm.

Seed: "Configuring a custom Created Booking Action"; SPEC 3.3. They may assign resources and set values; if one fails,
the booking is Partial and whoever confirmed is told its message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from preroll.domain.booking import WAITING, Booking
from preroll.domain.boundaries import Boundary, Decision, Kind, Nothing, Run
from preroll.domain.definition import CreatedAction, Node, ServiceDefinition
from preroll.domain.errors import Mistake

PROPERTY = "Created Booking Action"
"""The node's property that holds it in the seed's format."""
BOOKING_ID = "[RESERVATIONID]"
"""Stands for the booking's id in the values of parameters."""
CONFIRMING = "Confirmed"
"""What a booking is entering while its created booking actions run."""
CREATED = "created booking actions"
"""Stands in the place of a script's name where a run is those of several nodes."""
PATCH = "patch"
"""What a run of them returns: node label -> ``{"resource": ..., "values": {...}}``."""
A_FORMAT = '{"Script": "Script:<name>||<parameter>=<value>;<parameter>=<value>"}'


@dataclass(frozen=True, slots=True)
class NodeAction:
    """The created booking action of a node, for one booking."""

    label: str
    script: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def action_of(node: Node) -> CreatedAction | None:
    """What a node runs before its booking is Confirmed: its typed action, or the seed's property; None: nothing.

    Raises:
        ValueError: the property cannot be read; says what is wrong with it.
    """
    return node.created_action or parsed(node.properties.get(PROPERTY))


def actions_of(definition: ServiceDefinition | None, booking: Booking) -> tuple[NodeAction, ...]:
    """What is to run for a booking, in node order."""
    found = [(node.label, action_of(node)) for node in definition.ordered] if definition else []
    return tuple(
        NodeAction(label, a.script, {n: v.replace(BOOKING_ID, booking.id) for n, v in a.parameters.items()})
        for label, a in found
        if a is not None
    )


def parsed(value: object) -> CreatedAction | None:
    """An action in the seed's format; white space and line breaks after ``;`` are ignored. None: there is none.

    Raises:
        ValueError: what is wrong with it.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value, strict=False)
        except ValueError as error:
            raise ValueError(f"is no JSON: {error}") from None
    script = value.get("Script") if isinstance(value, Mapping) and len(value) == 1 else None
    if not isinstance(script, str):
        raise ValueError('has no "Script"')
    kind, colon, rest = script.strip().partition(":")
    name, _, words = rest.partition("||")
    if kind != "Script" or not colon or not name.strip():
        raise ValueError('does not begin with "Script:<name>"')
    parameters: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in words.split(";"))):
        parameter, equals, text = word.partition("=")
        if not equals or not parameter.strip():
            raise ValueError(f"has {word!r}, which is no <parameter>=<value>")
        if parameter.strip() in parameters:
            raise ValueError(f"has the parameter {parameter.strip()} twice")
        parameters[parameter.strip()] = text.strip()
    return CreatedAction(name.strip(), parameters)


def mistakes_of(definition: ServiceDefinition) -> list[Mistake]:
    """Every property of a node that cannot be read as an action, and every node that has two."""
    found = []
    for index, node in enumerate(definition.nodes):
        where = f"nodes.{index}.properties.{PROPERTY}"
        try:
            action = parsed(node.properties.get(PROPERTY))
        except ValueError as error:
            found.append(Mistake(where, str(error), A_FORMAT))
            continue
        if action and node.created_action:
            found.append(Mistake(where, "stands beside created_action", "one of the two"))
    return found


def decide_created(booking: Booking, definition: ServiceDefinition | None) -> Decision:
    """What a due boundary of this kind asks for; nothing when the booking is not being confirmed any more."""
    if booking.state not in WAITING or booking.entering != CONFIRMING or not actions_of(definition, booking):
        return Nothing()
    return Run(CREATED, booking.service_state, booking.service_state)


def armed(booking: int, now_us: int, by: str) -> Boundary:
    """The boundary that has the actions of a booking run now.

    Args:
        by: who confirms.
    """
    return Boundary(0, booking, Kind.CREATED, now_us, planned_us=now_us, message=by)
