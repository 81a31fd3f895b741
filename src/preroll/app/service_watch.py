# SPDX-License-Identifier: Apache-2.0
"""What the engine does for services by itself: their audits are planned, and approvals end when their time is over.

Each is a short transaction over a few services, and can be made by any engine, and again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from preroll.app import service_drift
from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.auditing import PLANNED, audit_planned
from preroll.domain.booking import Booking
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.permission import ENGINE
from preroll.ports.store import Store, Tx

BATCH = 50
"""Services in one transaction: it does not hold others up for longer than a command does."""


class ServiceWatch:
    """Work of the engine for services that nobody asks for."""

    def __init__(self, store: Store, batch: int = BATCH) -> None:
        self._store, self._batch = store, batch

    async def sweep(self) -> bool:
        """Plan the audits of some services, and end some approvals; is there more to be done at once?"""
        in_use = await self._store.read(lambda tx: tx.service_audits.definitions())
        more = [
            await self._store.write(partial(self._plan, platform, definition))
            for platform, definitions in in_use.items()
            for definition in definitions
            if await self._store.read(partial(self._is_unplanned, platform, definition))
        ]
        if await self._store.read(lambda tx: bool(tx.service_audits.lapsed(1))):
            more.append(await self._store.write(self._lapse))
        return any(more)

    def _is_unplanned(self, platform: int, definition: int, tx: Tx) -> bool:
        return bool(tx.service_audits.unplanned(platform, definition, _said(_schedule(tx, platform, definition)), 1))

    def _plan(self, platform: int, definition: int, tx: Tx) -> bool:
        home, schedule = tx.platforms.by_key(platform), _schedule(tx, platform, definition)
        waiting = tx.service_audits.unplanned(platform, definition, _said(schedule), self._batch)
        for carrier in tx.bookings.several(waiting):
            due_us = _next(tx, carrier, schedule, home) if schedule else None
            existing = tx.boundaries.of(carrier.key)
            tx.boundaries.upsert(audit_planned(existing, carrier.key, due_us, _said(schedule)))
        return len(waiting) == self._batch

    def _lapse(self, tx: Tx) -> bool:
        lapsed = tx.service_audits.lapsed(self._batch)
        for key in lapsed:
            service = tx.services.by_key(key)
            tx.bookings.several({service.id})
            known = tx.service_audits.differences(key)
            open_ = [replace(one, allowance=one.allowance if one.is_approved(tx.now) else None) for one in known]
            ended = [one.difference for one in known if one.allowance and not one.is_approved(tx.now)]
            tx.service_audits.keep_differences(key, open_)
            why = service_drift.said(ended)
            tx.changes.add(
                Change("service.approval_ended", service.id, service.platform, ENGINE.name, why=why, cause="its end",
                       revision=service.revision)
            )  # fmt: skip
            service_drift.reconsidered(tx, service, ENGINE, "approval ended")
        return len(lapsed) == self._batch


def schedule_of(home: Platform, definition: ServiceDefinition) -> AuditSchedule:
    """When services of a definition are audited by themselves; one that is empty: never."""
    own = definition.service_audits
    return home.config.service_audits if own is None else own


def _schedule(tx: Tx, platform: int, definition: int) -> AuditSchedule:
    return schedule_of(tx.platforms.by_key(platform), tx.catalogue.definition_by_key(definition))


def _said(schedule: AuditSchedule) -> str:
    return f"{PLANNED}{schedule}" if schedule else ""


def _next(tx: Tx, carrier: Booking, schedule: AuditSchedule, home: Platform) -> int:
    newest = tx.records.audits(carrier.key, 1)
    return schedule.next_us(newest[0].began_us if newest else carrier.changed_us, tx.now, home.zone)
