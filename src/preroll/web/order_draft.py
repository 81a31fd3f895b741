# SPDX-License-Identifier: Apache-2.0
"""An order as somebody drafts it in a form: its only item, read from the parts of a booking's form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.edits import NodePatch
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.lengths import length_said
from preroll.domain.order import LATEST_START, OrderItem, OrderKind, Together
from preroll.domain.order_content import Content, content_of, written_node
from preroll.domain.ordered import Order
from preroll.web.draft import Draft, as_it_is
from preroll.web.fields import Field, Kind, Option, time_field
from preroll.web.station_time import A_LENGTH, Typed

FORMED = frozenset({OrderKind.PROVISION, OrderKind.MODIFY})
"""Kinds that say what a service is made of."""
SERVICE_NAME = "service_name"
TOGETHER = (
    Option(Together.ATOMIC.value, "all are undone (atomic)"),
    Option(Together.BEST_EFFORT.value, "each ends on its own (best effort)"),
)


def fields(said: Mapping[str, str], zone: str, *, timed: bool, several: bool) -> Sequence[Field]:
    """What stands beside the items.

    Args:
        timed: it is asked for its time as well.
        several: there is more than one item.
    """
    found = [Field("name", "Name of the order")]
    if several:
        found.append(Field("together", "When one fails", Kind.CHOICE, options=TOGETHER))
    if timed:
        about = "Empty: now. What is free is looked for from then on."
        found.append(time_field("at", "Deploy at", Typed.of(said, "at"), zone, needed=False, about=about))
    latest = f"Not begun so long after its time, it is Canceled. {A_LENGTH}"
    return (
        *found, Field("latest_start", "At the latest after", needed=False, about=latest),
        Field("external", "Your number for it", needed=False), Field("priority", "Priority", needed=False),
    )  # fmt: skip


def words_of(order: Order | None) -> dict[str, str]:
    """An order as the fields show it; a new one, as it is proposed."""
    latest = length_said(order.latest_start_us if order else LATEST_START)
    if order is None:
        return {"latest_start": latest, "priority": "0"}
    priority = str(order.priority)
    return {
        "name": order.name, "external": order.external, "priority": priority, "latest_start": latest,
        "together": order.together.value,
    }  # fmt: skip


def item_words(item: OrderItem, before: Booking | None, names: Mapping[str, str], zone: str) -> dict[str, str]:
    """What an item asks for, as the fields show it.

    Args:
        before: what carries the service now; None: it does not exist.
        names: id -> name of the resources.
    """
    said, _ = content_of(item)
    made = Booking(0, "", 0, said.name, State.PARTIAL, Timing(0, None)) if before is None else before
    drafted = replace(made, nodes=_overlaid(made.nodes, said), properties={**made.properties, **said.properties})
    words = as_it_is(drafted, names, zone)
    shown = {name: word for name, word in words.items() if "." in name}
    return shown | {SERVICE_NAME: said.name, "definition": said.definition}


def _overlaid(nodes: Mapping[str, NodeChoice], said: Content) -> dict[str, NodeChoice]:
    found = dict(nodes)
    for label, choice in said.nodes.items():
        before = found.pop(label, NodeChoice())
        if choice is not None:
            profile = choice.profile or before.profile
            kept = before.values if profile == before.profile else {}
            found[label] = NodeChoice(choice.resource or before.resource, profile, {**kept, **choice.values})
    return found


def provisioning(draft: Draft, name: str, service: str = "") -> OrderItem:
    """The item that makes what is drafted.

    Args:
        name: of the item.
        service: the id that its service is to have; empty: any.

    Raises:
        Invalid: every mistake.
    """
    assert draft.definition is not None  # noqa: S101 - a form without one is refused
    nodes = {label: written_node(c) for label, c in draft.nodes.items() if c != NodeChoice()}
    properties = {key: value for key, value in draft.properties.items() if value is not None}
    values: dict[str, object] = {
        "definition": draft.definition.name, "version": draft.definition.version, "nodes": nodes,
        "properties": properties, "name": draft.said.get(SERVICE_NAME, "").strip(),
    }  # fmt: skip
    return OrderItem(name, OrderKind.PROVISION, service, values=values)


def modifying(
    draft: Draft, service: str, names: Mapping[str, str], name: str, *, must_differ: bool = True
) -> OrderItem:  # fmt: skip
    """The item that makes a service what is drafted: what differs from what it is.

    Args:
        names: id -> name of its resources.
        name: of the item.
        must_differ: it asks for nothing else.

    Raises:
        Invalid: every mistake; also that nothing differs, where something must.
    """
    before = draft.before
    assert before is not None  # noqa: S101 - it is there to be modified
    edit = draft.edit(names)
    chosen = {label: choice for label, choice in (edit.nodes or {}).items() if not isinstance(choice, NodePatch)}
    nodes = {label: _differing(before.nodes.get(label), choice) for label, choice in chosen.items()}
    values = {part: found for part, found in (("nodes", nodes), ("properties", dict(edit.properties or {}))) if found}
    if must_differ and not values:
        raise Invalid([Mistake("item", "says what the service is already", "something that differs")])
    return OrderItem(name, OrderKind.MODIFY, service, values=values)


def _differing(before: NodeChoice | None, choice: NodeChoice | None) -> dict[str, object] | None:
    """A node as a modify says it: a value that was emptied is taken away by name."""
    written = written_node(choice)
    if written is None or choice is None or before is None or choice.profile != before.profile:
        return written
    emptied = {name: None for name in before.values if name not in choice.values}
    return {**written, "values": {**choice.values, **emptied}}
