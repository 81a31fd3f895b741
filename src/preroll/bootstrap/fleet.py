# SPDX-License-Identifier: Apache-2.0
"""An engine of a fleet: it claims what is due and hands it to Temporal, and runs what Temporal delivers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.worker import Worker

from preroll.app.orchestration import Orchestration
from preroll.clock.carriers.temporal import MOST_LABELS, Runner, Temporal, listeners
from preroll.clock.dispatcher import Dispatcher, Pace
from preroll.domain.errors import BadSettings
from preroll.domain.reach import Labels
from preroll.ports.store import Journal

NAME = "preroll"
"""Of the task queues."""
PATIENCE = 10.0
"""Seconds in which Temporal has to answer at the start."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Where Temporal is, and where this process stands."""

    address: str
    namespace: str
    labels: Labels

    @contextlib.asynccontextmanager
    async def sender(
        self, journal: Journal, orchestration: Orchestration, sender: int, runner: Dispatcher, key: int, pace: Pace
    ) -> AsyncIterator[Dispatcher]:
        """A dispatcher whose runs Temporal carries; what it delivers here runs in ``runner``, under the worker ``key``.

        On the way out nothing is taken any more; what runs is the runner's to drain.

        Raises:
            BadSettings: Temporal cannot be reached, or there are too many labels.
        """
        silence = pace.lease_us / 1e6
        client = await self._connected()
        carrier = Temporal(client, NAME, silence)
        dispatcher = Dispatcher(journal, orchestration, sender, pace, carrier)
        desk = Runner(journal, runner, key, silence)
        workers = listeners(client, NAME, self.labels, desk, silence, pace.room)
        async with _serving(workers, dispatcher):
            watch = asyncio.get_running_loop().create_task(carrier.look_after(journal, sender))
            try:
                yield dispatcher
            finally:
                watch.cancel()
                await dispatcher.drain(0)

    async def _connected(self) -> Client:
        if len(self.labels) > MOST_LABELS:
            raise BadSettings(f"a worker of a fleet has at most {MOST_LABELS} labels", hint="stand in fewer places")
        try:
            async with asyncio.timeout(PATIENCE):
                return await Client.connect(self.address, namespace=self.namespace)
        except (RuntimeError, TimeoutError) as error:
            why = str(error) or "no answer"
            raise BadSettings(
                f"Temporal cannot be reached at {self.address}: {why}", hint="start it, or set temporal"
            ) from None


@contextlib.asynccontextmanager
async def _serving(workers: list[Worker], dispatcher: Dispatcher) -> AsyncIterator[None]:
    """Let Temporal's workers poll; when one of them gives up, the dispatcher stops as well."""
    loop = asyncio.get_running_loop()
    polling = [loop.create_task(worker.run()) for worker in workers]
    for task in polling:
        task.add_done_callback(lambda _: dispatcher.stop())
    try:
        yield
    finally:
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*polling)
