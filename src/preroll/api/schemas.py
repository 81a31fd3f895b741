# SPDX-License-Identifier: Apache-2.0
"""Bookings, runs and changes as the API takes and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body
from pydantic import Field

from preroll.api.fields import (
    Given,
    Instant,
    JsonObject,
    Length,
    Name,
    Overlaid,
    Prose,
    Queried,
    Shown,
    Word,
    Zone,
    maybe_when,
    when,
)
from preroll.api.quarantine import QuarantineShown, quarantine_shown
from preroll.app.bookings import Edit, NewBooking
from preroll.app.views import BookingDetails
from preroll.domain.attention import Attention
from preroll.domain.audit import Configuration, Status, Verdict
from preroll.domain.booking import Booking, NodeChoice, Phase, State
from preroll.domain.boundaries import OPEN, Boundary, BoundaryState, Kind
from preroll.domain.config import AskedTiming
from preroll.domain.edits import NodePatch
from preroll.domain.inheritance import taken_by
from preroll.domain.profile import ProfileBy
from preroll.domain.window import SECOND
from preroll.gate.paging import DEFAULT, MOST

Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000, description="higher wins a conflict")]
Scopes = Annotated[
    list[Name], Field(max_length=20, description="security scopes: only who has one of them sees the booking")
]
Force = Annotated[bool, Field(description="save it in spite of conflicts: the problem without it lists who loses what")]

Orchestrated = Annotated[
    bool,
    Field(description="of a list of resources: their profiles are loaded at START and STOP; false: it is only held"),
]
Selecting = Annotated[
    bool, Field(description="false: no node takes a resource by itself, whatever its definition says")
]


class NodeGiven(Given):
    """What is chosen for one node."""

    resource: Name | None = Field(default=None, description="the id or name of a resource")
    profile: Name | None = Field(default=None, description="the name of a profile instance")
    values: JsonObject = Field(default={}, description="parameter values that override the instance's")
    profile_by: Annotated[ProfileBy, Field(strict=False)] | None = Field(
        default=None, description="is the profile copied now, or read at each event? Null: as the node says"
    )
    whole: bool = Field(default=False, description="take the resource whole: every place and all of each capacity")

    def choice(self) -> NodeChoice:
        """As the domain has it."""
        return NodeChoice(self.resource, self.profile, self.values, self.profile_by, whole=self.whole)


class NodeChangeGiven(Given):
    """What is to change of what is chosen for a node: what is left out stays, null takes away."""

    resource: Name | None = Field(default=None, description="the id or name of a resource")
    profile: Name | None = Field(default=None, description="the name of a profile instance")
    values: JsonObject | None = Field(default=None, description="parameter values; null takes a single one away too")
    profile_by: Annotated[ProfileBy, Field(strict=False)] | None = Field(
        default=None, description="is the profile copied now, or read at each event? Null: as the node says"
    )

    def patch(self) -> NodePatch:
        """As the domain has it."""
        return NodePatch({name: getattr(self, name) for name in self.model_fields_set})


class BookingGiven(Given):
    """A booking to be made."""

    id: Annotated[UUID, Field(strict=False)] | None = Field(
        default=None, description="your own UUID; without it one is made"
    )
    name: Name = Field(examples=["Cup final, feed A"])
    platform: Name = "default"
    definition: Name | None = Field(
        default=None, description="name of a service definition; without it a list of resources"
    )
    definition_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        None, description="default: the newest"
    )
    start: Instant | None = Field(
        default=None, description="on the air; left out: as soon as the platform's default says"
    )
    end: Instant | None = Field(
        default=None, description="off the air; null is permanent; left out: the platform's default duration, if any"
    )
    pre_roll: Length | None = Field(default=None, description="null: the platform's default")
    post_roll: Length | None = Field(default=None, description="null: the platform's default")
    nodes: dict[Name, NodeGiven] = Field(default={}, max_length=1000, description="node label -> what is chosen for it")
    properties: JsonObject = Field(default={})
    priority: Priority = 0
    zone: Zone | None = Field(default=None, description="IANA time zone for screens; default: the platform's")
    scopes: Scopes = Field(default=[])
    force: Force = False
    auto_select: Selecting = True
    orchestrated: Orchestrated = False
    overlays: Overlaid = ""

    def booking(self) -> NewBooking:
        """As the use case takes it."""
        return NewBooking(
            name=self.name, timing=self._timing(), platform=self.platform, definition=self.definition,
            definition_version=self.definition_version, properties=self.properties,
            nodes={label: node.choice() for label, node in self.nodes.items()},
            priority=self.priority, zone=self.zone or "", id=str(self.id) if self.id else "", overlays=self.overlays,
            scopes=self.scopes, force=self.force, auto_select=self.auto_select, orchestrated=self.orchestrated,
        )  # fmt: skip

    def _timing(self) -> AskedTiming:
        permanent = self.end is None and "end" in self.model_fields_set
        return AskedTiming(self.start, self.end, permanent, self.pre_roll, self.post_roll)


class ChangeGiven(Given):
    """What is to change. What is left out stays; null takes away: an end, a node, a property."""

    name: Name | None = None
    start: Instant | None = None
    end: Instant | None = Field(default=None, description="null makes it permanent")
    pre_roll: Length | None = None
    post_roll: Length | None = None
    nodes: dict[Name, NodeChangeGiven | None] = Field(default={}, max_length=1000)
    properties: JsonObject = Field(default={})
    priority: Priority | None = None
    orchestrated: Orchestrated | None = None

    def edit(self) -> Edit:
        """As the use case takes it."""
        given = {name: getattr(self, name) for name in ("start", "end", "pre_roll", "post_roll")}
        timing = {k: v for k, v in given.items() if v is not None or (k == "end" and k in self.model_fields_set)}
        return Edit(
            name=self.name,
            timing=(lambda before: replace(before, **timing)) if timing else None,
            nodes={label: node.patch() if node else None for label, node in self.nodes.items()} or None,
            properties=self.properties or None,
            priority=self.priority,
            orchestrated=self.orchestrated,
        )


class EditGiven(ChangeGiven):
    """What is to change, by force if need be."""

    scopes: Scopes | None = None
    force: Force = False
    auto_select: Selecting = True

    def edit(self) -> Edit:
        """As the use case takes it."""
        return replace(super().edit(), scopes=self.scopes, force=self.force, auto_select=self.auto_select)


class Why(Given):
    """The reason of an action, kept in the change log."""

    why: Prose = ""


class Nothing(Given):
    """An action that takes no more than its address."""


Bare = Annotated[Nothing, Body(description="nothing, or an empty object")]


class BookingsQueried(Queried):
    """Which bookings a list shows."""

    platform: Name | None = None
    state: Annotated[list[State], Field(max_length=14)] = Field(default=[], description="repeat it for several")
    text: Word = Field(default="", description="a part of the name")
    attention: Annotated[list[Attention], Field(max_length=2)] = Field(
        default=[], description="only those that need it; repeat it for both"
    )
    from_: Instant | None = Field(default=None, alias="from", description="held at or after")
    to: Instant | None = Field(default=None, description="held before")
    cursor: Annotated[str, Field(max_length=500)] | None = Field(default=None, description="`next` of the page before")
    limit: Annotated[int, Field(ge=1, le=MOST)] = DEFAULT


class NodeShown(Shown):
    """What a booking chose for one node."""

    resource: str | None = Field(description="the resource's id")
    name: str = Field(description="the resource's name; empty: none is chosen")
    profile: str | None
    values: dict[str, Any]
    profile_by: ProfileBy
    whole: bool = Field(description="it has the resource whole: every place and all of each capacity")
    kept: dict[str, Any] | None = Field(description="what the profile said when it was copied; null: it is read")


class DefinitionNamed(Shown):
    """The version of a service definition that a booking is pinned to."""

    name: str
    version: int


class EventShown(Shown):
    """One event of a booking: when it was planned, when it really began and ended, and what came of it."""

    event: str = Field(examples=["START_BOOKING_WITH_PREROLL"])
    kind: Kind
    state: BoundaryState
    planned: datetime = Field(description="the instant that the timing gives")
    due: datetime = Field(description="when it is to be run; differs from planned after a retry or a finish")
    began: datetime | None
    ended: datetime | None
    generation: int = Field(description="rises with each edit that moves it")
    retries: int
    reason: str
    message: str


class WaitingShown(Shown):
    """A due event that cannot begin yet, and why."""

    event: str
    since: datetime
    for_booking: str = Field(description="id of the booking that must give way first; empty: a place among the scripts")
    for_name: str
    what: str


class BookingSummary(Shown):
    """A booking in a list."""

    id: str
    name: str
    platform: str
    state: State
    phase: Phase
    entering: str = Field(description="the state that a run is on its way to; empty when nothing runs")
    service_state: str
    start: datetime
    end: datetime | None = Field(description="null: permanent")
    pre_roll: int = Field(description="seconds")
    post_roll: int = Field(description="seconds")
    priority: int
    zone: str
    not_reset: bool
    attention: Attention | None = Field(
        description="near_air: its first event is due soon and it is not confirmed; lapsed: its window has passed"
    )
    revision: int
    changed: datetime


class KnownShown(Shown):
    """What the audits of a service say now."""

    status: Status = Field(description="is it up? Pending: not audited since an event has begun")
    configuration: Configuration = Field(description="are the devices as they were left?")


class ActionShown(Shown):
    """An action, and why it is not possible now."""

    name: str = Field(examples=["extend"])
    possible: bool = Field(description="its state admits it; resources and clock have their say when it is asked for")
    why: str = Field(description="why it is not possible now; empty: it is")


class ConfirmingShown(Shown):
    """The last round of created booking actions."""

    state: BoundaryState = Field(description="`armed` and `running`: they have not ended yet")
    message: str = Field(description="of one that failed: for whoever confirmed", examples=["no encoder before nine"])
    ended: datetime | None


class BookingShown(BookingSummary):
    """A booking with all that a screen shows of it."""

    definition: DefinitionNamed | None = Field(description="null: a free list of resources")
    orchestrated: bool = Field(description="a free list whose profiles are loaded at START and STOP")
    overlays: str = Field(description="id of the service that has other values meanwhile; empty: it is no overlay")
    nodes: dict[str, NodeShown]
    properties: dict[str, Any]
    created: datetime
    created_by: str
    scopes: list[str] = Field(description="only who has one of them sees it; empty: everybody on the platform")
    owner: str = Field(description="who alone may change it, where the platform locks bookings; empty: nobody")
    events: list[EventShown]
    waiting: list[WaitingShown]
    actions: list[ActionShown] = Field(description="everything that can be done with a booking, in a fixed order")
    late: float = Field(description="seconds by which its next event is late; 0: it is not")
    warnings: list[str]
    audit: KnownShown | None = Field(description="null: it does not run, or its definition has no audits")
    quarantine: QuarantineShown | None = Field(description="null: it lost nothing, and is not in conflict")
    confirming: ConfirmingShown | None = Field(description="null: there were no created booking actions")


class BookingPage(Shown):
    """One page of a list, sorted by start and id."""

    items: list[BookingSummary]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


def booking_summary(booking: Booking, platform: str, needed: Attention | None) -> BookingSummary:
    """A booking for a list."""
    return BookingSummary(**_summary(booking, platform, needed))


def booking_shown(found: BookingDetails) -> BookingShown:
    """A booking with its details."""
    b = found.booking
    definition = found.definition
    return BookingShown(
        **_summary(b, found.platform, found.attention),
        definition=DefinitionNamed(name=definition.name, version=definition.version) if definition else None,
        orchestrated=b.orchestrated,
        overlays=b.overlays,
        nodes={
            label: NodeShown(
                resource=n.resource,
                name=found.resources.get(n.resource or "", ""),
                profile=n.profile,
                values=dict(n.values),
                profile_by=taken_by(definition.node(label) if definition else None, n),
                whole=n.whole,
                kept=dict(n.kept.values) if n.kept else None,
            )
            for label, n in b.nodes.items()
        },
        properties=dict(b.properties),
        created=when(b.created_us),
        created_by=b.created_by,
        scopes=list(b.scopes),
        owner=b.owner,
        events=[_event(boundary) for boundary in found.boundaries],
        waiting=[
            WaitingShown(
                event=w.event, since=when(w.since_us), for_booking=w.for_booking, for_name=w.for_name, what=w.what
            )
            for w in found.waiting
        ],
        actions=[ActionShown(name=a.name, possible=a.possible, why=a.why) for a in found.actions],
        late=found.late_us / SECOND,
        warnings=list(found.warnings),
        audit=known_shown(found.known),
        quarantine=quarantine_shown(found.lot),
        confirming=_confirming(found.confirming),
    )


def _confirming(b: Boundary | None) -> ConfirmingShown | None:
    if b is None:
        return None
    return ConfirmingShown(state=b.state, message="" if b.state in OPEN else b.message, ended=maybe_when(b.ended_us))


def known_shown(known: Verdict | None) -> KnownShown | None:
    """What the audits of a service say now."""
    if known is None:
        return None
    return KnownShown(status=known.status or Status.PENDING, configuration=known.configuration or Configuration.UNKNOWN)


def _summary(b: Booking, platform: str, needed: Attention | None) -> Mapping[str, Any]:
    return {
        "id": b.id, "name": b.name, "platform": platform, "state": b.state, "phase": b.phase, "entering": b.entering,
        "service_state": b.service_state, "start": when(b.timing.start), "end": maybe_when(b.timing.end),
        "pre_roll": b.timing.pre_roll // SECOND, "post_roll": b.timing.post_roll // SECOND, "priority": b.priority,
        "zone": b.zone, "not_reset": b.not_reset, "attention": needed, "revision": b.revision,
        "changed": when(b.changed_us),
    }  # fmt: skip


def _event(b: Boundary) -> EventShown:
    return EventShown(
        event=b.event.name, kind=b.kind, state=b.state, planned=when(b.planned_us), due=when(b.due_us),
        began=maybe_when(b.began_us), ended=maybe_when(b.ended_us), generation=b.generation, retries=b.try_,
        reason=b.reason or "", message=b.message,
    )  # fmt: skip
