# SPDX-License-Identifier: Apache-2.0
"""Drives libres in an environment of its own.

``python libres_driver.py URL BOOKINGS TURNS SECONDS`` prints the seconds of each turn as JSON.

100 resources, one allocation a day, one-hour bookings with an hour between them. Checked is a window that is taken,
written one that is free: reserved, approved and committed, as its documentation does.
"""

import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import libres
from libres.modules.errors import AlreadyReservedError
from sqlalchemy import text

RESOURCES, A_DAY = 100, 12
FIRST = datetime(2030, 1, 1)  # noqa: DTZ001 - the scheduler has the zone
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

DAYS = """
insert into allocations (resource, type, mirror_of, "group", quota, quota_limit, partly_available, approve_manually,
 timezone, data, _start, _end, _raster, created)
select resource, type, mirror_of, gen_random_uuid(), quota, quota_limit, partly_available, approve_manually, timezone,
 data, _start + n * interval '1 day', _end + n * interval '1 day', _raster, created
from allocations cross join generate_series(1, :days - 1) n
"""
SLOTS = """
insert into reserved_slots (resource, start, "end", allocation_id, source_type, reservation_token, source_id, created)
select resource, _start + n * interval '2 hours', _start + n * interval '2 hours' + interval '59 minutes 59.999999',
 id, 'reservation', gen_random_uuid(), 0, now()
from allocations cross join generate_series(0, 11) n
"""


def filled(url: str, days: int) -> list[Any]:
    """One scheduler for each resource, all of them booked."""
    context = libres.registry.register_context("bench")
    context.set_setting("dsn", url.replace("postgresql://", "postgresql+psycopg2://"))
    schedulers = [libres.new_scheduler(context, f"r{n}", timezone="UTC") for n in range(RESOURCES)]
    schedulers[0].setup_database()
    for scheduler in schedulers:
        scheduler.allocate((FIRST, FIRST + DAY), partly_available=True, raster=60)
        scheduler.commit()
    session = schedulers[0].session
    session.execute(text(DAYS), {"days": days})
    session.execute(text(SLOTS))
    session.commit()
    session.execute(text("analyze"))
    session.commit()
    return schedulers


def main(url: str, bookings: int, turns: int, longest: float) -> None:
    """Take turns with checking and writing."""
    days = bookings // RESOURCES // A_DAY + 1
    schedulers = filled(url, days)
    checks: list[float] = []
    writes: list[float] = []
    for turn in range(turns):
        if sum(checks) + sum(writes) > longest:
            break
        scheduler = schedulers[turn % RESOURCES]
        start = FIRST + turn * 7 % days * DAY + turn % A_DAY * 2 * HOUR
        began = time.perf_counter()
        try:
            scheduler.reserve("bench@example.org", (start, start + HOUR))
        except AlreadyReservedError:
            checks.append(time.perf_counter() - began)
        scheduler.rollback()
        began = time.perf_counter()
        token = scheduler.reserve("bench@example.org", (start + HOUR, start + 2 * HOUR))
        scheduler.approve_reservations(token)
        scheduler.commit()
        writes.append(time.perf_counter() - began)
    print(json.dumps({"check": checks, "write": writes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
