# SPDX-License-Identifier: Apache-2.0
"""Who lives, what each reaches, and which scripts each has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from preroll.domain.reach import Labels, read
from preroll.ports.workers import Role, Unreached, Worker
from preroll.store import leases
from preroll.store.sql import Later, Row
from preroll.store.work import Work

_RUNNING = "from boundary b where b.state = 'running' and b.rank in (0, 1, 2) and b.worker = w.key"
_KNOWN = (
    f"select w.key, w.name, w.host, w.pid, w.version, w.lease_us, w.labels, w.role, (select count(*) {_RUNNING})"
    f" from worker w where w.lease_us > ? or exists (select 1 {_RUNNING}) order by w.key"
)
_LABELS = "select distinct labels from worker where lease_us > ? and role <> 'sender'"
_OFFERS = "select scripts from worker where lease_us > ? and key <> ? and role <> 'sender'"
_PLACES = (
    "with recursive place(labels) as (select min(labels) from resource where labels <> '' union all"
    " select (select min(r.labels) from resource r where r.labels <> '' and r.labels > p.labels) from place p"
    " where p.labels is not null) select labels from place where labels is not null"
)
"""The different labels of resources: one step along the index for each, however many resources there are."""
_NAMES = "select name from resource where labels = ? and labels <> '' order by name limit 5"
_COUNT = "select count(*) from resource where labels = ? and labels <> ''"
_OWN = "select labels, role, scripts, lease_us from worker where key = ?"


@dataclass(frozen=True, slots=True)
class Reach:
    """What one worker's claims may take."""

    worker: int
    role: Role = Role.HERE
    foreign: tuple[str, ...] = ()
    """Labels of resources that none of its runs can reach."""
    standing: tuple[Labels, ...] = ()
    """Where its runs run: its own labels; for a sender those of each live runner."""
    scripts: Mapping[str, str] | None = None
    """Name -> version; None: it has not said."""

    def reaches(self, needs: Labels) -> bool:
        """Is there one place from which all of this can be reached?"""
        return not needs or any(needs <= labels for labels in self.standing)

    def has(self, script: str, version: str) -> bool:
        """Has it this script, in this version if one is named?"""
        return self.scripts is None or _has(self.scripts, script, version)


def renewed(work: Work, worker: int, lease_us: int) -> Reach:
    """Renew a worker's lease when a quarter of it is over; returns what its claims may take.

    The heartbeat comes as often, so a claim that finds nothing seldom writes, and its commit waits for no disk.
    """
    places, own = work.db.later(_PLACES), work.db.one(_OWN, worker)
    if own is None:
        return Reach(worker)
    if own[3] < work.now + lease_us * 3 // 4:
        leases.renew(work, worker, lease_us)
    return _reach(work, worker, own, places)


def reach_of(work: Work, worker: int) -> Reach:
    """What a worker's claims may take."""
    places, own = work.db.later(_PLACES), work.db.one(_OWN, worker)
    return Reach(worker) if own is None else _reach(work, worker, own, places)


def _reach(work: Work, worker: int, own: Row, places: Later) -> Reach:
    role = Role(own[1])
    standing = tuple(_standing(work)) if role is Role.SENDER else (read(own[0]),)
    foreign = tuple(_beyond(places(), standing))
    return Reach(worker, role, foreign, standing, _scripts(own[2]) or None)


def elsewhere(work: Work, reach: Reach, script: str, version: str = "") -> bool:
    """Has this worker not got the script (in this version), and another live one has?"""
    if reach.has(script, version):
        return False
    rows = work.db.all(_OFFERS, work.now, reach.worker)
    return any(_has(_scripts(row[0]), script, version) for row in rows)


def _has(scripts: Mapping[str, str], script: str, version: str) -> bool:
    return script in scripts and version in ("", scripts[script])


def _scripts(text: str) -> Mapping[str, str]:
    return msgspec.json.decode(text, type=dict[str, str])


def _standing(work: Work) -> Iterator[Labels]:
    return (read(row[0]) for row in work.db.all(_LABELS, work.now))


def _beyond(places: Iterable[Row], standing: Iterable[Labels]) -> Iterator[str]:
    """The labels of resources that cannot be reached by anybody who stands there."""
    reached = tuple(standing)
    for (text,) in places:
        if not any(read(text) <= labels for labels in reached):
            yield text


class Workers:
    """The workers of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def known(self) -> list[Worker]:
        now = self._work.now
        return [
            Worker(key, name, host, pid, version, lease, lease > now, read(labels), Role(role), running)
            for key, name, host, pid, version, lease, labels, role, running in self._work.db.all(_KNOWN, now)
        ]

    def reach(self) -> list[Labels]:
        return list(_standing(self._work))

    def gone(self, worker: int | None) -> bool:
        row = self._work.db.one("select 1 from worker where key = ? and lease_us > ?", worker, self._work.now)
        return row is None

    def unreached(self) -> list[Unreached]:
        db = self._work.db
        found = []
        for text in _beyond(db.all(_PLACES), _standing(self._work)):
            names = tuple(name for (name,) in db.all(_NAMES, text))
            found.append(Unreached(read(text), names, db.all(_COUNT, text)[0][0]))
        return found
