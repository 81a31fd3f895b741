# SPDX-License-Identifier: Apache-2.0
"""Audits: have a booking's service looked at now, and read what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preroll.app import sight
from preroll.app.asking import Ask, command
from preroll.app.edits import open_booking
from preroll.app.views import BookingDetails, details
from preroll.domain.audit import AuditSpec, Configuration, Finding, Status, Verdict
from preroll.domain.auditing import asked_by, audit_again, checks_of, is_audited_soon, stands
from preroll.domain.booking import Booking
from preroll.domain.changes import Change
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import ActionNotPossible
from preroll.domain.permission import Actor
from preroll.ports.store import RunRow, StepRow, Store, Tx


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a round: what was looked at, what was expected and found, when."""

    name: str
    kind: str
    state: Finding | None
    """None: its turn has not come."""
    what: str = ""
    expected: str = ""
    found: str = ""
    message: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    tries: int = 0
    at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of checks, with what it says about the service as it was then."""

    run: str
    asked: str
    """The event after which it was made, or who asked."""
    service_state: str
    began_us: int
    ended_us: int | None
    status: Status | None
    configuration: Configuration | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Audits:
    """What is known of a booking's service."""

    booking: str
    known: Verdict | None
    """None: there is no service now, or nothing that would look at it."""
    waiting: bool
    """An audit is due or under way: there will be a newer round."""
    rounds: tuple[Round, ...]
    """Newest first."""


class Auditing:
    """Ask for audits, and read them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, by: Actor, ident: str, ask: Ask[BookingDetails] | None = None) -> BookingDetails:
        """Have all checks of a running booking made now; an audit that waits already is the one.

        Raises:
            ActionNotPossible: it does not run, or its definition has no audits.
        """

        def unit(tx: Tx) -> BookingDetails:
            booking = open_booking(tx, by, ident, None, "audit")
            if not _specs(tx, booking):
                raise ActionNotPossible(
                    "there is nothing to audit: the service definition has no audits",
                    hint="add audits to the definition; a booking keeps the version that it was made with",
                )
            armed = audit_again(tx.boundaries.of(booking.key), booking.key, tx.now, asked_by(by.name))
            tx.boundaries.upsert(armed)
            if armed:
                asked = Change("booking.audit_asked", booking.id, booking.platform, by.name, revision=booking.revision)
                tx.changes.add(asked)
            return details(tx, booking)

        return await command(self._store, by, unit, ask)

    async def of(self, by: Actor, ident: str, limit: int = 20) -> Audits:
        """What the audits of a booking found, the newest rounds first."""

        def query(tx: Tx) -> Audits:
            return audits_of(tx, sight.booking(tx, by, ident), limit)

        return await self._store.read(query)


def audits_of(tx: Tx, booking: Booking, limit: int) -> Audits:
    """What the audits of a booking, or of the service that it carries, found."""
    specs, boundaries = _specs(tx, booking), tx.boundaries.of(booking.key)
    runs = tx.records.audits(booking.key, limit)
    steps = tx.records.steps([run.id for run in runs])
    rounds = tuple(_round(run, [s for s in steps if s.run == run.id], specs) for run in runs)
    return Audits(
        booking.id,
        stands(booking, boundaries, tx.records.rounds(booking.key)) if specs else None,
        is_audited_soon(boundaries, tx.now),
        rounds,
    )


def _specs(tx: Tx, booking: Booking) -> tuple[AuditSpec, ...]:
    definition: ServiceDefinition | None = None
    if booking.definition is not None:
        definition = tx.catalogue.definition_by_key(booking.definition)
    return checks_of(booking, definition)


def _round(run: RunRow, steps: list[StepRow], specs: tuple[AuditSpec, ...]) -> Round:
    said, made = run.returned, {step.name: step for step in steps}
    names = said.get("checks")
    chosen = [s for s in specs if s.name in (names if isinstance(names, Mapping) else made)]
    status, configuration = said.get("status"), said.get("configuration")
    return Round(
        run=run.id,
        asked=str(said.get("asked", "")),
        service_state=run.target,
        began_us=run.began_us,
        ended_us=run.ended_us,
        status=Status(str(status)) if status else None,
        configuration=Configuration(str(configuration)) if configuration else None,
        checks=tuple(_check(spec, made.get(spec.name)) for spec in chosen),
    )


def _check(spec: AuditSpec, step: StepRow | None) -> Check:
    if step is None or step.ended_us is None:
        return Check(spec.name, spec.kind, None)
    if not isinstance(step.result, Mapping):
        return Check(spec.name, spec.kind, Finding.UNKNOWN, message=step.error, at_us=step.ended_us)
    audit = step.result
    return Check(
        spec.name, spec.kind, Finding(audit["state"]), audit["what"], audit["expected"], audit["found"],
        audit["message"], audit["evidence"], audit["tries"], step.ended_us,
    )  # fmt: skip
