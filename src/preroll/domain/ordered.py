# SPDX-License-Identifier: Apache-2.0
"""What is kept of a service order, of its plan, and of the service that it makes.

Their states are the tables of ``domain.order`` and ``domain.service_instance``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preroll.domain.booking import NodeChoice
from preroll.domain.order import LATEST_START, HoldReason, OrderItem, OrderPhase, OrderState, Together
from preroll.domain.service_instance import Provisioned


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody else has let an order be deployed."""

    by: str
    at_us: int
    plan: str = ""
    """Hash of the plan that was looked at; empty: there was none."""


@dataclass(frozen=True, slots=True)
class Order:
    """A service order as it is stored. ``revision`` is the ETag."""

    name: str
    platform: int
    items: tuple[OrderItem, ...] = ()
    state: OrderState = OrderState.REQUESTED
    phase: OrderPhase | None = None
    """How far one In Progress is."""
    hold: HoldReason | None = None
    """Why one that is due does not begin."""
    together: Together = Together.ATOMIC
    due_us: int | None = None
    """When it is deployed; None: it has no time."""
    latest_start_us: int = LATEST_START
    """Not begun so long after its time, it is Canceled."""
    priority: int = 0
    external: str = ""
    """What who ordered calls it."""
    plan: str = ""
    """Hash of the plan of the last good check."""
    approvals: tuple[Approval, ...] = ()
    attempt: int = 0
    """How often it was scheduled to be deployed anew."""
    why: str = ""
    """Why it is in this state."""
    cancel_us: int | None = None
    """When somebody asked for it to be canceled; None: nobody has."""
    cancel_why: str = ""
    """Why they did."""
    clone_of: str = ""
    """Id of the order that it repeats."""
    hidden: bool = False
    """It was deleted."""
    scopes: tuple[str, ...] = ()
    id: str = ""
    key: int = 0
    revision: int = 1
    created_us: int = 0
    created_by: str = ""
    changed_us: int = 0


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """What a plan would change on one device."""

    resource: str
    """Its id."""
    changes: tuple[tuple[str, object, object], ...] = ()
    """(path, before, after); secrets as digests."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order would do, as the last check saw it; without a change it is a no-op."""

    hash: str
    devices: tuple[PlannedDevice, ...] = ()
    at_us: int = 0

    @property
    def empty(self) -> bool:
        """Is there nothing to do?"""
        return not any(device.changes for device in self.devices)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that orders make, from its first completed provision on."""

    name: str
    platform: int
    definition: int
    """Key of the version of its service definition."""
    state: Provisioned = Provisioned.DEPLOYED
    runs: str = ""
    """Its service state, such as START."""
    desired: int = 1
    """The revision that it should have."""
    deployed: int | None = None
    """The one that the devices have; None: that is not known."""
    last_good: int | None = None
    """The last one with which a deployment ended well."""
    scopes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Ids of the services that it needs, sorted."""
    id: str = ""
    key: int = 0
    revision: int = 1
    """Of this record (the ETag), not of what is deployed."""
    created_us: int = 0
    created_by: str = ""
    changed_us: int = 0


@dataclass(frozen=True, slots=True)
class ServiceRevision:
    """What a service is made of, by one order; never changed."""

    number: int
    nodes: Mapping[str, NodeChoice] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    order: str = ""
    """Id of the order that made it."""
    at_us: int = 0
    needs: tuple[str, ...] = ()
    """Ids of the services that it needed."""
    item: str = ""
    """Name of the item of that order."""
