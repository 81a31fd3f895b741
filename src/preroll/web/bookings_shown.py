# SPDX-License-Identifier: Apache-2.0
"""A booking as its page shows it: from what the use cases tell, without deciding anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup

from preroll.app.views import BookingDetails
from preroll.domain.actions import why_not as reason
from preroll.domain.actions import why_not_yours
from preroll.domain.booking import LIFE_CYCLE, Booking
from preroll.domain.changes import Change
from preroll.domain.concern import CONCERNS, failed, failure, to_do
from preroll.domain.permission import may
from preroll.web.advice import Advice
from preroll.web.asked import Asked, written
from preroll.web.command import Button, in_turn
from preroll.web.commands import COMMANDS
from preroll.web.diagram import Lit, machine_svg


@dataclass(frozen=True, slots=True)
class Taken:
    """What a node has."""

    node: str
    resource: str
    profile: str
    leaving: bool = False
    """It was taken out, and is not free yet."""
    whole: bool = False
    """Every place of it, and all of each capacity."""
    values: str = ""
    """Of an overlay: what its service has there meanwhile."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks, as far as it says what can be done."""

    name: str
    permitted: Callable[[str], bool]
    """May it do this?"""
    locks: bool
    """Has every booking of the platform one owner?"""


def buttons(found: BookingDetails, who: Looking) -> list[Button]:
    """Every command of the page: what the state calls for, what else is possible, and what is not, with the reason."""
    state = found.booking.state
    return in_turn([Button(one, why_not(found, name, who), state in one.leads) for name, one in COMMANDS.items()])


def why_not(found: BookingDetails, name: str, who: Looking) -> str:
    """Why an action is not possible for who looks; empty: it is."""
    right = f"booking.{name}"
    said = next((action.why for action in found.actions if action.name == name), "there is no such action")
    if COMMANDS[name].tries and not reason(found.booking, name):
        said = ""
    lacking = "" if who.permitted(right) else f"it needs the role {' or '.join(may(right))}"
    return said or lacking or why_not_yours(found.booking, name, who.name, locks=who.locks)[0]


def taken(found: BookingDetails) -> list[Taken]:
    """Nodes with their resources, in the order of the service definition; then what is on its way out."""
    booking = found.booking
    known = [node.label for node in found.definition.ordered] if found.definition else []
    rows = []
    for label in dict.fromkeys([*known, *booking.nodes]):
        choice = booking.nodes.get(label)
        ident = (choice.resource if choice else None) or ""
        profile, whole = (choice.profile or "", choice.whole) if choice else ("", False)
        values = ", ".join(f"{n} {written(v)}" for n, v in choice.values.items()) if choice and booking.overlays else ""
        rows.append(Taken(label, found.resources.get(ident, ident), profile, whole=whole, values=values))
    for label, choice in booking.leaving.items():
        ident = choice.resource or ""
        rows.append(Taken(label, found.resources.get(ident, ident), choice.profile or "", leaving=True))
    return rows


def nodes_by_resource(asked: Asked) -> dict[str, list[str]]:
    """Name of each resource that a booking has, or is to take -> its nodes."""
    names, found = asked.found.resources, dict[str, list[str]]()
    for label, choice in asked.found.booking.nodes.items():
        found.setdefault(names.get(choice.resource or "", ""), []).append(label)
    if node := asked.word("node"):
        found[asked.word("resource")] = [node]
    return found | {choice.resource or "": [label] for label, choice in asked.takes.items() if choice}


def advice(found: BookingDetails) -> Advice | None:
    """What failed of it, and what to do; None: nothing did."""
    concern = failed(found.booking)
    if concern is None:
        return None
    what = failure(found.booking, found.boundaries).what
    return Advice(CONCERNS[concern].title, what, to_do(concern, found.booking), urgent=True)


def life_cycle(booking: Booking, history: Iterable[Change]) -> Markup:
    """The life cycle with where the booking is, was and goes."""
    been = {name for change in history if change.kind == "booking.state" for name in (change.before, change.after)}
    lit = Lit(booking.state.value, booking.entering, been)
    return Markup(machine_svg(LIFE_CYCLE, f"Life cycle: {booking.state.value}", lit))  # noqa: S704 - escapes itself
