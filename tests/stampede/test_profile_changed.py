# SPDX-License-Identifier: Apache-2.0
"""A profile that is changed in the instant in which somebody books with it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

from preroll.app import build
from preroll.app.bookings import NewBooking
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.permission import LOCAL
from preroll.ports.bundles import Batch
from preroll.ports.store import Tx
from tests.builders import NOON
from tests.stampede import crowd
from tests.stampede.test_removed import until, waiting
from tests.stampede.test_stampede import rows


async def test_who_books_in_the_meantime_holds_what_the_profile_says_now(url):
    written, leave = threading.Event(), threading.Event()

    def change(tx: Tx) -> None:
        home = tx.platforms.get("default")
        tx.bundles.advance(home.key, home.catalogue_version)
        tx.reservations.lock_all(home.key)
        (link,) = tx.catalogue.profile_instances(home.key)
        tx.bundles.carry_out(tx.bundles.prepare(home.key, Batch(changed=[replace(link, values={"rate": 7})])))
        written.set()
        assert leave.wait(60)

    with crowd.opened(url) as one, crowd.opened(url) as other:
        app = build(other, None)
        node = {"a": NodeChoice("spare-1", "Link", {})}
        await app.bookings.create(LOCAL, NewBooking("Warm", Timing(NOON, NOON + crowd.HOUR), nodes=node))
        changing = asyncio.create_task(one.write(change))
        await until(written.is_set)
        booking = asyncio.create_task(
            app.bookings.create(LOCAL, NewBooking("News", Timing(NOON, NOON + crowd.HOUR), nodes=node))
        )
        await until(lambda: waiting(url))
        leave.set()
        await changing
        await booking
    # the first one holds no rate: the change was written without what brings bookings in line
    amounts = sorted(row[4] for row in rows(url) if row[1] == "rate")
    assert amounts == [7_000_000]
