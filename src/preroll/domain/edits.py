# SPDX-License-Identifier: Apache-2.0
"""What an edit of a booking that runs may not do."""

from __future__ import annotations

from collections.abc import Collection

from preroll.domain.booking import Timing
from preroll.domain.boundaries import Kind
from preroll.domain.errors import Mistake


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
