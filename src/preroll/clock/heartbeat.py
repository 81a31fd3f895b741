# SPDX-License-Identifier: Apache-2.0
"""The heartbeat: renews the worker's lease from a thread of its own, so that a busy engine does not lose its work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from preroll.domain.errors import StoreUnavailable
from preroll.ports.store import Journal
from preroll.telemetry import Outage, logger

log = logger(__name__)
STOOD_STILL = (
    "the lease had run out: this process stood still, or could not reach the store; what was due begins late, and"
    " another worker may have taken over what ran here"
)
Scripts = Callable[[], Mapping[str, str]]
"""What a worker has: name -> version."""


def renewal() -> Outage:
    """Of the renewing of a lease: its ``error`` is why the store does not let the worker write."""
    return Outage(log, "the lease could not be renewed", "the lease is renewed again")


async def beat(
    journal: Journal,
    worker: int,
    lease_us: int,
    stopping: asyncio.Event,
    scripts: Scripts = lambda: {},
    outage: Outage | None = None,
) -> None:
    """Renew four times a lease, until stopped. A failed one is tried again; the fence keeps what is lost safe.

    Tells the others which scripts the worker has, when that changes; and the log, when the lease had run out.

    Args:
        outage: of ``renewal``, for who wants to know how it stands.
    """
    told: Mapping[str, str] = {}
    outage, loop = outage or renewal(), asyncio.get_running_loop()
    renewed = loop.time()
    while not stopping.is_set():
        try:
            asked = loop.time()
            await journal.renew(worker, lease_us)
            if asked - renewed > lease_us / 1e6:
                log.warning(STOOD_STILL, seconds=round(asked - renewed, 1))
            renewed = asked
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
