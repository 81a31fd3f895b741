# SPDX-License-Identifier: Apache-2.0
"""Several devices, one change: what is written down, what is undone, and what an operator reads."""

from __future__ import annotations

import pytest

from preroll.domain.machine import Outcome
from preroll.ports.rows import StepState
from tests.scripts.changing import LABELS, NEW, OLD, Lab

BOTH_NEW = dict.fromkeys(LABELS, NEW)
BOTH_OLD = dict.fromkeys(LABELS, OLD)


async def test_all_devices_are_changed_and_the_log_says_so() -> None:
    lab = Lab()
    report = await lab.live()
    assert (report.message, report.outcome) == ("", Outcome.OK)
    assert lab.settled() == BOTH_NEW
    assert list(lab.journal.steps) == [
        "change:START:plan", "change:START:apply:PE1", "change:START:apply:PE2", "change:START:verify:PE1",
        "change:START:verify:PE2", "change:START:decided:commit", "change:START:confirm:PE1",
        "change:START:confirm:PE2",
    ]  # fmt: skip
    assert set(lab.journal.states().values()) == {StepState.DONE}
    assert lab.journal.said() == "change:START: both new: PE1 (pe1), PE2 (pe2)"


@pytest.mark.parametrize("call", ["apply", "verify"])
async def test_one_that_fails_takes_all_back(call: str) -> None:
    lab = Lab()
    lab.world.fault("pe2", "refuses", on=call)
    report = await lab.live()
    assert lab.values() == BOTH_OLD, "nobody waits for a window"
    assert report.message == (f"change:START: {call}:PE2 on pe2: {call}: no; both old: PE1 (pe1), PE2 (pe2)")
    assert lab.journal.states()["change:START:decided:revert"] is StepState.DONE
