# SPDX-License-Identifier: Apache-2.0
"""What Temporal delivers twice to one runner is run once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from preroll.ports.rows import Adopted

testing = pytest.importorskip("temporalio.testing")
temporal = pytest.importorskip("preroll.clock.carriers.temporal")


class Stage:
    """A journal that takes its time to answer, and a dispatcher with one run at most."""

    def __init__(self) -> None:
        self.adoptions = self.looks = 0
        self.asked, self.answer, self.looked_again = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.over = asyncio.Event()
        self.task: asyncio.Task[Any] | None = None

    async def adopt(self, *_: int) -> Adopted:
        self.adoptions += 1
        self.asked.set()
        await self.answer.wait()
        claimed: Any = object()
        return Adopted(claimed)

    def under_way(self, _: int) -> asyncio.Task[Any] | None:
        self.looks += 1
        if self.looks > 1:
            self.looked_again.set()
        return self.task

    def begin(self, *_: object) -> asyncio.Task[Any]:
        self.task = asyncio.ensure_future(self.over.wait())
        return self.task


async def test_two_deliveries_at_once_adopt_a_run_once():
    """The store is slow, so Temporal asks again: a second adoption would turn the run of the first away for good."""
    stage: Any = Stage()
    runner = temporal.Runner(stage, stage, 1, 60.0)
    parcel = temporal.Parcel(1, 1, "preroll", 60.0)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        both = [group.create_task(testing.ActivityEnvironment().run(runner.run, parcel)) for _ in range(2)]
        await stage.asked.wait()
        stage.answer.set()
        await stage.looked_again.wait()
        stage.over.set()
    assert [delivery.result() for delivery in both] == ["over", "over"]
    assert stage.adoptions == 1
