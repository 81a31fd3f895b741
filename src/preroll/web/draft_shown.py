# SPDX-License-Identifier: Apache-2.0
"""The form of a booking as its page shows it: times, and for each node what could fill it and why the rest cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app.availability import NodeAnswer
from preroll.domain.booking import Timing
from preroll.domain.definition import AutoSelect, Node
from preroll.domain.naming import counted
from preroll.domain.parameter import A_REFERENCE, Parameter, ValueType
from preroll.web.asked import TAKE
from preroll.web.command import START_US
from preroll.web.draft import (
    FREE,
    FREE_PROFILE,
    FREE_WHOLE,
    OPEN,
    PROFILE,
    RESOURCE,
    ROWS,
    WHOLE,
    Draft,
    parameters_of,
    shown_nodes,
    value_field,
)
from preroll.web.fields import Field, Kind, Option, left_said, offered, time_field
from preroll.web.refusals_shown import Obstacle, WayOut, obstacle
from preroll.web.station_time import A_LENGTH, Typed

EXPLAINED = 10
"""Resources that cannot fill a node of which it is told why."""

NOT_FREE = "not free then"


@dataclass(frozen=True, slots=True)
class Refused:
    """A candidate that does not fit, and each rule that it failed."""

    resource: str
    obstacles: Sequence[Obstacle]


@dataclass(frozen=True, slots=True)
class NodeShown:
    """A node of the form."""

    label: str
    what: str
    """What fills it, in words."""
    needed: bool
    resource: Field
    profile: Field | None
    values: Sequence[Field]
    free: int = 0
    candidates: int = 0
    refused: Sequence[Refused] = ()
    more: int = 0
    """Others that do not fit and are not listed."""
    problem: Refused | None = None
    """Why what is chosen cannot be had."""
    ways: Sequence[WayOut] = ()
    whole: Field | None = None


def main_fields(draft: Draft, *, began: bool) -> Sequence[Field]:
    """Name, times and priority."""
    said, zone = draft.said, draft.zone
    start = time_field("start", "On the air from", Typed.of(said, "start"), zone, needed=False,
                       about="Empty: as soon as it can begin.")  # fmt: skip
    end = time_field("end", "Off the air", Typed.of(said, "end"), zone, needed=False, about="Empty: without end.")
    pre_roll = Field("pre_roll", "Pre-roll", needed=False, about=A_LENGTH)
    lasts = "" if said.get("end") else "None where there is no end."
    post_roll = Field("post_roll", "Post-roll", needed=False, about=lasts)
    return (end, post_roll) if began else (start, end, pre_roll, post_roll)


def node_rows(draft: Draft, answers: Mapping[str, NodeAnswer]) -> list[NodeShown]:
    """The nodes of the service, or of a free list those that it has."""
    if draft.definition is not None:
        return [_row(draft, node, answers.get(node.label)) for node in shown_nodes(draft.definition)]
    return [_row(draft, draft.node(label), answers.get(label)) for label in draft.labels]


def free_rows(draft: Draft, answer: NodeAnswer | None) -> list[tuple[Field, Field, Field]]:
    """Empty rows of a free list: any resource that is free, a profile for it, and whether it is taken whole."""
    options, profiles = [Option("", "Nothing"), *(offered(answer) if answer else ())], _profiles(draft)
    rows = []
    for row in range(1, ROWS + 1):
        name = f"{FREE}{row}"
        known = _with(options, draft.said.get(name, ""))
        rows.append(
            (
                Field(name, f"Resource {row}", Kind.CHOICE, needed=False, options=known),
                Field(f"{FREE_PROFILE}{row}", f"Profile {row}", Kind.CHOICE, needed=False, options=profiles),
                _whole(f"{FREE_WHOLE}{row}"),
            )
        )
    return rows


def _whole(name: str) -> Field:
    return Field(name, "Take it whole: every place, all of each capacity", Kind.FLAG, needed=False)


def _row(draft: Draft, node: Node, answer: NodeAnswer | None) -> NodeShown:
    chosen = draft.said.get(RESOURCE + node.label, "")
    shown = NodeShown(
        node.label,
        " of ".join(filter(None, (node.function, node.pool))) or "any resource",
        needed=not node.optional,
        resource=_resource(draft, node, chosen, answer),
        profile=_profile(draft, node),
        values=[parameter_field(p, node.label) for p in parameters_of(node, draft.proposal)],
        whole=_whole(WHOLE + node.label),
    )
    if answer is None:
        return shown
    refused = [Refused(name, [obstacle(one, {}) for one in found]) for name, found in answer.refused.items()]
    problem = next((one for one in refused if one.resource == chosen), None)
    others = [one for one in refused if one is not problem]
    return replace(
        shown,
        free=len(answer.eligible),
        candidates=answer.candidates,
        refused=others[:EXPLAINED],
        more=max(0, len(others) - EXPLAINED),
        problem=problem,
        ways=_ways(node, answer) if problem or not answer.eligible else (),
    )


def _resource(draft: Draft, node: Node, chosen: str, answer: NodeAnswer | None) -> Field:
    selects = node.selects is not AutoSelect.NEVER and (draft.before is None or node.selects is AutoSelect.ALWAYS)
    best = answer.eligible[0].resource.name if answer and answer.eligible else "nothing is free then"
    options = [Option("", f"By itself: {best}" if selects else "Nothing yet")]
    if selects and draft.before is None:
        options.append(Option(OPEN, "Leave it open"))
    if answer is not None:
        options += offered(answer)
        options += [Option(name, f"{name} · {NOT_FREE}") for name in [*answer.refused][:EXPLAINED]]
    return Field(RESOURCE + node.label, "Resource", Kind.CHOICE, needed=False, options=_with(options, chosen))


def _with(options: Sequence[Option], chosen: str) -> Sequence[Option]:
    """The options, with what is chosen among them."""
    known = any(option.value == chosen for option in options)
    return options if known else [*options, Option(chosen, f"{chosen} · {NOT_FREE}")]


def _profiles(draft: Draft) -> list[Option]:
    """Every profile, for what no service definition says."""
    found = sorted(draft.proposal.instances.values(), key=lambda i: (counted(i.definition), counted(i.name)))
    return [Option("", "None"), *(Option(i.name, f"{i.definition}: {i.name}") for i in found)]


def _profile(draft: Draft, node: Node) -> Field | None:
    if draft.definition is None:
        return Field(PROFILE + node.label, "Profile", Kind.CHOICE, needed=False, options=_profiles(draft))
    if not node.profile:
        return None
    default = f"As the service says: {node.default_profile}" if node.default_profile else "None yet"
    fitting = [i.name for i in draft.proposal.instances.values() if i.definition == node.profile]
    options = [Option("", default), *(Option(name, name) for name in fitting)]
    return Field(PROFILE + node.label, "Profile", Kind.CHOICE, needed=False, options=options)


def parameter_field(parameter: Parameter, label: str) -> Field:
    """What can be set on a node: left empty, it is as the profile says."""
    name, unit = value_field(label, parameter.name), f" ({parameter.unit})" if parameter.unit else ""
    as_profile = Option("", "As the profile says")
    about = f"A secret: {A_REFERENCE}." if parameter.secret else ""
    shown = Field(name, parameter.name + unit, needed=False, about=about)
    match parameter.type:
        case ValueType.FLAG:
            options = [as_profile, Option("true", "yes"), Option("false", "no")]
        case ValueType.DISCRETE:
            options = [as_profile, *(Option(c, parameter.display.get(c, c)) for c in parameter.choices)]
        case _:
            return shown
    return Field(name, shown.label, Kind.CHOICE, needed=False, options=options)


def _ways(node: Node, answer: NodeAnswer) -> list[WayOut]:
    found = [
        WayOut(f"Take {offer.resource.name}: {left_said(offer)}", TAKE + node.label, offer.resource.name)
        for offer in answer.eligible[:3]
    ]
    if answer.next_start is not None and not answer.eligible:
        found.append(WayOut("Next free slot", START_US, str(answer.next_start), at_us=answer.next_start))
    return found


def lasts(timing: Timing) -> int | None:
    """How long it is on the air, in microseconds; None: without end."""
    return None if timing.end is None else timing.end - timing.start
