# SPDX-License-Identifier: Apache-2.0
"""What a run's order is put together from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from preroll.app.orchestration import Orchestration
from preroll.domain.booking import NodeChoice
from preroll.domain.boundaries import Run
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.ports.rows import Claimed, Judged
from tests.app.test_profiles import Listener


class Awaited:
    """A store whose answers come later, and that counts what it is asked."""

    def __init__(self, store: Any) -> None:
        self._store, self.journal, self.reads = store, store.journal, 0

    async def read(self, call: Callable[[Any], Any]) -> Any:
        self.reads += 1
        await asyncio.sleep(0)
        return await self._store.read(call)


async def test_what_runs_that_begin_together_need_is_read_together(stage):
    resources = [Resource(f"lamp {number}", id=f"lamp-{number}") for number in range(20)]
    await stage.app.catalogue.apply(LOCAL, "default", resources)
    seen = await stage.see(await stage.book())
    platform = await stage.app.platforms.get(LOCAL, "default")
    store, listener = Awaited(stage.rig.store), Listener()
    orchestration = Orchestration(store, listener, asyncio.Lock())

    async def begin(resource: Resource) -> None:
        booking = replace(seen.booking, definition=None, nodes={"L": NodeChoice(resource.id)})
        judged = Judged(seen.boundaries[1], booking, None, platform)
        await orchestration.perform(Claimed(judged, Run("on-air", "START", "STANDBY"), 1, resource.name))

    await asyncio.gather(*map(begin, resources))
    assert store.reads == 2, "the catalogue, and all resources"
    assert sorted(order.equipment[0].id for order in listener.orders) == sorted(r.id for r in resources)
    await asyncio.gather(*map(begin, resources))
    assert store.reads == 2, "it is known now"


async def test_what_a_run_needs_is_put_together_before_its_instant(stage):
    await stage.app.catalogue.apply(LOCAL, "default", [Resource("lamp", id="lamp")])
    seen = await stage.see(await stage.book())
    platform = await stage.app.platforms.get(LOCAL, "default")
    store, listener, reads = Awaited(stage.rig.store), Listener(), []

    async def instant() -> None:
        reads.append(store.reads)
        assert not listener.orders, "it has not begun"

    booking = replace(seen.booking, definition=None, nodes={"L": NodeChoice("lamp")})
    judged = Judged(seen.boundaries[1], booking, None, platform)
    orchestration = Orchestration(store, listener)
    await orchestration.perform(Claimed(judged, Run("on-air", "START", "STANDBY"), 1, "run"), (), instant)
    assert reads == [store.reads] == [2]
    assert len(listener.orders) == 1
