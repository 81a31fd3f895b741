# SPDX-License-Identifier: Apache-2.0
"""What could fill the nodes of a service, as a client sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from preroll.client.problems import Clash


@dataclass(frozen=True, slots=True)
class Offer:
    """A resource that fits a node, and what is left of it over the whole window."""

    id: str
    name: str
    priority: int
    guarded: bool
    """It is free for the guard interval before and after as well."""
    concurrency_left: int
    capacities_left: dict[str, float]


@dataclass(frozen=True, slots=True)
class NodeAvailability:
    """What there is for one node."""

    eligible: list[Offer]
    candidates: int
    refused: dict[str, list[Clash]]
    next_start: datetime | None


@dataclass(frozen=True, slots=True)
class Availability:
    """What is free, node by node."""

    nodes: dict[str, NodeAvailability]
