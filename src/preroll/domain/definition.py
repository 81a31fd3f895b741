# SPDX-License-Identifier: Apache-2.0
"""Service definitions: which nodes form a service, and which script each service state runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.audit import AuditSpec
from preroll.domain.profile import ProfileBy


class Publication(StrEnum):
    """Only a published definition can be booked; a published version never changes."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class AutoSelect(StrEnum):
    """When a node takes the best eligible resource by itself."""

    CREATE = "create"
    """When the booking is made and names none."""
    ALWAYS = "always"
    """Also when the booking is edited: an open node is filled, what does not fit any more is replaced."""
    NEVER = "never"


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
    auto_select: AutoSelect | None = None
    """None: when the booking is made; an optional node never."""

    @property
    def selects(self) -> AutoSelect:
        """When it takes a resource by itself; one that names neither function nor pool, never."""
        if not self.function and not self.pool:
            return AutoSelect.NEVER
        return self.auto_select or (AutoSelect.NEVER if self.optional else AutoSelect.CREATE)


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
    publication: Publication = Publication.PUBLISHED
    id: str = ""
    key: int = 0
    platform: int = 0

    def node(self, label: str) -> Node | None:
        """The node of that label, or None."""
        return next((n for n in self.nodes if n.label == label), None)

    def audits_after(self, event: str) -> tuple[AuditSpec, ...]:
        """The checks that are made after the success of an event; all for the empty name (somebody asks)."""
        return tuple(a for a in self.audits if not event or event in a.after)

    @property
    def ordered(self) -> tuple[Node, ...]:
        """Nodes in the order in which they are configured."""
        return tuple(sorted(self.nodes, key=lambda n: n.order))
