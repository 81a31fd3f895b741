# SPDX-License-Identifier: Apache-2.0
"""An audit asks whether a service is really up, and keeps the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AuditState(StrEnum):
    """What an audit found."""

    UP = "Up"
    DOWN = "Down"
    UNKNOWN = "Unknown"
    """The check itself could not be made; that says nothing about the service."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A verdict with its evidence (numbers, probe output), kept with the booking."""

    state: AuditState
    evidence: Mapping[str, object] = field(default_factory=dict)
    message: str = ""
