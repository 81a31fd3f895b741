# SPDX-License-Identifier: Apache-2.0
"""Resources: what can be booked, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.reach import Labels, labels_of


class Mode(StrEnum):
    """May it be used now?"""

    AVAILABLE = "available"
    MAINTENANCE = "maintenance"
    UNAVAILABLE = "unavailable"


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
    """How many bookings may hold it at once."""
    priority: int = 0
    """Lower is taken first."""
    mode: Mode = Mode.AVAILABLE
    device: str = ""
    """Empty: the resource is a device of its own."""
    properties: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    """From where it can be reached: only a worker that has all of these runs what configures it."""
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1

    @property
    def places(self) -> Labels:
        """Its labels as a worker has them."""
        return labels_of(self.labels)

    @property
    def held_as(self) -> str:
        """The name under which its device is held by a run."""
        return f"device:{self.device}" if self.device else f"resource:{self.id}"
