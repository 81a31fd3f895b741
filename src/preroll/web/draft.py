# SPDX-License-Identifier: Apache-2.0
"""A booking as somebody drafts it in a form: what stands in the fields, read into what the use cases take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote
from uuid import UUID

from preroll.app.availability import Wanted
from preroll.app.bookings import Edit, NewBooking
from preroll.app.proposals import Proposal
from preroll.domain.booking import Booking, NodeChoice, Timing
from preroll.domain.config import AskedTiming
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import Invalid, Mistake, Refused
from preroll.domain.lengths import length_said
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.window import MINUTE
from preroll.web.asked import NEW_NAME, NEW_VALUE, OLD, TAKE, properties_of, written
from preroll.web.command import FORCE, START_US
from preroll.web.station_time import times, typed

RESOURCE, PROFILE, VALUE, FREE, FREE_PROFILE = "resource.", "profile.", "value.", "free.", "free-profile."
WHOLE, FREE_WHOLE = "whole.", "free-whole."
"""Before a node's label, or the row of a free list: it takes its resource whole."""
ORCHESTRATED = "orchestrated"
OPEN = "-"
"""Stands for no resource, also where the node would take one by itself."""
ROWS = 3
"""Empty rows for resources of a free list, and for properties."""
_PRIORITIES = 1_000_000


def value_field(label: str, parameter: str) -> str:
    """The name of the field of a parameter on a node."""
    return f"{VALUE}{quote(label, safe='').replace('.', '%2E')}.{parameter}"


def node_field(where: str) -> str:
    """The field of a form that a place such as ``nodes.A.values.rate`` is about; any other is its own."""
    part, _, rest = where.partition(".")
    if part != "nodes":
        return where
    for ending, field in ((".resource", RESOURCE), (".profile", PROFILE)):
        if rest.endswith(ending):
            return field + rest.removesuffix(ending)
    label, value, name = rest.partition(".values.")
    return value_field(label, name) if value else RESOURCE + rest


def beside(refused: Refused, fields: Collection[str]) -> Refused:
    """The same refusal, each mistake at the field of the form that it is about, if that is one of these."""
    if not isinstance(refused, Invalid):
        return refused
    placed = [(node_field(mistake.where), mistake) for mistake in refused.mistakes]
    return Invalid([replace(m, where=name if name in fields else m.where) for name, m in placed], hint=refused.hint)


def filled(timing: Timing, zone: str) -> dict[str, str]:
    """Times as the fields show them."""
    words = {"pre_roll": length_said(timing.pre_roll), "post_roll": length_said(timing.post_roll)}
    for name, us in (("start", timing.start), ("end", timing.end)):
        given = typed(us, zone)
        words |= {name: given.text, f"{name}.which": given.which}
    return words


def as_it_is(booking: Booking, names: Mapping[str, str], zone: str) -> dict[str, str]:
    """A booking as the fields show it.

    Args:
        names: id -> name of its resources.
    """
    words = {"name": booking.name, "priority": str(booking.priority), **filled(booking.timing, zone)}
    words[ORCHESTRATED] = "1" if booking.orchestrated else ""
    for label, choice in booking.nodes.items():
        words[RESOURCE + label] = names.get(choice.resource or "", "")
        words[PROFILE + label] = choice.profile or ""
        words[WHOLE + label] = "1" if choice.whole else ""
        words |= {value_field(label, name): written(value) for name, value in choice.values.items()}
    return words | {OLD + name: written(value) for name, value in booking.properties.items()}


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form, beside what there is to choose from."""

    said: Mapping[str, str]
    zone: str
    proposal: Proposal
    definition: ServiceDefinition | None
    before: Booking | None = None
    """None: it is to be a new one."""

    @property
    def asked_timing(self) -> AskedTiming:
        """When, as far as the form says.

        Raises:
            Invalid: every time that cannot be read.
        """
        given, mistakes = times(self.said, self.zone)
        if mistakes:
            raise Invalid(mistakes)
        permanent = given["end"] is None
        return AskedTiming(
            given["start"], given["end"], permanent, given["pre_roll"], 0 if permanent else given["post_roll"]
        )

    @property
    def nodes(self) -> dict[str, NodeChoice]:
        """What is chosen for each node that the form shows.

        Raises:
            Invalid: every value that cannot be read.
        """
        mistakes: list[Mistake] = []
        found = {label: self._choice(label, mistakes) for label in self.labels}
        for name, resource in self.said.items():
            if name.startswith(FREE) and resource:
                row = name.removeprefix(FREE)
                profile, whole = self.said.get(FREE_PROFILE + row) or None, bool(self.said.get(FREE_WHOLE + row))
                found[resource] = NodeChoice(resource, profile, whole=whole)
        if mistakes:
            raise Invalid(mistakes)
        return found

    @property
    def labels(self) -> list[str]:
        """The nodes that have fields."""
        if self.definition is not None:
            return [node.label for node in shown_nodes(self.definition)]
        return [name.removeprefix(RESOURCE) for name in self.said if name.startswith(RESOURCE)]

    def node(self, label: str) -> Node:
        """What is known of a node; one of a free list takes what its profile says."""
        known = self.definition.node(label) if self.definition else None
        instance = self.proposal.instances.get(self.said.get(PROFILE + label, ""))
        return known or Node(label, profile=instance.definition if instance else "")

    @property
    def orchestrated(self) -> bool:
        """Are the profiles of a free list to be loaded?"""
        return self.definition is None and bool(self.said.get(ORCHESTRATED))

    @property
    def wanted(self) -> dict[str, Wanted]:
        """What each node wants of a resource.

        Raises:
            Invalid: every value that cannot be read.
        """
        return {label: Wanted(profile=c.profile or "", values=c.values) for label, c in self.nodes.items()}

    def booking(self, platform: str) -> NewBooking:
        """The new booking.

        Raises:
            Invalid: everything that cannot be read.
        """
        _read(lambda: self.asked_timing, lambda: self.nodes, *self._rest)
        nodes = self.nodes
        return NewBooking(
            name=self.said.get("name", ""), timing=self.asked_timing, platform=platform,
            definition=self.definition.name if self.definition else None,
            definition_version=self.definition.version if self.definition else None,
            nodes={label: choice for label, choice in nodes.items() if choice != NodeChoice()},
            properties=dict(self.properties), priority=self.priority, id=self._id,
            force=bool(self.said.get(FORCE)), orchestrated=self.orchestrated,
            left_open=[label for label in nodes if self.said.get(RESOURCE + label) == OPEN],
        )  # fmt: skip

    def edit(self, names: Mapping[str, str]) -> Edit:
        """What is to change of a booking: what differs from how the form showed it.

        Args:
            names: id -> name of its resources.

        Raises:
            Invalid: everything that cannot be read.
        """
        before = self.before
        assert before is not None  # noqa: S101 - it is there to be edited
        shown = as_it_is(before, names, self.zone)
        words = filled(before.timing, self.zone)
        moved = any(self.said.get(name, text) != text for name, text in words.items())
        _read(lambda: self._retimed(before.timing) if moved else None, lambda: self.nodes, *self._rest)
        timing = self._retimed(before.timing) if moved else None
        nodes = {label: self._changed(label, choice, before, shown) for label, choice in self.nodes.items()}
        priority = self.priority
        return Edit(
            name=self.said.get("name"), timing=timing,
            nodes={label: choice for label, (differs, choice) in nodes.items() if differs} or None,
            properties=self.properties or None, priority=priority if priority != before.priority else None,
            force=bool(self.said.get(FORCE)),
            orchestrated=None if self.orchestrated == before.orchestrated or before.began else self.orchestrated,
        )  # fmt: skip

    def _retimed(self, before: Timing) -> Timing:
        given, mistakes = times({**filled(before, self.zone), **self.said}, self.zone)
        if mistakes:
            raise Invalid(mistakes)
        post_roll = 0 if given["end"] is None else given["post_roll"]
        return Timing(given["start"] or before.start, given["end"], given["pre_roll"], post_roll)

    def _changed(
        self, label: str, choice: NodeChoice, before: Booking, shown: Mapping[str, str]
    ) -> tuple[bool, NodeChoice | None]:
        was = before.nodes.get(label)
        known = was or NodeChoice()
        same = choice.resource == (shown.get(RESOURCE + label) or None) and known.values == choice.values
        if same and known.whole == choice.whole and choice.profile == (was.profile if was else None):
            return False, None
        bare = choice == NodeChoice() or was is None or self.definition is None
        if choice.resource is None and bare:
            return was is not None, None
        return True, replace(choice, profile_by=was.profile_by if was else None)

    def _choice(self, label: str, mistakes: list[Mistake]) -> NodeChoice:
        resource = self.said.get(RESOURCE + label, "")
        values: dict[str, object] = {}
        for parameter in parameters_of(self.node(label), self.proposal):
            text = self.said.get(value_field(label, parameter.name), "").strip()
            if text:
                values[parameter.name] = _value(parameter, text, value_field(label, parameter.name), mistakes)
        profile = self.said.get(PROFILE + label, "") or None
        whole = bool(self.said.get(WHOLE + label))
        return NodeChoice(resource if resource not in ("", OPEN) else None, profile, values, whole=whole)

    @property
    def _rest(self) -> Sequence[Callable[[], object]]:
        """What reads the fields that are neither times nor nodes."""
        return lambda: self.properties, lambda: self.priority, lambda: self._id

    @property
    def _id(self) -> str:
        text = self.said.get("id", "")
        try:
            return str(UUID(text)) if text else ""
        except ValueError:
            raise Invalid([Mistake("id", f"{text[:50]!r} is no UUID", "a UUID, or none: one is made")]) from None

    @property
    def priority(self) -> int:
        """Of a conflict; see ``priority_said``."""
        return priority_said(self.said)

    @property
    def properties(self) -> dict[str, object]:
        """The properties that differ from what there was; None: one that is taken away."""
        before = self.before.properties if self.before else {}
        found = properties_of(self.said, before)
        for row in range(2, ROWS + 1):
            more = {
                NEW_NAME: self.said.get(f"{NEW_NAME}.{row}", ""),
                NEW_VALUE: self.said.get(f"{NEW_VALUE}.{row}", ""),
            }
            found |= properties_of(more, {})
        return {name: value for name, value in found.items() if before.get(name) != value}


def priority_said(said: Mapping[str, str]) -> int:
    """The priority that a form says; higher wins a conflict.

    Raises:
        Invalid: it is no number.
    """
    text = said.get("priority", "").strip() or "0"
    if not text.removeprefix("-").isdecimal() or abs(int(text[:9])) > _PRIORITIES or len(text) > len("-1000000"):
        raise Invalid([Mistake("priority", f"is {text[:20]!r}", "a whole number, 0 for none")])
    return int(text)


def shown_nodes(definition: ServiceDefinition) -> Sequence[Node]:
    """The nodes that people who book see."""
    return [node for node in definition.ordered if not node.hidden]


def parameters_of(node: Node, proposal: Proposal) -> Sequence[Parameter]:
    """What can be set on a node."""
    profile = proposal.profiles.get(node.profile)
    return [p for p in profile.parameters if p.settable] if profile else ()


def with_way_taken(said: Mapping[str, str], zone: str) -> Mapping[str, str]:
    """What a form says, with a way out of a conflict, or a shift, in the fields that it is about."""
    words = {
        name: value for name, value in said.items() if not name.startswith(TAKE) and name not in (START_US, "shift")
    }
    words |= {RESOURCE + name.removeprefix(TAKE): value for name, value in said.items() if name.startswith(TAKE)}
    given, mistakes = times(said, zone)
    start, shift = said.get(START_US, ""), said.get("shift", "")
    if mistakes or given["start"] is None:
        return words
    there = given["start"]
    if start.isdecimal() and len(start) < len(str(2**62)):
        there = int(start)
    elif shift.removeprefix("-").isdecimal() and len(shift) < len("1000000"):
        there += int(shift) * MINUTE
    if there == given["start"]:
        return words
    end = None if given["end"] is None else given["end"] + there - given["start"]
    moved = filled(Timing(there, end), zone)
    return {**words, **{name: moved[name] for name in ("start", "start.which", "end", "end.which")}}


def _value(parameter: Parameter, text: str, where: str, mistakes: list[Mistake]) -> object:
    value: object = text
    if parameter.type is ValueType.NUMBER:
        try:
            value = float(text) if "." in text else int(text)
        except ValueError:
            mistakes.append(Mistake(where, f"{text[:50]!r} is no number", f"a number {parameter.unit}".rstrip()))
            return None
    elif parameter.type is ValueType.FLAG:
        value = text == "true"
    return value


def _read(*fields: Callable[[], object]) -> None:
    """Refuse all that cannot be read, at once."""
    mistakes: list[Mistake] = []
    for field in fields:
        try:
            field()
        except Invalid as error:
            mistakes += error.mistakes
    if mistakes:
        raise Invalid(mistakes)
