# SPDX-License-Identifier: Apache-2.0
"""More of a service for a while: what is asked for its overlay booking, and how it is booked from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from preroll.app.bookings import NewBooking
from preroll.app.edits import Edit
from preroll.app.proposals import Proposal
from preroll.app.services import ServiceDetails
from preroll.app.views import BookingDetails
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.config import AskedTiming
from preroll.domain.definition import Node
from preroll.domain.errors import Invalid, Mistake, Refused
from preroll.domain.inheritance import Profiles
from preroll.domain.parameter import Parameter
from preroll.domain.service_instance import Provisioned
from preroll.web.asked import cell, written
from preroll.web.command import Asking
from preroll.web.draft import PROFILE, Draft, parameters_of, value_field
from preroll.web.draft_shown import parameter_field
from preroll.web.fields import Field, Kind, Option, time_field
from preroll.web.station_time import Typed, instant, typed

CONFIRM, BOOK = "confirm", "book"
THEN = Field(
    "then", "Then", Kind.CHOICE, needed=False, value=CONFIRM,
    options=(Option(CONFIRM, "Confirm it: it is played at its time"), Option(BOOK, "Only book it")),
)  # fmt: skip
Asked = Asking[ServiceDetails]


def why_no_overlay(found: ServiceDetails) -> str:
    """Why a service cannot have more for a while now; empty: it can."""
    state = found.service.state
    if state is not Provisioned.DEPLOYED:
        return f"the service is {state.value}; it is for one that is Deployed"
    return "" if _raised(found) else "none of its nodes takes values"


async def more(asked: Asked) -> Sequence[Field]:
    """Its window, what each node of the service is to have meanwhile, and what is done with it then."""
    return (*await window_and_values(asked), THEN)


async def window_and_values(asked: Asked) -> Sequence[Field]:
    """Its window, and what each node of the service is to have meanwhile."""
    proposal = await _proposal(asked)
    start, end = (Typed.of(asked.said, name) for name in ("start", "end"))
    return (
        Field("name", "Name", value=f"More of {asked.found.service.name}"[:200]),
        time_field("start", "From", start, asked.zone),
        time_field("end", "Until", end, asked.zone, about="Then the service has its own values again."),
        *_of_nodes(asked.found, proposal),
    )  # fmt: skip


async def book(asked: Asked) -> BookingDetails:
    """Book it, and confirm it if that is wanted and possible; what it lacks is told on its page.

    Raises:
        Invalid: every mistake. Conflict: somebody holds what it needs, or another overlay lies in its window.
    """
    draft, found, app, by = await _draft(asked), asked.found, asked.app, asked.by
    times, nodes = replace(draft.asked_timing, permanent=False, pre_roll=0, post_roll=0), _said_of(draft)
    new = NewBooking(
        asked.word("name"), times, found.platform, nodes=nodes, scopes=found.service.scopes, force=asked.force,
        overlays=found.service.id,
    )  # fmt: skip
    made = await app.bookings.create(by, new)
    if asked.word("then") == BOOK:
        return made
    try:
        return await app.bookings.confirm(by, made.booking.id, made.booking.revision)
    except Refused:
        return await app.bookings.get(by, made.booking.id)


def as_said(overlay: Booking, zone: str) -> dict[str, str]:
    """An overlay as its fields show it."""
    said = {"name": overlay.name}
    for name, at in (("start", overlay.timing.start), ("end", overlay.timing.end)):
        time = typed(at, zone)
        said |= {name: time.text, f"{name}.which": time.which}
    for label, choice in overlay.nodes.items():
        said[PROFILE + label] = choice.profile or ""
        said |= {value_field(label, name): written(value) for name, value in choice.values.items()}
    return said


async def changed(asked: Asked, before: Booking) -> Edit:
    """What is to be different of an overlay; what its form leaves empty is as its service has it.

    Raises:
        Invalid: a time or a value that cannot be read.
    """
    nodes: dict[str, NodeChoice | None] = {**_said_of(await _draft(asked))}
    start, end = (instant(Typed.of(asked.said, name), asked.zone, name) for name in ("start", "end"))
    if end < start:
        raise Invalid([Mistake("end", "is before the start", "an end after it")])
    timing = replace(before.timing, start=start, end=end)
    same = {label: replace(choice, resource=None) for label, choice in before.nodes.items()}
    return Edit(
        name=asked.word("name"), timing=None if timing == before.timing else timing,
        nodes=None if nodes == same else {**dict.fromkeys(before.nodes), **nodes}, force=asked.force,
    )  # fmt: skip


async def _draft(asked: Asked) -> Draft:
    return Draft(asked.said, asked.zone, await _proposal(asked), asked.found.definition, asked.found.carrier)


def _said_of(draft: Draft) -> dict[str, NodeChoice]:
    """The nodes of which something is said."""
    return {label: choice for label, choice in draft.nodes.items() if choice != NodeChoice()}


async def _proposal(asked: Asked) -> Proposal:
    return await asked.app.proposals.of(asked.by, asked.found.platform, AskedTiming())


def _raised(found: ServiceDetails) -> list[Node]:
    """The nodes that have a resource which takes values."""
    taken = {label for label, choice in found.carrier.nodes.items() if choice.resource}
    return [n for n in found.definition.ordered if n.label in taken and n.profile and not n.hidden]


def _of_nodes(found: ServiceDetails, proposal: Proposal) -> Iterator[Field]:
    shelf = Profiles(proposal.profiles.values(), proposal.instances.values())
    for node in _raised(found):
        own = found.carrier.nodes[node.label]
        now = shelf.filled(node, own)
        yield _profile(node, proposal, now.instance)
        for parameter in parameters_of(node, proposal):
            if parameter.editable_after_deploy:
                yield _value(node, parameter, now.values)


def _profile(node: Node, proposal: Proposal, now: str) -> Field:
    known = [i.name for i in proposal.instances.values() if i.definition == node.profile and i.name != now]
    options = [Option("", f"As it is: {now}" if now else "As it is"), *(Option(name, name) for name in known)]
    return Field(PROFILE + node.label, f"{node.label}: profile", Kind.CHOICE, needed=False, options=options)


def _value(node: Node, parameter: Parameter, now: Mapping[str, object]) -> Field:
    shown, name = parameter_field(parameter, node.label), value_field(node.label, parameter.name)
    kept = Option("", "As it is")
    has = "" if parameter.secret or parameter.name not in now else f"Now {cell(now[parameter.name])}."
    options = [kept, *shown.options[1:]] if shown.options else ()
    return replace(shown, name=name, label=f"{node.label}: {shown.label}", options=options, about=has or shown.about)
