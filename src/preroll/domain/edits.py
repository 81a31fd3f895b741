# SPDX-License-Identifier: Apache-2.0
"""How actions move a booking's times, and what an edit of one that runs may not do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from preroll.domain.booking import ENDED, WAITING, WRAPPING, NodeChoice, State, Timing
from preroll.domain.boundaries import Kind
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake
from preroll.domain.window import SECOND


def timing_mistakes(before: Timing, after: Timing, begun: Collection[Kind], now_us: int) -> list[Mistake]:
    """What an edit of a running booking's timing may not do (SPEC 3.2): only what has not begun moves."""
    found = []
    if Kind.START_OF_PRE_ROLL in begun:
        found += [
            Mistake(name, "is frozen: the first event has begun", "the value that it has")
            for name in ("start", "pre_roll")
            if getattr(after, name) != getattr(before, name)
        ]
    if Kind.START_OF_POST_ROLL in begun and after.end != before.end:
        found.append(
            Mistake("end", "is frozen: post-roll has begun", "the value that it has; change post_roll instead")
        )
    elif begun and after.end is not None and after.end != before.end and after.end < now_us:
        found.append(Mistake("end", "lies in the past", "an instant from now on, or finish the booking"))
    if Kind.END_OF_POST_ROLL in begun and after.post_roll != before.post_roll:
        found.append(Mistake("post_roll", "is frozen: the last event has begun", "the value that it has"))
    return found


def merged(stored: Mapping[str, object], patch: Mapping[str, object]) -> dict[str, object]:
    """A stored object with a merge patch (RFC 7396): None takes away, objects are merged, all else is replaced."""
    found = dict(stored)
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, Mapping):
            inner = found.get(name)
            found[name] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class NodePatch:
    """What is to change of what a booking chose for a node: a merge patch of ``NodeChoice``."""

    given: Mapping[str, Any]
    """``resource``, ``profile``, ``values``, ``profile_by``: what is left out stays, None takes away."""

    def applied(self, stored: NodeChoice) -> NodeChoice:
        """The choice with it; what was copied of its profile is decided anew."""
        values = self.given.get("values", {})
        values = {} if values is None else merged(stored.values, values)
        return replace(stored, kept=None, **{**self.given, "values": values})


def next_second(now_us: int) -> int:
    """The first whole second from now on."""
    return -(-now_us // SECOND) * SECOND


def started_now(timing: Timing, now_us: int, pre_roll: int | None = None, delay_us: int = 0) -> Timing:
    """The same with a pre-roll that begins now; the end stays.

    Args:
        pre_roll: its new length; None: as it is.
        delay_us: the platform's rescheduling delay: it begins so much later.

    Raises:
        ActionNotPossible: it begins already.
    """
    if timing.held.start <= now_us + delay_us:
        soon = f" in {(timing.held.start - now_us) / SECOND:.0f} s" if timing.held.start > now_us else ""
        raise ActionNotPossible(f"start-now is not possible: its first event is due{soon}", hint="wait for it")
    length = timing.pre_roll if pre_roll is None else pre_roll
    return replace(timing, start=next_second(now_us + delay_us) + length, pre_roll=length)


def shrunk(timing: Timing, now_us: int, delay_us: int) -> Timing:
    """The same with a post-roll that ends now, since all that was to be done in it is done; never later than planned.

    Args:
        delay_us: the platform's rescheduling delay: it ends so much later.
    """
    if timing.end is None:
        return timing
    return replace(timing, post_roll=min(timing.post_roll, max(0, next_second(now_us + delay_us) - timing.end)))


def extended(timing: Timing, begun: Collection[Kind], by: int | None = None, until: int | None = None) -> Timing:
    """The same with a later end; once post-roll has begun, with a longer post-roll (vendor notes 28934, 31337).

    Args:
        by: how much longer; None: as ``until`` says.

    Raises:
        Invalid: it has no end, or would not end later.
    """
    if timing.end is None:
        raise Invalid([Mistake("end", "the booking is permanent", "a booking with an end; adjust gives it one")])
    wrapping = Kind.START_OF_POST_ROLL in begun
    last = timing.end + timing.post_roll if wrapping else timing.end
    longer = by if by is not None else (until or 0) - last
    if longer <= 0:
        where = "by" if by is not None else "until"
        raise Invalid([Mistake(where, "is not after the end that it has", "a later end; adjust makes it earlier")])
    if wrapping:
        return replace(timing, post_roll=timing.post_roll + longer)
    return replace(timing, end=timing.end + longer)


def once_more(timing: Timing, start: int | None, now_us: int, delay_us: int = 0) -> Timing:
    """The times of a duplicate: from another start, else the same ones, or what is left of them.

    Args:
        delay_us: the platform's rescheduling delay: what is left begins so much from now.

    Raises:
        Invalid: they have passed.
    """
    if start is not None:
        return replace(timing, start=start, end=None if timing.end is None else timing.end + start - timing.start)
    if timing.held.start >= now_us:
        return timing
    rest = replace(timing, start=next_second(now_us + delay_us) + timing.pre_roll)
    if rest.end is not None and rest.end <= rest.start:
        raise Invalid([Mistake("start", "is missing: the window of the original has passed", "when it is to start")])
    return rest


class Handle(StrEnum):
    """By what a booking can be moved on a timeline."""

    START = "start"
    END = "end"
    RESOURCE = "resource"


def handles(state: State, *, began: bool, entering: str) -> frozenset[Handle]:
    """What of a booking an edit may change now: all while it waits, the end alone until post-roll begins (SPEC 3.2)."""
    if state in WAITING and not began:
        return frozenset() if entering else frozenset(Handle)
    return frozenset({Handle.END}) if state not in WRAPPING | ENDED else frozenset()
