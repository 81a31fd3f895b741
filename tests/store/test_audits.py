# SPDX-License-Identifier: Apache-2.0
"""Audits in both databases: armed by an event's success, run beside everything else, told when they change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.audit import AuditSpec, Round, Status, Verdict
from preroll.domain.auditing import audit_again, decide_audit
from preroll.domain.booking import Booking
from preroll.domain.boundaries import BoundaryState, Decision, Kind
from preroll.domain.machine import Outcome
from preroll.domain.window import SECOND
from preroll.ports.rows import Claimed, Claims, Judged
from tests import builders
from tests.store.world import LEASE, OFF_AIR, ON_AIR, PRE_ROLL, World, rule

PICTURE = AuditSpec("picture", "stream", {"source": "udp://here"})


@pytest.fixture
async def audited(world: World) -> World:
    """The world with a definition that asks for an audit after START."""
    asks = builders.definition(name="Audited", platform=world.platform.key, key=0, audits=(PICTURE,))
    world.definition = await world.store.write(lambda tx: tx.catalogue.put_definition(asks))
    return world


def with_audits(judged: Judged, now_us: int) -> Decision:
    if judged.boundary.kind is Kind.AUDIT:
        return decide_audit(judged.boundary, judged.booking, judged.definition)
    return rule(judged, now_us)


async def claim(world: World, at: int, worker: int | None = None) -> Claims:
    world.clock.us = at
    return await world.store.journal.claim(worker or world.worker, LEASE, with_audits, 100)


async def on_air(world: World, booking: Booking) -> Claimed:
    """Play until START has succeeded; returns the claimed audit."""
    for instant in (PRE_ROLL, ON_AIR):
        (run,) = (await claim(world, instant)).runs
        await world.settle(run)
    (run,) = (await claim(world, ON_AIR)).runs
    return run


async def end(world: World, run: Claimed, status: str, outcome: Outcome = Outcome.OK) -> None:
    said = {"status": status, "configuration": None, "asked": "START", "message": "it is dark"}
    await world.settle(run, outcome, returned=said if outcome is Outcome.OK else {})


async def told(world: World, booking: Booking) -> list[tuple[str, str, str]]:
    changes = await world.store.read(lambda tx: tx.changes.of(booking.id))
    return [(c.before, c.after, c.why) for c in changes if c.kind == "booking.audit"]


async def test_the_definition_is_kept_with_its_audits(audited: World) -> None:
    stored = await audited.store.read(lambda tx: tx.catalogue.definition(audited.platform.key, "Audited"))
    assert stored.audits == (PICTURE,)
    again = await audited.store.write(lambda tx: tx.catalogue.put_definition(replace(stored, key=0, id="")))
    assert again.version == 1
    more = replace(stored, audits=(PICTURE, AuditSpec("devices", "config")))
    assert (await audited.store.write(lambda tx: tx.catalogue.put_definition(more))).version == 2


async def test_an_audit_runs_beside_everything_and_moves_nothing(audited: World) -> None:
    made = await audited.book(on=["enc-1"])
    run = await on_air(audited, made)
    assert (run.judged.boundary.kind, run.judged.boundary.message) == (Kind.AUDIT, "START")
    assert await audited.holds() == {}, "it takes no device"
    before = await audited.booking(made)
    await audited.begin(run, "picture")
    await audited.end(run, "picture", result={"state": "Up"})
    audited.clock.us += SECOND
    await end(audited, run, "Up")
    assert await audited.booking(made) == before
    (row, *_) = await audited.store.read(lambda tx: tx.records.audits(made.key))
    assert (row.kind, row.script, row.target, row.outcome) == (Kind.AUDIT, "audits", "START", "ok")
    assert row.returned["status"] == "Up"
    assert await audited.store.read(lambda tx: tx.records.rounds(made.key)) == [
        Round(ON_AIR, "START", Verdict(Status.UP, None))
    ]
    assert await told(audited, made) == [("Pending", "Up", "it is dark")]


async def test_only_a_change_of_what_is_known_is_told(audited: World) -> None:
    made = await audited.book()
    await end(audited, await on_air(audited, made), "Up")
    for second, status in enumerate(("Up", "Down", "Down", "Pending"), 1):
        at = ON_AIR + second * SECOND
        await audited.store.write(
            lambda tx: tx.boundaries.upsert(audit_again(tx.boundaries.of(made.key), made.key, tx.now, "asked by me"))
        )
        (run,) = (await claim(audited, at)).runs
        assert run.judged.boundary.generation == second + 1, "one boundary, a new generation each time"
        await end(audited, run, status)
    assert [(was, now) for was, now, _ in await told(audited, made)] == [
        ("Pending", "Up"), ("Up", "Down"), ("Down", "Pending"),
    ]  # fmt: skip
    assert len(await audited.store.read(lambda tx: tx.records.audits(made.key))) == 5
    assert len(await audited.store.read(lambda tx: tx.records.audits(made.key, 2))) == 2


async def test_a_failed_round_says_nothing(audited: World) -> None:
    made = await audited.book()
    await end(audited, await on_air(audited, made), "", Outcome.FAILED)
    assert await audited.store.read(lambda tx: tx.records.rounds(made.key)) == [
        Round(ON_AIR, "START", Verdict(None, None))
    ]
    assert await told(audited, made) == []
    assert (await audited.booking(made)).service_state == "START"


async def test_what_was_found_before_an_event_is_not_told_after_it(audited: World) -> None:
    made = await audited.book()
    run = await on_air(audited, made)
    (stop,) = (await claim(audited, OFF_AIR)).runs
    assert stop.judged.boundary.kind is Kind.START_OF_POST_ROLL, "an audit that runs holds up no event"
    await end(audited, run, "Up")
    assert await told(audited, made) == []


async def test_a_lost_worker_loses_no_audit(audited: World) -> None:
    made = await audited.book()
    run = await on_air(audited, made)
    await audited.begin(run, "picture")
    await audited.end(run, "picture", result={"state": "Up"})
    other = await audited.enlist()
    (again,) = (await claim(audited, ON_AIR + LEASE + SECOND, other)).runs
    assert (again.run, again.resumed, [s.name for s in again.steps]) == (run.run, True, ["picture"])
    await end(audited, again, "Up")
    assert (await audited.boundary(made, Kind.AUDIT)).state is BoundaryState.DONE


async def test_what_was_applied_last_is_known(audited: World) -> None:
    made = await audited.book(on=["enc-1", "mux"])
    enc, mux = audited.resources["enc-1"].id, audited.resources["mux"].id
    assert await audited.store.read(lambda tx: tx.records.applied(made.key)) == []
    for instant, rate in ((PRE_ROLL, 1), (ON_AIR, 8)):
        (run,) = (await claim(audited, instant)).runs
        await audited.begin(run, "apply", resource=enc)
        await audited.end(run, "apply", result={"applied": {"rate": rate}})
        await audited.begin(run, "mine", resource=mux)
        await audited.end(run, "mine", result=[1])
        await audited.settle(run)
        audited.clock.us += SECOND
    found = await audited.store.read(lambda tx: tx.records.applied(made.key))
    assert found == [(enc, {"rate": 1}), (enc, {"rate": 8})]


async def test_a_booking_without_audits_arms_none(world: World) -> None:
    made = await world.book()
    await world.play(ON_AIR)
    assert Kind.AUDIT not in await world.boundaries(made)
