# SPDX-License-Identifier: Apache-2.0
"""One call after the other, in turns, so that what the machine does meanwhile hits all of them alike."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from bench.figures import middle

Call = Callable[[int], Awaitable[object]]
"""Carries out the n-th of its kind."""
Clock = Callable[[], float]
Times = dict[str, list[float]]


async def alternating(
    calls: Mapping[str, Call], times: int, *, warm: int = 5, clock: Clock = time.perf_counter
) -> Times:
    """Seconds of each call; the first few are not counted.

    In each turn they come in another order: what a call leaves in the caches hits all that may come after it.

    Args:
        clock: ``time.process_time`` for what is all done in this process: what others do meanwhile does not count then.
    """
    found: Times = {name: [] for name in calls}
    turn, order = list(calls.items()), random.Random(len(calls))
    for number in range(warm + times):
        order.shuffle(turn)
        for name, call in turn:
            began = clock()
            await call(number)
            if number >= warm:
                found[name].append(clock() - began)
    return found


async def medians(calls: Mapping[str, Call], rounds: int, times: int, *, clock: Clock = time.perf_counter) -> Times:
    """The median of each round, round by round."""
    found: Times = {name: [] for name in calls}
    for number in range(rounds):
        offset = number * (times + 5)
        shifted = {name: _shifted(call, offset) for name, call in calls.items()}
        for name, seconds in (await alternating(shifted, times, clock=clock)).items():
            found[name].append(middle(seconds))
    return found


def _shifted(call: Call, offset: int) -> Call:
    return lambda number: call(offset + number)


def ratio(times: Times, one: str, other: str) -> float:
    """The median of the ratios, pair by pair."""
    return middle(a / b for a, b in zip(times[one], times[other], strict=True))


def forget_file(path: str) -> None:
    """Have the system drop what it keeps of a file in memory: the next read comes from the disk."""
    for name in (path, f"{path}-wal"):
        if Path(name).exists():
            descriptor = os.open(name, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
