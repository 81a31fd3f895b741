# SPDX-License-Identifier: Apache-2.0
"""The outbox rests for as long as it has worked, and lets by what is about to begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from preroll.outbox.pace import Pace


class Machine:
    """Its clocks go on only when somebody works or waits."""

    def __init__(self) -> None:
        self.worked, self.now, self.rested = 7.0, 100.0, list[float]()

    def work(self, seconds: float) -> None:
        self.worked += seconds
        self.now += seconds

    async def pause(self, seconds: float) -> None:
        self.rested.append(round(seconds, 6))
        await asyncio.sleep(0)

    def pace(self, rest: float) -> Pace:
        return Pace(rest, worked=lambda: self.worked, now=lambda: self.now, pause=self.pause)


async def test_it_rests_for_as_long_as_it_worked():
    machine = Machine()
    pace = machine.pace(1.0)
    await pace.rest()
    machine.work(0.5)
    await pace.rest()
    machine.now += 0.5
    machine.work(0.25)
    await pace.rest()
    assert machine.rested == [0, 0.5, 0.25]


async def test_who_waited_for_an_answer_has_not_worked():
    machine = Machine()
    pace = machine.pace(1.0)
    await pace.rest()
    machine.work(0.1)
    machine.now += 30
    await pace.rest()
    machine.now += 30
    await pace.rest()
    assert machine.rested == [0, 0.1, 0]


async def test_two_that_share_a_loop_rest_together_for_what_both_worked():
    machine = Machine()
    pace = machine.pace(1.0)
    await pace.rest()
    machine.work(0.2)
    first = asyncio.ensure_future(pace.rest())
    await asyncio.sleep(0)
    machine.work(0.1)
    await pace.rest()
    await first
    assert machine.rested == [0, 0.2, 0.2], "the second began to work a tenth before the rest was over"


class Station(Machine):
    """Time passes while somebody waits; something is about to begin now and then."""

    def __init__(self, hurries: Callable[[float], bool]) -> None:
        super().__init__()
        self.hurries = hurries

    async def pause(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    def pace(self, rest: float = 0.0) -> Pace:
        return Pace(
            rest, lambda: self.hurries(self.now), worked=lambda: self.worked, now=lambda: self.now, pause=self.pause
        )


async def test_what_is_about_to_begin_is_let_by():
    machine = Station(lambda now: 100.01 <= now < 100.03)
    pace, sent = machine.pace(), []
    while machine.now < 100.05:
        await pace.rest()
        sent.append(machine.now)
        machine.work(0.002)
    during = [at for at in sent if 100.0101 < at < 100.0299]
    assert during == []
    assert len(sent) > 10


async def test_where_something_begins_all_the_time_messages_are_late_and_not_stuck():
    machine = Station(lambda _: True)
    pace, worked = machine.pace(), machine.worked
    while machine.now < 110:
        await pace.rest()
        machine.work(0.002)
    assert 4.0 < machine.worked - worked < 6.0, "half of ten seconds"


async def test_without_rest_it_goes_on_at_once():
    machine = Machine()
    pace = machine.pace(0.0)
    await pace.rest()
    machine.work(3.0)
    await pace.rest()
    assert machine.rested == [0, 0]
