# SPDX-License-Identifier: Apache-2.0
"""The heartbeat: renews the worker's lease from a thread of its own, so that a busy engine does not lose its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from preroll.domain.errors import StoreUnavailable
from preroll.ports.store import Journal
from preroll.telemetry import Outage, logger

log = logger(__name__)
Scripts = Callable[[], Mapping[str, str]]
"""What a worker has: name -> version."""


async def beat(
    journal: Journal, worker: int, lease_us: int, stopping: asyncio.Event, scripts: Scripts = lambda: {}
) -> None:
    """Renew four times a lease, until stopped. A failed one is tried again; the fence keeps what is lost safe.

    Tells the others which scripts the worker has, when that changes.
    """
    told: Mapping[str, str] = {}
    outage = Outage(log, "the lease could not be renewed", "the lease is renewed again")
    while not stopping.is_set():
        try:
            await journal.renew(worker, lease_us)
            if (has := scripts()) != told:
                await journal.offer(worker, has)
                told = has
            outage.is_over()
        except StoreUnavailable as error:
            outage.lasts(error)
        try:
            async with asyncio.timeout(lease_us / 4e6):
                await stopping.wait()
        except TimeoutError:
            continue
