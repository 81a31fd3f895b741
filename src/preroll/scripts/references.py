# SPDX-License-Identifier: Apache-2.0
"""Values of the booking in the parameters of its checks: ``${encoder.address.port}``, ``${booking.name}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from preroll.domain.audit import REFERENCE, split
from preroll.ports.scripts import Equipment, Order


class Dangling(Exception):
    """A reference leads nowhere."""


def resolved(value: Any, order: Order) -> Any:
    """The value with every reference replaced; a text that is one reference takes the type of what it refers to.

    Raises:
        Dangling: there is no such node, or it has no such value.
    """
    match value:
        case str():
            whole = REFERENCE.fullmatch(value)
            return _value(whole[1], order) if whole else REFERENCE.sub(lambda m: _text(m, order), value)
        case Mapping():
            return {key: resolved(one, order) for key, one in value.items()}
        case list() | tuple():
            return [resolved(one, order) for one in value]
    return value


def _text(found: re.Match[str], order: Order) -> str:
    value = _value(found[1], order)
    if isinstance(value, Mapping | list):
        raise Dangling(f"{found[0]} is no single value: it cannot stand inside a text")
    return str(value)


def _value(text: str, order: Order) -> Any:
    if text.startswith("booking."):
        return _of_booking(text.removeprefix("booking."), order)
    equipment = {e.label: e for e in order.equipment}
    place = split(text, list(equipment))
    if place is None:
        raise Dangling(f"${{{text}}}: no node with a resource has that (they are: {', '.join(equipment) or 'none'})")
    label, part, name = place
    if part == "values" and name in equipment[label].secrets:
        raise Dangling(f"${{{text}}}: it is a secret, which no check may have")
    return _member(_part(equipment[label], part, order.target), name, text)


def _of_booking(text: str, order: Order) -> Any:
    part, _, name = text.partition(".")
    booking = order.booking
    if part == "properties":
        return _member(booking.properties, name, f"booking.{text}")
    return {"id": booking.id, "name": booking.name, "platform": booking.platform}[part]


def _part(equipment: Equipment, part: str, state: str) -> Mapping[str, object]:
    """A node's address, its properties, or its values as they are in a service state."""
    if part != "values":
        return equipment.address if part == "address" else equipment.properties
    return {**equipment.values, **equipment.states.get(state, {})}


def _member(values: Mapping[str, object], name: str, text: str) -> Any:
    if name not in values:
        raise Dangling(f"${{{text}}}: there is no {name} (there is: {', '.join(values) or 'nothing'})")
    return values[name]
