# SPDX-License-Identifier: Apache-2.0
"""Profiles that are applied to a resource now, outside of any booking: the calls, and their answers as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from preroll.client.calls import API, Call
from preroll.client.things import Run


@dataclass(frozen=True, slots=True)
class Applying:
    """A profile that is applied to a resource, or was."""

    id: str
    resource: str
    name: str
    profile: str
    state: str
    part: str
    outcome: str
    """``armed`` and ``running``: it is not over; ``done`` or ``failed``."""
    message: str
    waiting: str
    asked: datetime
    by: str
    why: str
    ended: datetime | None
    run: Run | None

    @property
    def over(self) -> bool:
        """Has it ended?"""
        return self.outcome not in ("armed", "running")


def apply_profile(
    resource: str,
    profile: str,
    *,
    state: str | None = None,
    part: str = "whole",
    values: Mapping[str, Any] | None = None,
    why: str = "",
    force: bool = False,
) -> Call[Applying]:
    """Apply a profile to a resource (by id) now; ``get_applied`` tells how it went.

    Args:
        part: ``whole``, ``state`` (only the state's values) or ``defaults``.
        force: although bookings have the resource.
    """
    body = {
        "profile": profile, "state": state, "part": part, "values": dict(values or {}), "why": why, "force": force,
    }  # fmt: skip
    return Call("POST", f"{API}/resources/{quote(resource, safe='')}/apply", Applying, body=body)


def get_applied(ident: str) -> Call[Applying]:
    """What became of it."""
    return Call("GET", f"{API}/applied/{quote(ident, safe='')}", Applying)
