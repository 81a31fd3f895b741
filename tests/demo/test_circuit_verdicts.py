# SPDX-License-Identifier: Apache-2.0
"""Every promise about the circuits: kept when it was kept, and broken by what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from preroll.demo.cast import BACKUP, GUEST, LINK, NIGHT, Link
from preroll.demo.circuit_verdicts import BESIDE_THE_MEDIA, CIRCUIT, START
from preroll.demo.evidence import Evidence, Harm
from preroll.demo.verdicts import judge
from preroll.sdk import Audit, AuditState
from tests.demo.circuit_told import UP_AFTER, UP_BEFORE, a_round, circuits
from tests.demo.told import a_step

Spoil = Callable[[Evidence], None]


def broken(told: Evidence) -> set[str]:
    return {verdict.promise for verdict in judge(told) if not verdict.kept}


def change_run(told: Evidence, link: Link, number: int, **changes: object) -> None:
    runs = told.records[link.name].runs
    runs[number] = replace(runs[number], **changes)  # type: ignore[arg-type]


def test_all_is_kept_when_all_went_well():
    verdicts = judge(circuits())
    assert [v for v in verdicts if not v.kept] == []
    assert {p for p, _ in (*CIRCUIT, *BESIDE_THE_MEDIA)} <= {v.promise for v in verdicts}


def nobody_carries(told: Evidence) -> None:
    told.plane = ""


def skip_a_state(told: Evidence) -> None:
    del told.records[LINK.name].changes[2]


def was_up_before(told: Evidence) -> None:
    change_run(told, LINK, 0, returned={"before": "Up"})


def is_not_up_after(told: Evidence) -> None:
    down = a_round(LINK, "START", "Down")
    up = a_round(LINK, "START")
    told.rounds[LINK.name][0] = replace(up, checks=[down.checks[0], *up.checks[1:]])


def too_slow(told: Evidence) -> None:
    up, down = a_round(LINK, "START"), a_round(LINK, "START", "Down", kbit=900)
    told.rounds[LINK.name][0] = replace(up, checks=[up.checks[0], down.checks[1], up.checks[2]])


def other_devices(told: Evidence) -> None:
    up = a_round(LINK, "START")
    told.rounds[LINK.name][0] = replace(up, checks=[*up.checks[:2], replace(up.checks[2], state="Down")])


def decided_too_early(told: Evidence) -> None:
    steps = told.records[LINK.name].runs_of(START)[-1].steps
    early = a_step("change:START:decided:commit", second=0)
    change_run(told, LINK, 1, steps=[early if s.name == early.name else s for s in steps])


def confirmed_too_early(told: Evidence) -> None:
    steps = told.records[LINK.name].runs_of(START)[-1].steps
    early = a_step("change:START:confirm:far", second=1)
    change_run(told, LINK, 1, steps=[early if s.name == early.name else s for s in steps])


def fails_for_another_reason(told: Evidence) -> None:
    change_run(told, BACKUP, 0, message="the far site is closed")


def comes_up_all_the_same(told: Evidence) -> None:
    told.records[BACKUP.name].changes[-1] = replace(told.records[BACKUP.name].changes[-1], after="Service Active")


def half_of_it_stays(told: Evidence) -> None:
    told.harms[BACKUP.name] = Harm(UP_BEFORE, {**UP_BEFORE, "pe-1": {1: 4000, 2: 2000}})


def not_slow_at_all(told: Evidence) -> None:
    run = told.records[NIGHT.name].runs[0]
    change_run(told, NIGHT, 0, ended=run.began + timedelta(seconds=0.4))


def slow_and_wrong(told: Evidence) -> None:
    told.harms[NIGHT.name] = Harm(UP_BEFORE, {**UP_AFTER, "pe-2": {1: 4000}})


def believed(told: Evidence) -> None:
    change_run(told, GUEST, 0, message="out of memory")


def half_taken_back(told: Evidence) -> None:
    told.harms[GUEST.name] = Harm(UP_AFTER, {**UP_AFTER, "pe-1": {**UP_AFTER["pe-1"], 4: 1000}})


def taken_back_untold(told: Evidence) -> None:
    change_run(told, GUEST, 0, steps=[])


def harmed(told: Evidence) -> None:
    told.steady[1] = a_round(LINK, "asked by demo", "Down", kbit=0)


def not_looked_at(told: Evidence) -> None:
    told.steady.pop()


def still_open(told: Evidence) -> None:
    told.rounds[NIGHT.name][1] = a_round(NIGHT, "STOP", "Up")


def something_is_left(told: Evidence) -> None:
    told.left = {"pe-1": {3: 3000}, "pe-2": {}}


def stopped_with_the_engine(told: Evidence) -> None:
    told.outages[0] = replace(told.outages[0], circuit=Audit(AuditState.DOWN, found="nothing gets through"))


def never_measured(told: Evidence) -> None:
    told.outages[0] = replace(told.outages[0], circuit=None)


SPOILED: tuple[tuple[Spoil, str], ...] = (
    (nobody_carries, "A network of two devices and two sites"),
    (skip_a_state, "Studio link goes from Partial to Completed"),
    (was_up_before, "Something gets through, from START on"),
    (is_not_up_after, "Something gets through, from START on"),
    (too_slow, "At the rate that was booked"),
    (other_devices, "They have what the journal says"),
    (decided_too_early, "Two devices are one change"),
    (confirmed_too_early, "Two devices are one change"),
    (fails_for_another_reason, "A device is down: the booking fails"),
    (comes_up_all_the_same, "A device is down: the booking fails"),
    (half_of_it_stays, "The other device is as before"),
    (not_slow_at_all, "A device is slow: late, and right"),
    (slow_and_wrong, "A device is slow: late, and right"),
    (believed, "A device that lies is caught"),
    (half_taken_back, "And the change taken back from both"),
    (taken_back_untold, "And the change taken back from both"),
    (harmed, "None of that harms the circuit that is up"),
    (not_looked_at, "None of that harms the circuit that is up"),
    (still_open, "After STOP nothing gets through"),
    (something_is_left, "Nothing is left on the devices"),
    (stopped_with_the_engine, "kill -9: the circuit goes on"),
    (never_measured, "kill -9: the circuit goes on"),
)


@pytest.mark.parametrize(("spoil", "promise"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_what_breaks_a_promise_breaks_its_verdict(spoil: Spoil, promise: str):
    told = circuits()
    spoil(told)
    assert broken(told) == {promise}


def test_every_promise_can_be_broken():
    assert {promise for _, promise in SPOILED} == {promise for promise, _ in (*CIRCUIT, *BESIDE_THE_MEDIA)}
