# SPDX-License-Identifier: Apache-2.0
"""Bookings that nobody has confirmed while their time comes near, or is over (SPEC 3.1): what to tell, and to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from preroll.domain.booking import Booking, State, Timing
from preroll.domain.window import MINUTE

S = State


class Attention(StrEnum):
    """What somebody has to look at."""

    NEAR_AIR = "near_air"
    """Its first event is due soon, or was due, and it is not confirmed."""
    LAPSED = "lapsed"
    """Its window has passed and it was never confirmed."""


# fmt: off
TO_DO: Mapping[State, str] = {
    # not confirmed in   what to do while there is time
    S.PARTIAL:           "confirm it, move it to a later time, or cancel it",
    S.ON_HOLD:           "confirm it, move it to a later time, or cancel it",
    S.QUARANTINED:       "take it out of quarantine, with another resource or time if need be, or cancel it",
}
# fmt: on
UNCONFIRMED = frozenset(TO_DO)
"""In which states does a booking let its own start pass?"""
WHEN_LAPSED = "move it to a later time, or cancel it"


class Planned(Protocol):
    """As much of a booking as tells whether it needs attention."""

    @property
    def state(self) -> State: ...
    @property
    def timing(self) -> Timing: ...
    @property
    def began(self) -> bool: ...


def attention(booking: Planned, now_us: int, near_us: int | None) -> Attention | None:
    """What of a booking needs to be looked at now.

    Args:
        near_us: how long before its first event it needs that, in microseconds; None: never.
    """
    if booking.state not in UNCONFIRMED or booking.began:
        return None
    end = booking.timing.end
    if end is not None and end <= now_us:
        return Attention.LAPSED
    return Attention.NEAR_AIR if near_us is not None and booking.timing.held.start - near_us <= now_us else None


def told(booking: Booking, found: Attention, now_us: int) -> str:
    """It in words, with what to do next."""
    if found is Attention.LAPSED:
        return f"lapsed: {matter(booking, found, now_us)}; {WHEN_LAPSED}"
    return f"near air: {matter(booking, found, now_us)}; {TO_DO[booking.state]}"


def matter(booking: Booking, found: Attention, now_us: int) -> str:
    """It in words."""
    if found is Attention.LAPSED:
        return "its window has passed and it was never confirmed"
    left = booking.timing.held.start - now_us
    when = f"is due in {_length(left)}" if left > 0 else "is due"
    return f"its first event {when} and it is {booking.state.value}"


def _length(us: int) -> str:
    minutes, rest = divmod(us, MINUTE)
    return f"{minutes} min" if minutes else f"{rest // 1_000_000} s"
