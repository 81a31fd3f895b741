# SPDX-License-Identifier: Apache-2.0
"""What is asked before something is done with a booking: the fields of each dialog, filled from what there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from preroll.app.availability import NodeAnswer, Question, Wanted
from preroll.domain.booking import WRAPPING, NodeChoice, Phase
from preroll.domain.free_list import actions_of
from preroll.domain.lengths import length_said
from preroll.domain.service import FAILED
from preroll.web.asked import NEW_NAME, NEW_VALUE, OLD, Asked, written
from preroll.web.fields import Field, Kind, Option, offered, time_field
from preroll.web.station_time import A_LENGTH, Typed, typed

Asks = Callable[[Asked], Awaitable[Sequence[Field]]]
"""The fields of a form."""

WHY = Field("why", "Why (kept in the history)", needed=False)
APPLY_NOW = Field("apply_now", "", Kind.HIDDEN, value="1")
A_SPARE = Option("", "A spare: the best one that is free")
ANOTHER_ONE = "Leave both empty to add nothing; empty a value above to take its property away."


def asks(*fields: Field) -> Callable[[Any], Awaitable[Sequence[Field]]]:
    """The same fields for everything."""

    async def same(asked: Any) -> Sequence[Field]:  # noqa: ARG001 - whatever it is
        return fields

    return same


async def new_name(asked: Asked) -> Sequence[Field]:
    """Its name, to be changed."""
    return (Field("name", "New name", value=asked.found.booking.name),)


async def a_copy(asked: Asked) -> Sequence[Field]:
    """How the copy differs."""
    about = "Empty: at the same time, which mostly needs other resources; or what is left of it."
    return (
        Field("name", "Name", needed=False, value=f"{asked.found.booking.name} Copy"),
        time_field("start", "On the air from", Typed.of(asked.said, "start"), asked.zone, needed=False, about=about),
    )


async def times(asked: Asked) -> Sequence[Field]:
    """The times that may still change (SPEC 3.2)."""
    booking, zone = asked.found.booking, asked.zone
    timing = booking.timing

    def at(name: str, label: str, us: int | None, about: str = "") -> Field:
        given = Typed.of(asked.said, name) if name in asked.said else typed(us, zone)
        return time_field(name, label, given, zone, needed=name == "start", about=about)

    post_roll = Field("post_roll", "Post-roll", needed=False, value=length_said(timing.post_roll), about=A_LENGTH)
    if booking.state in WRAPPING:
        return (post_roll,)
    end = at("end", "Off the air", timing.end, "Empty: without end.")
    if booking.phase is Phase.RUNNING:
        return end, post_roll
    pre_roll = Field("pre_roll", "Pre-roll", needed=False, value=length_said(timing.pre_roll), about=A_LENGTH)
    return at("start", "On the air from", timing.start), end, pre_roll, post_roll


async def what_to_add(asked: Asked) -> Sequence[Field]:
    """A node that has nothing, and what could fill it."""
    found = asked.found
    labels = [n.label for n in found.definition.ordered] if found.definition else []
    empty = [label for label in labels if not found.booking.nodes.get(label, NodeChoice()).resource]
    if not found.definition:
        resources = await asked.app.catalogue.resources(asked.by, found.platform)
        options = [Option(r.name, r.name) for r in resources if r.id not in found.booking.resources]
        return _running(
            asked, Field("node", "Node, any name"), Field("resource", "Resource", Kind.CHOICE, options=options)
        )
    if not empty:
        return (Field("node", "Node", Kind.CHOICE, options=(), about="Every node has a resource: swap one instead."),)
    return await _on_a_node(asked, empty)


async def what_to_swap(asked: Asked) -> Sequence[Field]:
    """A node, and what could take the place of what it has."""
    return await _on_a_node(asked, _filled(asked))


async def what_to_remove(asked: Asked) -> Sequence[Field]:
    """A node that has something."""
    names = asked.found.resources
    nodes = asked.found.booking.nodes
    options = [Option(label, f"{label}: {names.get(nodes[label].resource or '', '')}") for label in _filled(asked)]
    return _running(asked, Field("node", "Node", Kind.CHOICE, options=options, value=asked.word("node")))


async def its_properties(asked: Asked) -> Sequence[Field]:
    """Each property, and a new one."""
    had = [
        Field(OLD + name, name, needed=False, value=written(value))
        for name, value in asked.found.booking.properties.items()
    ]
    return (
        *had,
        Field(NEW_NAME, "Name of a new one", needed=False),
        Field(NEW_VALUE, "Its value", needed=False, about=ANOTHER_ONE if had else ""),
    )


async def a_service_state(asked: Asked) -> Sequence[Field]:
    """The service states that have an action."""
    now, actions = asked.found.booking.service_state, actions_of(asked.found.booking, asked.found.definition)
    options = [Option(name, f"{name}: {a}") for name, a in actions.items() if name.casefold() != FAILED.casefold()]
    about = "" if options else "It has no actions."
    return (
        Field("state", "Service state", Kind.CHOICE, options=options, value=now, about=about),
        Field("anyway", "Also when the next event would be forbidden after it", Kind.FLAG, needed=False),
        WHY,
    )


def _filled(asked: Asked) -> list[str]:
    return [label for label, choice in asked.found.booking.nodes.items() if choice.resource]


async def _on_a_node(asked: Asked, labels: Sequence[str]) -> Sequence[Field]:
    node = asked.word("node") if asked.word("node") in labels else next(iter(labels), "")
    answer = await _eligible(asked, node)
    options = [A_SPARE, *(offered(answer) if answer else ())]
    about = "" if answer and answer.eligible else "Nothing else is free over its whole time."
    return _running(
        asked,
        Field("node", "Node", Kind.CHOICE, value=node, options=[Option(label, label) for label in labels], again=True),
        Field("resource", "Resource", Kind.CHOICE, needed=False, options=options, about=about),
    )


async def _eligible(asked: Asked, label: str) -> NodeAnswer | None:
    """What else could fill a node of the booking."""
    found, booking = asked.found, asked.found.booking
    if not label:
        return None
    choice, wanted = booking.nodes.get(label, NodeChoice()), Wanted()
    if found.definition is None and choice.resource:
        resource = await asked.app.catalogue.resource(asked.by, choice.resource)
        wanted = Wanted(function=resource.function)
    if choice.profile:
        wanted = Wanted(function=wanted.function, profile=choice.profile, values=choice.values)
    question = Question(
        booking.timing, found.platform, found.definition.name if found.definition else None,
        found.definition.version if found.definition else None, {label: wanted}, ignore=booking.id,
    )  # fmt: skip
    answer = (await asked.app.availability.eligible(asked.by, question))[label]
    others = tuple(offer for offer in answer.eligible if offer.resource.id not in booking.held)
    return NodeAnswer(others, answer.candidates, answer.refused, answer.next_start)


def _running(asked: Asked, *fields: Field) -> Sequence[Field]:
    """The same, said to be done at once where the booking runs."""
    return (*fields, APPLY_NOW) if asked.found.booking.phase is Phase.RUNNING else fields
