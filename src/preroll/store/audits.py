# SPDX-License-Identifier: Apache-2.0
"""Audits in the store: armed when an event has succeeded, told in the change log when what is known changes."""

from __future__ import annotations

from collections.abc import Iterable

from preroll.domain.audit import Configuration, Round, Status, Verdict
from preroll.domain.auditing import ORDINAL, audit_again, next_audits, stands
from preroll.domain.booking import Booking
from preroll.domain.boundaries import STANDARD, Boundary, Kind
from preroll.domain.changes import Change
from preroll.domain.machine import Outcome
from preroll.domain.permission import ENGINE
from preroll.ports.rows import Settlement
from preroll.store.boundaries import Boundaries
from preroll.store.catalogue import Catalogue
from preroll.store.changes import Changes
from preroll.store.documents import VALUES
from preroll.store.platforms import Platforms
from preroll.store.work import Work

MOST = 20
"""Rounds that are looked at for what is known now."""
_ROUNDS = (
    "select r.began_us, r.target, r.returned from run r where r.boundary in"
    " (select b.key from boundary b where b.booking = ? and b.ordinal = ?)"
    " and r.outcome <> 'running' and r.id <> ? order by r.began_us desc, r.generation desc, r.try_ desc limit ?"
)

Ended = tuple[Boundary, Booking, Outcome, Settlement | None]


def follow(work: Work, endings: Iterable[Ended]) -> None:
    """What the ends of these boundaries mean for the audits of their bookings."""
    audited: list[tuple[Booking, Settlement | None]] = []
    succeeded: dict[int, list[tuple[Boundary, Booking]]] = {}
    for boundary, booking, outcome, settlement in endings:
        if boundary.kind is Kind.AUDIT:
            audited.append((booking, settlement))
        elif booking.definition is not None and boundary.kind in STANDARD and outcome is Outcome.OK:
            succeeded.setdefault(booking.definition, []).append((boundary, booking))
    if succeeded:
        _arm(work, succeeded)
    for booking, settlement in audited:
        _tell(work, booking, settlement)


def _arm(work: Work, succeeded: dict[int, list[tuple[Boundary, Booking]]]) -> None:
    definitions = Catalogue(work, Platforms(work)).definitions_by_key(succeeded)
    timetable = Boundaries(work)
    armed = [
        audit
        for key, definition in definitions.items()
        if definition.audits
        for boundary, booking in succeeded[key]
        if boundary.trigger is not None and definition.audits_after(boundary.event.name)
        for audit in audit_again(timetable.of(booking.key), booking.key, work.now, boundary.event.name)
    ]
    if armed:
        timetable.upsert(armed)


def _tell(work: Work, booking: Booking, settlement: Settlement | None) -> None:
    boundaries = Boundaries(work).of(booking.key)
    if waiting := next_audits(boundaries, work.now):
        Boundaries(work).upsert(waiting)
    if settlement is None:
        return
    earlier = rounds(work, booking.key, but=settlement.run)
    before, after = stands(booking, boundaries, earlier), stands(booking, boundaries, rounds(work, booking.key))
    if before is None or after is None or before == after:
        return
    told = str(settlement.returned.get("message", ""))
    owner, cause = booking.carries or "booking", f"AUDIT {settlement.run}"
    changes = [
        Change(
            f"{owner}.{what}", booking.id, booking.platform, ENGINE.name, was.value, now.value, told, cause,
            booking.revision,
        )
        for what, was, now in (
            ("audit", before.status, after.status),
            ("configuration", before.configuration, after.configuration),
        )
        if was is not None and now is not None and was is not now
    ]  # fmt: skip
    if changes:
        Changes(work).add_all(changes)


def rounds(work: Work, booking: int, *, but: str = "") -> list[Round]:
    """The rounds of a booking that have ended, newest first."""
    rows = work.db.all(_ROUNDS, booking, ORDINAL, but, MOST)
    return [round_of(*row) for row in rows]


def round_of(began_us: int, target: str, returned: str) -> Round:
    """A round as its run tells of it."""
    return Round(began_us, target, _verdict(VALUES.decode(returned)))


def _verdict(returned: object) -> Verdict:
    said = returned if isinstance(returned, dict) else {}
    status, configuration = said.get("status"), said.get("configuration")
    return Verdict(Status(status) if status else None, Configuration(configuration) if configuration else None)
