# SPDX-License-Identifier: Apache-2.0
"""How actions move a booking's times, and what an edit of one that runs may not do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from preroll.domain.booking import Timing
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


def next_second(now_us: int) -> int:
    """The first whole second from now on."""
    return -(-now_us // SECOND) * SECOND


def started_now(timing: Timing, now_us: int, pre_roll: int | None = None) -> Timing:
    """The same with a pre-roll that begins now; the end stays.

    Args:
        pre_roll: its new length; None: as it is.

    Raises:
        ActionNotPossible: it begins already.
    """
    if timing.held.start <= now_us:
        raise ActionNotPossible("start-now is not possible: its first event is due", hint="wait for it")
    length = timing.pre_roll if pre_roll is None else pre_roll
    return replace(timing, start=next_second(now_us) + length, pre_roll=length)


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


def once_more(timing: Timing, start: int | None, now_us: int) -> Timing:
    """The times of a duplicate: from another start, else the same ones, or what is left of them.

    Raises:
        Invalid: they have passed.
    """
    if start is not None:
        return replace(timing, start=start, end=None if timing.end is None else timing.end + start - timing.start)
    if timing.held.start >= now_us:
        return timing
    rest = replace(timing, start=next_second(now_us) + timing.pre_roll)
    if rest.end is not None and rest.end <= rest.start:
        raise Invalid([Mistake("start", "is missing: the window of the original has passed", "when it is to start")])
    return rest
