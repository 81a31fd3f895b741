# SPDX-License-Identifier: Apache-2.0
"""What stands at the head of a booking, an order or a service that needs somebody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """Why it needs somebody, and what to do about it."""

    title: str
    what: str
    to_do: str
    urgent: bool
