# SPDX-License-Identifier: Apache-2.0
"""Several devices, one change: what is written down, what is undone, and what an operator reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from preroll.domain.machine import Outcome
from preroll.ports.rows import StepState
from preroll.ports.scripts import Report
from preroll.sdk import Context, Turns, lso
from tests.scripts.changing import ABLE, LABELS, NEW, OLD, WINDOW, Lab

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
        "change:START:confirm:PE2", "change:START:new",
    ]  # fmt: skip
    assert set(lab.journal.states().values()) == {StepState.DONE}
    assert lab.journal.said() == "change:START: both new: PE1 (pe1), PE2 (pe2)"


@pytest.mark.parametrize("closed", [("PE2",), LABELS])
async def test_a_device_that_is_hands_off_is_left_out(closed: tuple[str, ...]) -> None:
    lab = Lab(hands_off=closed)
    report = await lab.live()
    assert report.outcome is Outcome.OK
    assert lab.settled() == {label: OLD if label in closed else NEW for label in LABELS}
    left_out = [name for name in lab.journal.steps if name.endswith(" (left out: hands off)")]
    assert left_out == [f"change START of {label} (left out: hands off)" for label in closed]
    assert sum("nothing is sent to" in line.text for line in lab.journal.lines) == len(closed)


@pytest.mark.parametrize("call", ["apply", "verify"])
async def test_one_that_fails_takes_all_back(call: str) -> None:
    lab = Lab()
    lab.world.fault("pe2", "refuses", on=call)
    report = await lab.live()
    assert lab.values() == BOTH_OLD, "nobody waits for a window"
    assert report.message == (f"change:START: {call}:PE2 on pe2: {call}: no; both old: PE1 (pe1), PE2 (pe2)")
    assert lab.journal.states()["change:START:decided:revert"] is StepState.DONE


async def test_the_way_back_is_to_what_was_planned_from() -> None:
    """An attempt that breaks off half way leaves values that a further attempt must not take for the old ones."""
    lab = Lab(dict.fromkeys(LABELS, ()))
    lab.world.fault("pe1", "dies", on="apply", times=1)
    lab.world.fault("pe2", "refuses", on="apply")
    report = await lab.live()
    assert "both old: " in report.message
    assert lab.values() == BOTH_OLD


# Deaths: at every instant of a change that meets no fault


CAPS = {"both able": (ABLE, ABLE), "one able": (ABLE, ()), "none able": ((), ())}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after the window"])
@pytest.mark.parametrize("caps", CAPS)
async def test_it_dies_at_every_instant_and_is_resumed(caps: str, late: bool) -> None:
    """Between two lives all is old or all is new as soon as the windows are over, or it is resumed and all is new."""
    lab = Lab(dict(zip(LABELS, CAPS[caps], strict=True)))
    await lab.live()
    instants = lab.journal.life.instants
    assert instants > 40
    for instant in range(1, instants + 1):
        lab = Lab(dict(zip(LABELS, CAPS[caps], strict=True)))
        await lab.live(ends_at=instant)
        if late:
            await lab.pause(2 * WINDOW)
        report = await lab.live()
        assert (report.message, report.outcome) == ("", Outcome.OK), instant
        assert lab.settled() == BOTH_NEW, instant
        assert "both new: PE1 (pe1), PE2 (pe2)" in lab.journal.said()
        assert not [name for name, state in lab.journal.states().items() if state is StepState.BEGUN], instant


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after the window"])
@pytest.mark.parametrize("caps", CAPS)
async def test_it_dies_at_every_instant_and_cannot_come_about_afterwards(caps: str, late: bool) -> None:
    """A device that takes no more changes: what was decided is new all the same, what was not is old everywhere."""
    instants = 200
    for instant in range(1, instants):
        lab = Lab(dict(zip(LABELS, CAPS[caps], strict=True)))
        died = await lab.live(ends_at=instant)
        if died.outcome is Outcome.OK:
            break
        if late:
            await lab.pause(2 * WINDOW)
        lab.world.fault("pe2", "refuses", on="plan")
        report = await lab.live()
        told = lab.journal.said()
        if lab.journal.states().get("change:START:decided:commit") is StepState.DONE:
            assert lab.settled() == BOTH_NEW or report.message.startswith("change:START: was decided"), instant
            assert ("both new: " in told) == (report.outcome is Outcome.OK)
        else:
            assert lab.settled() == BOTH_OLD, instant
            assert report.message.endswith("plan on pe2: plan: no; nothing was written: both are old")
            written = any(name.startswith("change:START:apply") for name in lab.journal.steps)
            assert ("both old: " in told) == written


# Faults of any device at any phase, with and without deaths

KINDS = ("refuses", "busy", "lies", "hangs", "vanishes", "garbage", "late", "dies")
CALLS = ("open", "plan", "apply", "verify", "confirm", "rollback")


@st.composite
def faults(draw: st.DrawFn) -> tuple[str, str, str, int | None]:
    """(device, kind, call, how often). A lie about a confirm is left out: it shows in no answer, only when it ends."""
    kind, call = draw(st.sampled_from(KINDS)), draw(st.sampled_from(CALLS))
    assume((kind, call) != ("lies", "confirm"))
    assume(kind not in ("lies", "late", "dies") or call in ("apply", "confirm", "rollback"))
    return draw(st.sampled_from(["pe1", "pe2"])), kind, call, draw(st.sampled_from([1, 2, 4, None]))


def check_stand(lab: Lab, report: Report) -> None:
    """What the message and the log say is so; what is not so is listed."""
    told = report.message or lab.journal.said()
    values = lab.settled()
    if report.outcome is Outcome.OK:
        assert values == BOTH_NEW
        assert "both new: " in lab.journal.said()
    elif "both old: " in told or "nothing was written" in told:
        assert values == BOTH_OLD
    else:
        wanted, _, rest = told.partition("NOT all ")[2].partition(": ")
        residue = {line.data["stand"]: line.data["residue"] for line in lab.journal.lines if "residue" in line.data}
        listed = cast("Mapping[str, str]", residue["open"])
        for label, found in values.items():
            assert found == (NEW if wanted == "new" else OLD) or label in listed, told
            assert f"{label} (" in rest, told


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    caps=st.sampled_from(sorted(CAPS)),
    turns=st.sampled_from(Turns),
    wrong=st.lists(faults(), min_size=1, max_size=3),
    deaths=st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=2),
)
async def test_all_old_or_all_new_or_the_residue_is_listed(
    caps: str, turns: Turns, wrong: list[tuple[str, str, str, int | None]], deaths: list[tuple[int, bool]]
) -> None:
    @lso
    async def script(ctx: Context) -> None:
        await ctx.change(turns=turns)

    lab = Lab(dict(zip(LABELS, CAPS[caps], strict=True)))
    for device, kind, call, times in wrong:
        lab.world.fault(device, kind, on=call, times=times)
    for instant, late in deaths:
        report = await lab.live(script, ends_at=instant)
        if lab.journal.life.instants < instant:
            break
        if late:
            await lab.pause(2 * WINDOW)
    else:
        report = await lab.live(script)
    check_stand(lab, report)
    for device in ("pe1", "pe2"):
        lab.world.clear(device)
    report = await lab.retry(script)
    assert (report.message, report.outcome) == ("", Outcome.OK), "mended, the retry comes about"
    assert lab.settled() == BOTH_NEW
