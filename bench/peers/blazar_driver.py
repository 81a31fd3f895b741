# SPDX-License-Identifier: Apache-2.0
"""Drives Blazar in an environment of its own.

``python blazar_driver.py FILE BOOKINGS TURNS SECONDS`` prints the seconds of each turn as JSON.

It takes seconds a turn when it is full, so it takes no turn that would begin after so many SECONDS of them.
100 hosts, one-hour leases with an hour between them, on SQLite as it sets it up, without Nova, Keystone or RabbitMQ.
Checked is whether one host is free in one hour, by its query of free periods; written is the same check, the lease with
its reservation and events, and the allocation of the host. Its own search among all hosts, which takes seconds, is
left out: the others do not search either.
"""

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from blazar.db import api, utils
from blazar.db.sqlalchemy import facade_wrapper, models
from oslo_config import cfg
from oslo_db import options
from sqlalchemy import insert

HOSTS = 100
FIRST = datetime(2030, 1, 1)  # noqa: DTZ001 - Blazar's own times have no zone
HOUR = timedelta(hours=1)
EVENTS = ("start_lease", "before_end_lease", "end_lease")


def named(number: int) -> str:
    """An id."""
    return str(UUID(int=number))


def lease(number: int, start: datetime) -> dict[str, Any]:
    """An hour of a lease, as its manager writes it."""
    times = (start, start + HOUR / 2, start + HOUR)
    events = zip(EVENTS, times, strict=True)
    return {
        "id": named(number), "name": f"L{number}", "start_date": start, "end_date": start + HOUR, "status": "PENDING",
        "user_id": "bench", "project_id": "bench", "trust_id": "bench", "degraded": False,
        "reservations": [{"id": named(number), "resource_type": "physical:host", "status": "pending"}],
        "events": [{"event_type": kind, "time": when, "status": "UNDONE"} for kind, when in events],
    }  # fmt: skip


def rows(bookings: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    """What a filled database holds, each with its table."""
    for number in range(HOSTS):
        yield models.ComputeHost, {
            "id": named(number), "vcpus": 8, "cpu_info": "", "hypervisor_type": "QEMU", "hypervisor_version": 1,
            "hypervisor_hostname": f"h{number}", "memory_mb": 8192, "local_gb": 100, "availability_zone": "nova",
            "trust_id": "bench", "reservable": True,
        }  # fmt: skip
    for number in range(bookings):
        made = lease(number, FIRST + number // HOSTS * 2 * HOUR)
        (reservation,), events = made.pop("reservations"), made.pop("events")
        yield models.Lease, made
        yield models.Reservation, {**reservation, "lease_id": made["id"]}
        yield models.ComputeHostAllocation, {
            "id": named(number), "compute_host_id": named(number % HOSTS), "reservation_id": reservation["id"]
        }  # fmt: skip
        for index, event in enumerate(events):
            yield models.Event, {**event, "id": named(number * len(EVENTS) + index), "lease_id": made["id"]}


def fill(bookings: int) -> None:
    """Write the tables in bulk."""
    written = rows(bookings)
    while some := list(islice(written, 60_000)):
        by_table: dict[Any, list[dict[str, Any]]] = {}
        for table, row in some:
            by_table.setdefault(table, []).append(row)
        with facade_wrapper.session_for_write() as session:
            for table, found in by_table.items():
                session.execute(insert(table), found)


def free(host: int, start: datetime) -> bool:
    """Is the host free in this hour?"""
    return bool(utils.get_free_periods(named(host), start, start + HOUR, HOUR) == [(start, start + HOUR)])


def main(file: str, bookings: int, turns: int, longest: float) -> None:
    """Take turns with checking and writing."""
    options.set_defaults(cfg.CONF, connection=f"sqlite:///{file}")
    api.setup_db()
    fill(bookings)
    checks: list[float] = []
    writes: list[float] = []
    for turn in range(turns):
        if sum(checks) + sum(writes) > longest:
            break
        host, start = turn % HOSTS, FIRST + (turn * 14 % (bookings // HOSTS * 2) // 2 * 2 + 1) * HOUR
        began = time.perf_counter()
        assert free(host, start)
        checks.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert free(host, start)
        made = api.lease_create(lease(bookings + turn, start))
        reservation = made["reservations"][0]["id"]
        api.host_allocation_create({"compute_host_id": named(host), "reservation_id": reservation})
        writes.append(time.perf_counter() - began)
    print(json.dumps({"check": checks, "write": writes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
