# SPDX-License-Identifier: Apache-2.0
"""The course of resources over time, as typed values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """What a booking has of a resource."""

    booking: str
    name: str
    concurrency: int
    """Of how many nodes it has the place."""
    capacities: dict[str, float]
    agreed: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of time in which nothing changes: ``free``, ``busy`` or ``closed``."""

    start: datetime
    end: datetime
    state: str
    closed: list[str]
    """Why."""
    holders: list[Holder]
    concurrency_left: int
    capacities_left: dict[str, float]


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one resource, without a gap."""

    id: str
    name: str
    spans: list[Stretch]


@dataclass(frozen=True, slots=True)
class FreeBusy:
    """The courses of resources, by name."""

    resources: list[Course]
