# SPDX-License-Identifier: Apache-2.0
"""The clock that goes only when it is told to."""

from __future__ import annotations

import asyncio

from preroll.testing import ManualClock


async def test_sleepers_wake_in_order_each_at_its_instant() -> None:
    clock, woke = ManualClock(us=0), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append((seconds, clock.now_us()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2, 0)]
    await asyncio.sleep(0)
    assert clock.sleeping == 3
    await clock.advance(2)
    assert woke == [(0, 0), (1, 1_000_000), (2, 2_000_000)]
    await clock.advance(5)
    assert woke[-1] == (3, 3_000_000)
    assert clock.now_us() == 7_000_000
    await asyncio.gather(*tasks)


async def test_one_who_sleeps_again_wakes_within_the_same_advance() -> None:
    clock, ticks = ManualClock(us=0), []

    async def ticking() -> None:
        while True:
            await clock.sleep(1)
            ticks.append(clock.now_us())

    task = asyncio.create_task(ticking())
    await asyncio.sleep(0)
    await clock.advance(3)
    assert ticks == [1_000_000, 2_000_000, 3_000_000]
    task.cancel()


async def test_one_who_was_cancelled_is_passed_over() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert clock.sleeping == 0
    await clock.advance(2)
