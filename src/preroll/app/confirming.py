# SPDX-License-Identifier: Apache-2.0
"""Confirm in two units with a run between them: the created booking actions of a booking's nodes (SPEC 3.3).

The first unit validates and arms a boundary, due now; the scripts run outside any transaction; the second validates
what they ask for, and commits all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from preroll.app import holding, quarantine
from preroll.app.edits import Edit, initial, prepared
from preroll.app.recording import fire, store, tell
from preroll.domain.booking import LIFE_CYCLE, WAITING, Booking, NodeChoice, Trigger
from preroll.domain.boundaries import BoundaryState, retime
from preroll.domain.created import CONFIRMING, PATCH, armed
from preroll.domain.errors import Invalid, Mistake, NotReady, Refused
from preroll.domain.machine import Outcome
from preroll.domain.permission import Actor
from preroll.ports.rows import Claimed
from preroll.ports.scripts import Report
from preroll.ports.store import Store, Tx


def begun(tx: Tx, by: Actor, booking: Booking) -> Booking:
    """The booking is being confirmed: its created booking actions run, and until they have ended nobody edits it."""
    after = store(tx, booking, replace(booking, entering=CONFIRMING))
    if tx.losses.of(after.key):
        quarantine.regain(tx, after, holding.needs_of(tx, after))
    tx.boundaries.upsert([armed(after.key, tx.now, by.name)])
    tell(tx, by, "booking.confirming", after, after.state, CONFIRMING, cause=Trigger.CONFIRM)
    return after


async def concluded(store_: Store, claimed: Claimed, report: Report, installed: Collection[str] | None) -> Report:
    """What came of the actions, written down; the same again when it was written before a crash.

    Returns:
        The report as it is to be settled: its patch is taken, and it has failed too when that cannot be.
    """
    return await store_.write(lambda tx: _conclude(tx, claimed, report, installed))


def _conclude(tx: Tx, claimed: Claimed, report: Report, installed: Collection[str] | None) -> Report:
    booking, fence = tx.bookings.by_key(claimed.judged.booking.key), claimed.fence
    boundary = next((b for b in tx.boundaries.of(booking.key) if b.key == fence.boundary), None)
    told = replace(report, properties={})
    mine = boundary is not None and boundary.epoch == fence.epoch and boundary.state is BoundaryState.RUNNING
    if boundary is None or not mine or booking.entering != CONFIRMING or booking.state not in WAITING:
        return told
    by = Actor(boundary.message)
    if report.outcome is Outcome.FAILED:
        _failed(tx, by, booking, report.message)
        return told
    try:
        _confirmed(tx, by, booking, _change(claimed, report), installed)
    except Refused as refused:
        after = store(tx, booking, replace(booking, entering=""))
        tell(tx, by, "booking.not_confirmed", after, after.state, after.state, str(refused), Trigger.CONFIRM)
        return replace(told, outcome=Outcome.FAILED, message=f"not confirmed: {refused}")
    return told


def _failed(tx: Tx, by: Actor, booking: Booking, message: str) -> None:
    state = LIFE_CYCLE.fire(booking.state, Trigger.CONFIRM, Outcome.FAILED)
    after = store(tx, booking, replace(booking, state=state, entering=""))
    tell(tx, by, "booking.state", after, booking.state, after.state, message, Trigger.CONFIRM)


def _confirmed(tx: Tx, by: Actor, before: Booking, change: Edit, installed: Collection[str] | None) -> None:
    """Have the booking confirmed with what its actions ask for.

    Raises:
        Refused: it cannot be; nothing was written.
    """
    after, definition, boundaries = prepared(tx, before, change)
    verdict = quarantine.weigh(tx, by, before, after, force=False)
    if lost := holding.missing(tx, after, definition, installed):
        raise NotReady(lost)
    after = fire(tx, by, before, initial(tx, replace(after, entering="")), Trigger.CONFIRM)
    if not verdict.untouched:
        tx.reservations.hold(after, verdict.needs)
    tx.boundaries.upsert(retime(boundaries, after.key, after.timing, armed=True))


def _change(claimed: Claimed, report: Report) -> Edit:
    """What the actions ask for, as the edit of a person.

    Raises:
        Invalid: it has not the shape of a patch.
    """
    booking, patch = claimed.judged.booking, report.returned.get(PATCH)
    nodes: dict[str, NodeChoice | None] = {}
    for label, asked in (patch if isinstance(patch, Mapping) else {}).items():
        nodes[label] = _choice(booking.nodes.get(label) or NodeChoice(), asked)
    return Edit(nodes=nodes or None, properties=report.properties or None)


def _choice(choice: NodeChoice, asked: Any) -> NodeChoice:
    if not isinstance(asked, Mapping):
        raise Invalid([Mistake(PATCH, f"is {asked!r}", "a resource and values")])
    resource, values = asked.get("resource"), asked.get("values") or {}
    return replace(choice, resource=resource or choice.resource, values={**choice.values, **values})
