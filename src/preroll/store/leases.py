# SPDX-License-Identifier: Apache-2.0
"""Workers and their leases: a lease of the past is a worker whose runs anyone may take over."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from preroll.domain.reach import Labels, written
from preroll.ports.workers import Role
from preroll.store.work import Work


def enlist(work: Work, name: str, host: str, pid: int, version: str, lease_us: int, labels: Labels, role: Role) -> int:
    """Register a worker; returns its key."""
    row = work.db.one(
        "insert into worker (name, host, pid, version, lease_us, labels, role) values (?, ?, ?, ?, ?, ?, ?)"
        " returning key",
        name, host, pid, version, work.now + lease_us, written(labels), role.value,
    )  # fmt: skip
    assert row is not None  # noqa: S101 - it was inserted
    return int(row[0])


def offer(work: Work, worker: int, scripts: Mapping[str, str]) -> None:
    """Tell which scripts it has, name -> version."""
    work.db.send("update worker set scripts = ? where key = ?", msgspec.json.encode(scripts).decode(), worker)
    work.due = True


def renew(work: Work, worker: int, lease_us: int) -> None:
    """Its lease is good for another while."""
    work.db.send("update worker set lease_us = ? where key = ?", work.now + lease_us, worker)


def retire(work: Work, worker: int) -> None:
    """Its lease is over now."""
    work.db.send("update worker set lease_us = ? where key = ? and lease_us > ?", work.now, worker, work.now)
    work.due = True


def bury(work: Work, survivor: int) -> int:
    """The leases of all others are over now."""
    work.due = True
    return work.db.run("update worker set lease_us = ? where key <> ? and lease_us > ?", work.now, survivor, work.now)
