# SPDX-License-Identifier: Apache-2.0
"""What is known of a service by its audits: its differences with their approvals, and the alarms that follow.

Functions of a transaction, shared by the use cases and by the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.domain.audit import CONFIG, AuditSpec, Configuration, Finding, Status, Verdict
from preroll.domain.auditing import stands
from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary
from preroll.domain.changes import Change
from preroll.domain.differences import (
    ALARM_TO_DO,
    Alarm,
    AlarmKind,
    Difference,
    Known,
    alarms_after,
    carried_over,
    differences_in,
    drift_hash,
    with_approvals,
)
from preroll.domain.errors import NotFound
from preroll.domain.ordered import Service
from preroll.domain.permission import ENGINE, Actor
from preroll.domain.service_instance import EXISTS
from preroll.ports.rows import Claimed
from preroll.ports.scripts import Report
from preroll.ports.store import StepRow, Tx

SHOWN = 5
"""So many differences are named in an alarm."""
NOTHING: Mapping[AlarmKind, str] = {}


@dataclass(frozen=True, slots=True)
class Drift:
    """How the devices of a service differ from what was left on them, as its newest audit has found it."""

    known: tuple[Known, ...] = ()
    hash: str = ""
    """Says which differences these are; empty: there are none, or nothing is known since its last change."""


def drift_of(tx: Tx, service: Service, carrier: Booking) -> Drift:
    """What is known since the service was last changed."""
    known = [one for one in tx.service_audits.differences(service.key) if one.since_us >= carrier.changed_us]
    return Drift(tuple(known), drift_hash(one.difference for one in known))


def known_of(tx: Tx, carrier: Booking, boundaries: Sequence[Boundary], drift: Drift) -> Verdict | None:
    """What its audits say now, with what is approved."""
    verdict = stands(carrier, boundaries, tx.records.rounds(carrier.key))
    return verdict and with_approvals(verdict, drift.known, tx.now)


def concluded(tx: Tx, claimed: Claimed, report: Report, checks: Sequence[AuditSpec], verdict: Verdict) -> Report:
    """Write down what an audit of a service has found; one of a service that has changed meanwhile says nothing.

    Returns:
        The report, with *approved* in it where all that differs is approved.
    """
    ident, fence = claimed.judged.booking.id, claimed.fence
    try:
        service = tx.services.get(ident)
    except NotFound:
        return report
    carrier = tx.bookings.several({ident})[0]
    mine = any(b.key == fence.boundary and b.epoch == fence.epoch for b in tx.boundaries.of(carrier.key))
    if not mine or service.state not in EXISTS or carrier.changed_us > claimed.began_us:
        return report
    if verdict.configuration in (Configuration.IN_SYNC, Configuration.OUT_OF_SYNC):
        fresh = [one for one in tx.service_audits.differences(service.key) if one.since_us >= carrier.changed_us]
        found = differences_in(_evidence(tx, claimed.run, checks))
        known = carried_over(fresh, found, claimed.began_us)
        tx.service_audits.keep_differences(service.key, known)
        verdict = with_approvals(verdict, known, tx.now)
    _settle(tx, service, verdict, _told(tx, claimed.run, service, checks, verdict), ENGINE, f"AUDIT {claimed.run}")
    return replace(report, returned={**report.returned, APPROVED: verdict.configuration is Configuration.APPROVED})


APPROVED = "approved"
"""In what an audit has returned: is all that differs approved?"""


def reconsidered(tx: Tx, service: Service, by: Actor, cause: str) -> None:
    """Approvals of a service's differences were given, or have ended: raise or clear its alarm."""
    carrier = tx.bookings.get(service.id, hidden=True)
    known = known_of(tx, carrier, tx.boundaries.of(carrier.key), drift_of(tx, service, carrier))
    if known is not None:
        news = replace(known, status=None)
        _settle(tx, service, news, {AlarmKind.DRIFT: _drift_told(tx, service)}, by, cause)


def forgotten(tx: Tx, service: Service, cause: str) -> None:
    """A service has changed, or is gone: what was known of it is not any more, and nobody is alarmed by it."""
    tx.service_audits.keep_differences(service.key, [])
    _keep(tx, service, [], ENGINE, cause)


def _settle(
    tx: Tx, service: Service, verdict: Verdict, what: Mapping[AlarmKind, str], by: Actor, cause: str
) -> None:  # fmt: skip
    before = tx.service_audits.alarms(service.key)
    _keep(tx, service, alarms_after(before, verdict, what, tx.now), by, cause)


def _keep(tx: Tx, service: Service, after: Sequence[Alarm], by: Actor, cause: str) -> None:
    """Store alarms; tell of those that are new, and of those that are over."""
    before = tx.service_audits.alarms(service.key)
    if list(after) == before:
        return
    tx.service_audits.keep_alarms(service.key, after)
    was, now = {one.kind: one for one in before}, {one.kind: one for one in after}
    for kind in AlarmKind:
        if (kind in was) != (kind in now):
            raised = kind in now
            name = "service.alarm" if raised else "service.alarm_cleared"
            why = f"{now[kind].what}; {ALARM_TO_DO[kind]}" if raised else ""
            pair = ("", kind.value) if raised else (kind.value, "")
            tx.changes.add(Change(name, service.id, service.platform, by.name, *pair, why, cause, service.revision))


def _told(
    tx: Tx, run: str, service: Service, checks: Sequence[AuditSpec], verdict: Verdict
) -> Mapping[AlarmKind, str]:  # fmt: skip
    found = dict[AlarmKind, str]()
    if verdict.status is Status.DOWN:
        of_service = {check.name for check in checks if check.kind != CONFIG}
        wrong = [f"{s.name}: {_word(s)}" for s in tx.records.steps([run]) if s.name in of_service and _word(s)]
        found[AlarmKind.DOWN] = f"its checks found it down: {'; '.join(wrong)}" if wrong else "its checks found it down"
    if verdict.configuration is Configuration.OUT_OF_SYNC:
        found[AlarmKind.DRIFT] = _drift_told(tx, service)
    return found


def _word(step: StepRow) -> str:
    """What a check that is not Up says; empty: it is."""
    if not isinstance(step.result, Mapping):
        return step.error
    return "" if step.result.get("state") == Finding.UP else str(step.result.get("message", ""))


def _drift_told(tx: Tx, service: Service) -> str:
    """What differs and is not approved, in words."""
    open_ = [k.difference for k in tx.service_audits.differences(service.key) if not k.is_approved(tx.now)]
    return f"its devices are not as they were left: {said(open_)}"


def said(differences: Sequence[Difference]) -> str:
    """Differences in words, not too many."""
    more = [f"{len(differences) - SHOWN} more"] if len(differences) > SHOWN else []
    return "; ".join([*map(str, differences[:SHOWN]), *more]) or "an audit tells how"


def _evidence(tx: Tx, run: str, checks: Iterable[AuditSpec]) -> list[Mapping[str, object]]:
    """The differences that the checks of a run have found on devices."""
    names = {check.name for check in checks if check.kind == CONFIG}
    found: list[Mapping[str, object]] = []
    for step in tx.records.steps([run]):
        evidence = step.result.get("evidence") if isinstance(step.result, Mapping) else None
        rows = evidence.get("differences") if step.name in names and isinstance(evidence, Mapping) else None
        found += [row for row in rows or () if isinstance(row, Mapping)]
    return found
