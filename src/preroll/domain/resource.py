# SPDX-License-Identifier: Apache-2.0
"""Resources: what can be booked, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from preroll.domain.availability import Availability
from preroll.domain.capacity import Capability, amount_mistake
from preroll.domain.errors import Mistake
from preroll.domain.reach import Labels, labels_of


class Mode(StrEnum):
    """May it be used now?"""

    AVAILABLE = "available"
    MAINTENANCE = "maintenance"
    """Planned: nobody may have it, and who had booked it is quarantined."""
    UNAVAILABLE = "unavailable"
    """A fault of the moment: it cannot be booked; bookings that have it keep it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One bookable thing. ``device`` names the box behind it: resources of one device are never configured at once."""

    name: str
    driver: str = "sim"
    """The kind of driver that speaks to it: ``sim``, ``http`` ..."""
    address: Mapping[str, object] = field(default_factory=dict)
    """What the driver needs to reach it; its shape is the driver's."""
    function: str = ""
    pools: tuple[str, ...] = ()
    concurrency: int = 1
    """How many nodes of bookings may hold it at once."""
    priority: int = 0
    """Lower is taken first."""
    mode: Mode = Mode.AVAILABLE
    device: str = ""
    """Empty: the resource is a device of its own."""
    properties: Mapping[str, object] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)
    """Capacity parameter -> how much of it there is, in the parameter's unit."""
    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    """Capability parameter -> what it can do."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """From where it can be reached: only a worker that has all of these runs what configures it."""
    availability: Availability | None = None
    """When it can be booked; None: always."""
    hands_off: bool = False
    """Nothing is sent to it (SPEC 5)."""
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1

    def mistakes(self, where: str = "") -> list[Mistake]:
        """Everything wrong with what it offers."""
        found = [
            m for name, amount in self.capacities.items() if (m := amount_mistake(f"{where}capacities.{name}", amount))
        ]
        for name, capability in self.capabilities.items():
            found += capability.mistakes(f"{where}capabilities.{name}")
            if name in self.capacities:
                found.append(Mistake(f"{where}capabilities.{name}", "is a capacity too", "either of the two"))
        return found + (self.availability.mistakes(f"{where}availability") if self.availability else [])

    def at_home(self, zone: str) -> Resource:
        """It, with its weekly hours in the zone of its platform if they have none of their own."""
        known = self.availability
        if known is None or not known.lives_at_home or known.home == zone:
            return self
        return replace(self, availability=replace(known, home=zone))

    @property
    def places(self) -> Labels:
        """Its labels as a worker has them."""
        return labels_of(self.labels)

    @property
    def held_as(self) -> str:
        """The name under which its device is held by a run."""
        return f"device:{self.device}" if self.device else f"resource:{self.id}"
