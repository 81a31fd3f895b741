# SPDX-License-Identifier: Apache-2.0
"""Services as the API takes and shows them, with what their audits say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from preroll.api.fields import Given, Instant, Name, Queried, Shown, Word, maybe_when, when
from preroll.api.orders_shown import Cursor, Limit
from preroll.api.schemas import KnownShown, known_shown
from preroll.app.services import ServiceDetails
from preroll.domain.booking import Booking, NodeChoice, State
from preroll.domain.differences import ALARM_TO_DO, Alarm, AlarmKind, Gap, Known
from preroll.domain.order import OrderKind
from preroll.domain.ordered import Service
from preroll.domain.service_instance import Provisioned
from preroll.gate.paging import DEFAULT


class AbandonGiven(Given):
    """That it is really meant."""

    name: Name = Field(description="the service's name once more: it cannot be taken back")
    why: Word = ""


class AcceptGiven(Given):
    """That what the devices have is what the service is to be."""

    drift: Word = Field(description="hash of the differences as they were seen")
    reason: Word = Field(description="kept in the change log")


class PlaceGiven(Given):
    """Where a difference is."""

    node: Name
    path: Word


class ApproveGiven(Given):
    """Which differences may be, and until when."""

    drift: Word = Field(description="hash of the differences as they were seen")
    reason: Word = Field(description="shown with each")
    until: Instant = Field(description="then they alarm again; at most 366 days ahead")
    only: list[PlaceGiven] = Field(default=[], max_length=1000, description="empty: all of them")


class DisapproveGiven(Given):
    """Why approvals are taken back."""

    reason: Word = ""


class ServicesQueried(Queried):
    """Which services a list shows."""

    platform: Name | None = None
    state: Annotated[list[Provisioned], Field(max_length=4)] = Field(default=[], description="repeat it for several")
    cursor: Cursor = None
    limit: Limit = DEFAULT


class RevisionShown(Shown):
    """What a service is, or was, made of."""

    number: int
    nodes: dict[str, dict[str, Any]]
    properties: dict[str, Any]
    needs: list[str] = Field(description="ids of the services that it needed")
    order: str
    at: datetime


class ServiceSummary(Shown):
    """A service in a list."""

    id: str
    name: str
    platform: str
    state: Provisioned
    runs: str = Field(description="its service state", examples=["START"])
    desired: int
    deployed: int | None = Field(description="null: what the devices have is not known")
    last_good: int | None
    revision: int = Field(description="of this record (the ETag), not of what is deployed")
    created: datetime
    created_by: str
    changed: datetime


class ServicePageShown(Shown):
    """Services, newest first."""

    items: list[ServiceSummary]
    next: str | None


class NeighbourShown(Shown):
    """A service that another one needs, or is needed by."""

    id: str
    name: str
    state: Provisioned


class OverlayShown(Shown):
    """A booking that changes a service for a while."""

    id: str
    name: str
    state: State
    start: datetime
    end: datetime | None
    nodes: dict[str, dict[str, Any]] = Field(description="node -> what it says of it")


class DifferenceShown(Shown):
    """One value of one device that is not as it was left."""

    node: str
    path: str
    gap: Gap
    expected: Any = Field(description="null of one that is extra")
    found: Any = Field(description="null of one that is missing")
    since: datetime
    approved_by: str = Field(description="empty: nobody has approved it")
    reason: str
    until: datetime | None


class AlarmShown(Shown):
    """Something that somebody has to look at."""

    kind: AlarmKind
    what: str
    to_do: str
    since: datetime


class ServiceShown(ServiceSummary):
    """A service with all that is known of it."""

    definition: str
    definition_version: int
    nodes: dict[str, dict[str, Any]] = Field(description="what it holds now")
    properties: dict[str, Any]
    revisions: list[RevisionShown]
    known: KnownShown | None = Field(description="what its audits say; null: it is gone")
    auditing: bool = Field(description="an audit is due or under way")
    differences: list[DifferenceShown] = Field(description="what its devices have otherwise than it was left on them")
    drift: str = Field(description="hash of the differences: whoever accepts or approves them names it")
    alarms: list[AlarmShown]
    next_audit: datetime | None = Field(description="when it is audited by itself; null: no such audit is planned")
    conflicts: list[str] = Field(description="what it holds though its resource cannot give it any more")
    orders: list[OrderKind] = Field(description="the kinds of orders that can be made for it now")
    needs: list[NeighbourShown] = Field(description="the services that it needs")
    needed_by: list[NeighbourShown] = Field(description="those that need it: while there are any, it stays")
    overlays: list[OverlayShown] = Field(description="what changes it for a while and is not over, the first first")
    scopes: list[str]


def service_summary(s: Service, platform: str) -> ServiceSummary:
    """A service for a list."""
    return ServiceSummary(**_service_fields(s, platform))


def service_shown(found: ServiceDetails) -> ServiceShown:
    """A service with all that is known of it."""
    return ServiceShown(
        **_service_fields(found.service, found.platform),
        definition=found.definition.name, definition_version=found.definition.version,
        nodes={label: _node(c) for label, c in found.carrier.nodes.items()},
        properties=dict(found.carrier.properties),
        revisions=[
            RevisionShown(
                number=r.number, nodes={label: _node(c) for label, c in r.nodes.items()},
                properties=dict(r.properties), needs=list(r.needs), order=r.order, at=when(r.at_us),
            )
            for r in found.revisions
        ],
        known=known_shown(found.known), auditing=found.auditing,
        differences=[_difference(one) for one in found.drift.known], drift=found.drift.hash,
        alarms=[alarm_shown(one) for one in found.alarms], next_audit=maybe_when(found.next_audit_us),
        conflicts=[str(loss) for loss in found.conflicts],
        orders=list(found.orders), needs=[_neighbour(s) for s in found.needs],
        needed_by=[_neighbour(s) for s in found.needed_by],
        overlays=[_overlay(b) for b in found.overlays], scopes=list(found.service.scopes),
    )  # fmt: skip


def alarm_shown(a: Alarm) -> AlarmShown:
    """An alarm of a service."""
    return AlarmShown(kind=a.kind, what=a.what, to_do=ALARM_TO_DO[a.kind], since=when(a.since_us))


def _difference(known: Known) -> DifferenceShown:
    d, a = known.difference, known.allowance
    return DifferenceShown(
        node=d.node, path=d.path, gap=d.gap, expected=d.expected, found=d.found, since=when(known.since_us),
        approved_by=a.by if a else "", reason=a.reason if a else "", until=when(a.until_us) if a else None,
    )  # fmt: skip


def _service_fields(s: Service, platform: str) -> dict[str, Any]:
    return {
        "id": s.id, "name": s.name, "platform": platform, "state": s.state, "runs": s.runs, "desired": s.desired,
        "deployed": s.deployed, "last_good": s.last_good, "revision": s.revision, "created": when(s.created_us),
        "created_by": s.created_by, "changed": when(s.changed_us),
    }  # fmt: skip


def _overlay(b: Booking) -> OverlayShown:
    return OverlayShown(
        id=b.id, name=b.name, state=b.state, start=when(b.timing.start), end=maybe_when(b.timing.end),
        nodes={label: _node(choice) for label, choice in b.nodes.items()},
    )  # fmt: skip


def _neighbour(s: Service) -> NeighbourShown:
    return NeighbourShown(id=s.id, name=s.name, state=s.state)


def _node(choice: NodeChoice) -> dict[str, Any]:
    return {"resource": choice.resource, "profile": choice.profile, "values": dict(choice.values)}
