# SPDX-License-Identifier: Apache-2.0
"""What a round of checks says, how long it holds, and when the next one is made."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from preroll.domain.audit import (
    AUDIT,
    AuditSpec,
    AuditTrigger,
    Configuration,
    Finding,
    OnUnknown,
    Round,
    Status,
    Verdict,
    judge,
    references,
    split,
    standing,
)
from preroll.domain.auditing import AUDITS, audit_again, decide_audit, event_of, next_audits, stands
from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind, Nothing, Run
from preroll.domain.machine import Outcome
from tests.builders import NOON, booking, boundary, definition

UP, DOWN, UNKNOWN = Finding
PICTURE, SOUND, DEVICES = AuditSpec("picture", "stream"), AuditSpec("sound", "stream"), AuditSpec("devices", "config")


@pytest.mark.parametrize(("first", "second", "third"), list(product(Finding, repeat=3)))
def test_the_two_verdicts_are_independent(first: Finding, second: Finding, third: Finding) -> None:
    found = {"picture": first, "sound": second, "devices": third}
    verdict = judge([PICTURE, SOUND, DEVICES], found)
    assert verdict.status is (Status.UP if {first, second} == {UP} else Status.DOWN)
    assert verdict.configuration is {
        UP: Configuration.IN_SYNC, DOWN: Configuration.OUT_OF_SYNC, UNKNOWN: Configuration.UNKNOWN,
    }[third]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ({"open": UNKNOWN, "picture": UP}, Status.PENDING), ({"open": UNKNOWN, "picture": DOWN}, Status.DOWN),
        ({"open": UNKNOWN, "picture": UNKNOWN}, Status.DOWN), ({"picture": UP}, Status.PENDING), ({}, Status.DOWN),
        ({"open": DOWN, "picture": UP}, Status.DOWN), ({"open": UP, "picture": UP}, Status.UP),
    ],
)  # fmt: skip
def test_what_was_not_made_counts_as_its_policy_says(found: dict[str, Finding], status: Status) -> None:
    left_open = AuditSpec("open", "ping", unknown=OnUnknown.PENDING)
    assert judge([left_open, PICTURE], found).status is status


def test_a_round_that_looks_at_one_side_says_nothing_about_the_other() -> None:
    assert judge([PICTURE], {"picture": UP}) == Verdict(Status.UP, None)
    assert judge([DEVICES], {"devices": UP}) == Verdict(None, Configuration.IN_SYNC)


def test_the_newest_of_each_side_counts_if_nothing_has_changed_since() -> None:
    service, devices = Verdict(Status.UP, None), Verdict(None, Configuration.IN_SYNC)
    rounds = [Round(30, "START", devices), Round(20, "START", service), Round(10, "START", Verdict(Status.DOWN, None))]
    assert standing(rounds, "START", 20) == Verdict(Status.UP, Configuration.IN_SYNC)
    assert standing(rounds, "START", 25) == Verdict(Status.PENDING, Configuration.IN_SYNC)
    assert standing(rounds, "PAUSE", 0) == Verdict(Status.PENDING, Configuration.UNKNOWN)
    assert standing([], "START", 0) == Verdict(Status.PENDING, Configuration.UNKNOWN)


def test_a_service_is_there_while_the_booking_runs() -> None:
    rounds = [Round(NOON, "START", Verdict(Status.UP, None))]
    on_air = booking(State.ACTIVE, began=True, service_state="START")
    done = boundary(Kind.END_OF_PRE_ROLL, state=BoundaryState.DONE, began_us=NOON - 5, ended_us=NOON)
    assert stands(on_air, [done], rounds) == Verdict(Status.UP, Configuration.UNKNOWN)
    begun = boundary(Kind.START_OF_POST_ROLL, began_us=NOON + 1)
    assert stands(on_air, [done, begun], rounds) == Verdict(Status.PENDING, Configuration.UNKNOWN)
    assert stands(booking(), [], rounds) is None
    assert stands(booking(State.COMPLETED, began=True), [done], rounds) is None


def test_every_move_of_the_table() -> None:
    assert {AUDIT.fire(s, AuditTrigger.AUDITED) for s in Status} == {Status.UP}
    assert {AUDIT.fire(s, AuditTrigger.AUDITED, Outcome.FAILED) for s in Status} == {Status.DOWN}
    assert {AUDIT.fire(s, AuditTrigger.CHANGED) for s in (Status.UP, Status.DOWN)} == {Status.PENDING}
    assert not AUDIT.may(Status.PENDING, AuditTrigger.CHANGED)


def test_references_are_found_wherever_they_stand() -> None:
    value = {"a": "udp://${x.address.h}:${x.address.p}", "b": [1, "${booking.name}", {"c": ("${y.values.z}",)}], "d": 5}
    assert references(value) == ["x.address.h", "x.address.p", "booking.name", "y.values.z"]
    assert split("a.b.values.rate.max", ["a", "a.b"]) == ("a.b", "values", "rate.max")
    assert split("a.rate", ["a"]) is None
    assert split("b.values.rate", ["a"]) is None


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("${encoder.address.port}", True), ("${encoder.values.rate}", True), ("${encoder.properties.x}", True),
        ("${booking.id}", True), ("${booking.properties.room}", True), ("no reference", True), ("$encoder", True),
        ("${booking.properties}", False), ("${booking.name.x}", False), ("${booking.start}", False),
        ("${encoder.address}", False), ("${encoder.driver.x}", False), ("${decoder.address.port}", False),
        ("${}", True), ("x${ }", False),
    ],
)  # fmt: skip
def test_a_reference_leads_somewhere(text: str, good: bool) -> None:
    mistakes = AuditSpec("a", "tcp", {"host": text}).mistakes(["encoder"])
    assert (mistakes == []) is good
    assert all(m.where == "parameters.host" for m in mistakes)


def test_one_audit_waits_at_most_and_one_runs_at_most() -> None:
    (first,) = audit_again([], 1, NOON, "START")
    assert (first.kind, first.state, first.due_us, event_of(first)) == (Kind.AUDIT, BoundaryState.ARMED, NOON, "START")
    assert audit_again([first], 1, NOON + 1, "START") == []
    (asked,) = audit_again([first], 1, NOON + 1, "asked by me")
    assert (asked.key, asked.message, event_of(asked)) == (first.key, "asked by me", ""), "all checks, not only some"
    assert audit_again([asked], 1, NOON + 1, "START") == []

    running = replace(first, key=7, state=BoundaryState.RUNNING)
    (later,) = audit_again([running], 1, NOON + 2, "asked by me")
    assert (later.key, later.state) == (0, BoundaryState.DISARMED)
    assert audit_again([running, later], 1, NOON + 2, "asked by you") == []
    assert [b.state for b in next_audits([running, later], NOON + 3)] == [BoundaryState.ARMED]

    over = replace(first, key=7, state=BoundaryState.DONE, generation=3, began_us=NOON, ended_us=NOON + 1)
    (again,) = audit_again([over], 1, NOON + 4, "asked by me")
    assert (again.key, again.generation, again.began_us, again.due_us) == (7, 4, None, NOON + 4)


@pytest.mark.parametrize(
    ("state", "entering", "why", "made"),
    [
        (State.ACTIVE, "", "START", True), (State.ACTIVE, "Post-roll", "START", False),
        (State.POST_ROLL, "", "START", False), (State.POST_ROLL, "", "STOP", True),
        (State.PRE_ROLL, "", "START_BOOKING_WITH_PREROLL", True), (State.FAILED_ACTIVE, "", "asked by me", True),
        (State.ACTIVE, "Post-roll", "asked by me", True), (State.COMPLETED, "", "asked by me", False),
    ],
)  # fmt: skip
def test_what_nobody_wants_to_know_any_more_is_not_looked_at(state: State, entering: str, why: str, made: bool) -> None:
    due = boundary(Kind.AUDIT, message=why, trigger=None)
    it = booking(state, began=True, entering=entering, service_state="START")
    expected = Run(AUDITS, "START", "START") if made else Nothing()
    assert decide_audit(due, it, definition(audits=(PICTURE,))) == expected
    assert decide_audit(due, it, definition()) == Nothing()
    assert decide_audit(due, it, None) == Nothing()
