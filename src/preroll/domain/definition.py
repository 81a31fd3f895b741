# SPDX-License-Identifier: Apache-2.0
"""Service definitions: which nodes form a service, and which script each service state runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from preroll.domain.audit import CONFIG, AuditSpec, made_after
from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.connection import Connection
from preroll.domain.machine import Machine
from preroll.domain.profile import ProfileBy


class Publication(StrEnum):
    """Only a published version can be booked. What a version says never changes; a change makes a new one."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class PublicationTrigger(StrEnum):
    """What can happen to a version."""

    PUBLISH = "publish"
    RETIRE = "retire"


_P, _T = Publication, PublicationTrigger
# fmt: off
PUBLICATION: Machine[Publication, PublicationTrigger] = Machine("publication", _P.DRAFT, (
    # from                        trigger      ok             failed  why
    ({_P.DRAFT, _P.RETIRED},      _T.PUBLISH,  _P.PUBLISHED,  None,   "it can be booked"),
    ({_P.DRAFT, _P.PUBLISHED},    _T.RETIRE,   _P.RETIRED,    None,   "not booked any more; who has it keeps it"),
), states=Publication)
# fmt: on


class AutoSelect(StrEnum):
    """When a node takes the best eligible resource by itself."""

    CREATE = "create"
    """When the booking is made and names none."""
    ALWAYS = "always"
    """Also when the booking is edited: an open node is filled, what does not fit any more is replaced."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class CreatedAction:
    """A script that runs before a booking is Confirmed, on every confirm (SPEC 3.3)."""

    script: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the service that a resource fills."""

    label: str
    function: str = ""
    pool: str = ""
    optional: bool = False
    profile: str = ""
    """Name of the profile definition that the node takes; empty: the node takes none."""
    default_profile: str = ""
    """Name of the profile instance that is used when the booking names none."""
    order: int = 0
    profile_by: ProfileBy = ProfileBy.REFERENCE
    """Is the profile copied when it is chosen, or read at each event? A booking may choose otherwise."""
    hidden: bool = False
    """People who book do not see it; it is filled by itself or by a script."""
    properties: Mapping[str, object] = field(default_factory=dict)
    created_action: CreatedAction | None = None
    auto_select: AutoSelect | None = None
    """None: when the booking is made; an optional node never."""
    editable_after_deploy: bool = True
    """May an order change it, its resource included, on a service that is deployed?"""

    @property
    def selects(self) -> AutoSelect:
        """When it takes a resource by itself; one that names neither function nor pool, never."""
        if not self.function and not self.pool:
            return AutoSelect.NEVER
        return self.auto_select or (AutoSelect.NEVER if self.optional else AutoSelect.CREATE)


OF_DEVICES = AuditSpec(CONFIG, CONFIG, after=())
"""Are the devices as they were left? Made of services whose definition does not say how it is looked at."""


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """One immutable version of a service definition."""

    name: str
    version: int = 1
    nodes: tuple[Node, ...] = ()
    actions: Mapping[str, str] = field(default_factory=dict)
    """Service state -> name of an LSO script. Empty: nothing is orchestrated (SPEC 4)."""
    audits: tuple[AuditSpec, ...] = ()
    """The checks that show whether the service is up."""
    service_audits: AuditSchedule | None = None
    """When its services are audited by themselves; None: as the platform says."""
    publication: Publication = Publication.PUBLISHED
    description: str = ""
    connections: tuple[Connection, ...] = ()
    properties: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    key: int = 0
    platform: int = 0

    def node(self, label: str) -> Node | None:
        """The node of that label, or None."""
        return next((n for n in self.nodes if n.label == label), None)

    def as_publication(self, publication: Publication) -> ServiceDefinition:
        """The same version, published or retired."""
        return replace(self, publication=publication)

    def is_only_moved_to(self, other: ServiceDefinition) -> bool:
        """Does the other say the same, and is it what this version can become?"""
        ways = {PUBLICATION.fire(self.publication, trigger) for trigger in PUBLICATION.possible(self.publication)}
        return other.publication in ways and self.as_publication(other.publication) == other

    def audits_after(self, event: str) -> tuple[AuditSpec, ...]:
        """The checks that are made after the success of an event."""
        return made_after(self.audits, event)

    @property
    def checks_of_services(self) -> tuple[AuditSpec, ...]:
        """The checks of a service that orders made: whatever the definition asks for, its devices can be read."""
        own = any(CONFIG in (a.kind, a.name) for a in self.audits)
        return self.audits if own else (*self.audits, OF_DEVICES)

    @property
    def ordered(self) -> tuple[Node, ...]:
        """Nodes in the order in which they are configured."""
        return tuple(sorted(self.nodes, key=lambda n: n.order))
