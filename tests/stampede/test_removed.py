# SPDX-License-Identifier: Apache-2.0
"""A resource that is removed in the instant in which it is booked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import psycopg
import pytest

from preroll.app import build
from preroll.domain.errors import Conflict, Invalid
from preroll.domain.permission import LOCAL
from preroll.ports.bundles import Batch
from preroll.ports.store import Tx
from tests.builders import NOON
from tests.stampede import crowd
from tests.stampede.test_stampede import rows

WAITS = "select count(*) from pg_locks where not granted"


async def until(met: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(60):
        while not met():
            await asyncio.sleep(0.005)


def waiting(url: str) -> bool:
    """Does somebody wait for a lock? Of SQLite that cannot be asked, and nothing there depends on it."""
    if url.startswith("sqlite"):
        return True
    with psycopg.connect(url) as connection:
        (number,) = connection.execute(WAITS).fetchone() or (0,)
    return number > 0


@pytest.mark.parametrize("force", [False, True], ids=["asked", "forced"])
async def test_what_was_removed_in_the_meantime_is_not_taken(url, force):
    written, leave = threading.Event(), threading.Event()

    def remove(tx: Tx) -> None:
        home = tx.platforms.get("default")
        tx.bundles.advance(home.key, home.catalogue_version)
        gone = tx.catalogue.resources(home.key, names=["spare-1"])
        tx.bundles.carry_out(tx.bundles.prepare(home.key, Batch(removed=gone)))
        written.set()
        assert leave.wait(60)

    with crowd.opened(url) as one, crowd.opened(url) as other:
        removal = asyncio.create_task(one.write(remove))
        await until(written.is_set)
        want = crowd.Want("News", NOON, {"a": ("spare-1", 1, "")}, force=force)
        booking = asyncio.create_task(build(other, None).bookings.create(LOCAL, want.booking()))
        await until(lambda: waiting(url))
        leave.set()
        await removal
        with pytest.raises((Conflict, Invalid), match=r"it was removed|there is no resource"):
            await booking
    assert rows(url) == []
