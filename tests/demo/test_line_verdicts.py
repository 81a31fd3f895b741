# SPDX-License-Identifier: Apache-2.0
"""Every promise about the line that is ordered: kept when it was kept, and broken by what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from preroll.demo.cast import CLEARED, LESS, LINE, MORE, PUSHED, WRONG
from preroll.demo.evidence import Checked, Evidence
from preroll.demo.line_story import KEPT, TAMPERED
from preroll.demo.line_verdicts import DEPLOYED, LINE_ORDERED
from preroll.demo.verdicts import judge
from preroll.sdk import Audit, AuditState
from tests.demo.circuit_told import circuits
from tests.demo.line_told import EMPTY, a_look, a_service, an_order

Spoil = Callable[[Evidence], None]


def test_all_is_kept_when_all_went_well():
    verdicts = judge(circuits())
    assert [v for v in verdicts if not v.kept] == []
    assert {promise for promise, _ in LINE_ORDERED} <= {v.promise for v in verdicts}


def wrong_is_deployed(told: Evidence) -> None:
    told.orders[WRONG] = an_order(WRONG, DEPLOYED)


def refused_for_another_reason(told: Evidence) -> None:
    told.orders[WRONG] = an_order(WRONG, ("Requested", "Invalid"), "there is no Circuit")


def never_checked(told: Evidence) -> None:
    told.checked = None


def check_writes(told: Evidence) -> None:
    assert told.checked is not None
    told.checked = Checked(told.checked.plan, EMPTY, {**EMPTY, "pe-1": {5: 2000}})


def plans_one_device(told: Evidence) -> None:
    assert told.checked is not None
    assert told.checked.plan is not None
    told.checked = replace(told.checked, plan=replace(told.checked.plan, devices=told.checked.plan.devices[:1]))


def is_not_up(told: Evidence) -> None:
    told.looks[LINE.name] = a_look(LINE.kbit, 0, status="Down")


def is_at_the_old_rate(told: Evidence) -> None:
    told.looks[MORE] = a_look(LINE.kbit)


def is_not_changed(told: Evidence) -> None:
    told.orders[MORE] = an_order(MORE, (*DEPLOYED[:3], "Failed Deploy"))


def deployed_on_one_device(told: Evidence) -> None:
    told.orders[LESS] = an_order(LESS, DEPLOYED)
    told.looks[KEPT] = a_look(LINE.less)


def went_down_with_it(told: Evidence) -> None:
    told.looks[KEPT] = a_look(LINE.more, 0, status="Down")


def said_to_be_well(told: Evidence) -> None:
    told.kept = a_service("Deployed")


def is_not_deployed_again(told: Evidence) -> None:
    told.looks[LESS] = a_look(LINE.more)


def is_not_found_out(told: Evidence) -> None:
    told.looks[TAMPERED] = a_look(LINE.less)


def something_else_is_found(told: Evidence) -> None:
    told.looks[TAMPERED] = a_look(LINE.less, difference="far: address: expected 1, found 2")


def is_not_pushed_away(told: Evidence) -> None:
    told.looks[PUSHED] = a_look(LINE.less, difference="far: rate-kbit: expected 3000, found 6000")


def still_gets_through(told: Evidence) -> None:
    told.cleared = Audit(AuditState.UP, found="3000 kbit/s")


def is_not_cleared(told: Evidence) -> None:
    told.orders[CLEARED] = an_order(CLEARED, (*DEPLOYED[:3], "Failed Deploy"))


WRONG_ONE, CHECKED, ORDERED, CHANGED, DOWN, BACK, BY_HAND, CLEAR = (promise for promise, _ in LINE_ORDERED)
SPOILED: tuple[tuple[Spoil, set[str]], ...] = (
    (wrong_is_deployed, {WRONG_ONE}),
    (refused_for_another_reason, {WRONG_ONE}),
    (never_checked, {CHECKED}),
    (check_writes, {CHECKED}),
    (plans_one_device, {CHECKED}),
    (is_not_up, {ORDERED}),
    (is_at_the_old_rate, {CHANGED}),
    (is_not_changed, {CHANGED}),
    (deployed_on_one_device, {DOWN, BACK}),
    (went_down_with_it, {DOWN}),
    (said_to_be_well, {DOWN}),
    (is_not_deployed_again, {BACK}),
    (is_not_found_out, {BY_HAND}),
    (something_else_is_found, {BY_HAND}),
    (is_not_pushed_away, {BY_HAND}),
    (still_gets_through, {CLEAR}),
    (is_not_cleared, {CLEAR}),
)


@pytest.mark.parametrize(("spoil", "promises"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_what_breaks_a_promise_breaks_its_verdict(spoil: Spoil, promises: set[str]):
    told = circuits()
    spoil(told)
    assert {verdict.promise for verdict in judge(told) if not verdict.kept} == promises
