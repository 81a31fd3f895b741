# SPDX-License-Identifier: Apache-2.0
"""Each fault of a device at each stage: the state that follows, and a log that says what, where, expected and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from preroll.domain.booking import State
from preroll.domain.permission import LOCAL
from preroll.drivers.sim import FaultKind
from preroll.ports.rows import Severity

HOUR = 3_600


@dataclass(frozen=True)
class Stage:
    """An event, and what it does to the device."""

    script: str
    at: int
    ok: State
    failed: State
    step: str
    bitrate: int
    before: int | None


@dataclass(frozen=True)
class Trouble:
    """A fault, and what comes of it: empty text when the event succeeds in spite of it."""

    fault: FaultKind
    says: str = ""
    attempts: int = 1
    seconds: int = 0
    """How long the event takes."""
    first: int | None = None
    """How long the first one does, that opens the connection and sets two values, when that differs."""
    last: int | None = None
    """The same for the last one, that sets two values."""
    how: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.fault.value, *(f"{k}={v}" for k, v in self.how.items())])


STAGES = [
    Stage("warm-up", -300, State.PRE_ROLL, State.FAILED_PRE_ROLL, "apply_combined:Encoder", 1, None),
    Stage("on-air", 0, State.ACTIVE, State.FAILED_ACTIVE, "apply_combined:Encoder", 8, 1),
    Stage("wind-down", HOUR, State.POST_ROLL, State.FAILED_POST_ROLL, "apply_combined:Encoder", 2, 8),
    Stage("reset", HOUR + 300, State.COMPLETED, State.FAILED_COMPLETED, "apply_defaults:Encoder", 0, 2),
]
TROUBLES = [
    Trouble(FaultKind.REFUSES, "apply: no"),
    Trouble(FaultKind.LIES, "check set failed: video.bitrate: expected {bitrate}, found {before}", 3, 3),
    Trouble(FaultKind.HANGS, "no answer in 2.0 s", 3, 9),
    Trouble(FaultKind.SLOW, seconds=3, first=4, how={"seconds": 1.0}),
    Trouble(FaultKind.SLOW, "no answer in 2.0 s", 3, 9, how={"seconds": 5.0}),
    Trouble(FaultKind.SLOW, seconds=5, how={"seconds": 5.0, "on": "apply"}),
    Trouble(FaultKind.VANISHES, "connection refused", 3, 3),
    Trouble(FaultKind.VANISHES, seconds=1, how={"times": 1}),
    Trouble(FaultKind.GARBAGE, "the answer makes no sense"),
    Trouble(FaultKind.BUSY, "locked by operator console", 3, 3),
    Trouble(FaultKind.LATE),
    Trouble(FaultKind.DIES, seconds=1, first=3, last=3),
    Trouble(FaultKind.DIES, seconds=1, how={"times": 1}),
]


@pytest.mark.parametrize(("trouble", "at"), list(product(TROUBLES, STAGES)), ids=lambda p: getattr(p, "script", str(p)))
async def test_a_fault_at_a_stage(stage, trouble: Trouble, at: Stage):
    news = await stage.book()
    await stage.to(at.at - 1)
    stage.rig.devices.fault("enc-1", trouble.fault, **trouble.how)
    await stage.to(at.at + 60)
    stage.rig.devices.clear("enc-1")

    seen = (await stage.see(news)).booking
    assert seen.state is (at.failed if trouble.says else at.ok)
    run = next(r for r in await stage.runs(news) if r.run.script == at.script)
    step = run.steps[0]
    assert (step.name, step.state) == (at.step, "failed" if trouble.says else "done")
    if trouble.says:
        text = trouble.says.format(bitrate=at.bitrate, before=at.before)
        assert text in run.run.message
        assert at.step in run.run.message
        assert "enc-1" in run.run.message
        assert run.run.message == step.error
        assert run.run.reason == "LsoFailed"
        assert (f"({trouble.attempts} attempts)" in step.error) is (trouble.attempts > 1)
        assert stage.cast.reports("News") == [("LsoFailed", run.run.message)]
        assert seen.service_state == "FAILED"
    else:
        assert stage.device()["video.bitrate"] == at.bitrate
        assert stage.cast.reports("News") == []
    seconds = {"warm-up": trouble.first, "reset": trouble.last}.get(at.script)
    took = trouble.seconds if seconds is None else seconds
    assert (run.run.ended_us - run.run.began_us) / 1e6 == pytest.approx(took)

    await stage.to(3 * HOUR)
    last = at.failed if trouble.says and at.ok is State.COMPLETED else State.COMPLETED
    assert await stage.state(news) is last
    assert stage.cast.names("News") == [s.script for s in STAGES]


async def test_each_attempt_that_fails_is_a_warning_in_the_action_log(stage):
    news = await stage.book()
    stage.rig.devices.fault("enc-1", FaultKind.LIES, times=2)
    await stage.to(-290)
    lines = await stage.app.views.log(LOCAL, news)
    assert [(line.severity, line.at_us // 1_000_000 - lines[0].at_us // 1_000_000) for line in lines] == [
        (Severity.WARNING, 0),
        (Severity.WARNING, 1),
    ]
    assert lines[0].text == (
        "apply_combined:Encoder on enc-1: check set failed: video.bitrate: expected 1, found None; "
        "video.input: expected 'SDI 1', found None: attempt 1 of 3, again in 1 s"
    )
    assert lines[1].text.endswith("attempt 2 of 3, again in 2 s")
    assert await stage.state(news) is State.PRE_ROLL
    assert (await stage.runs(news))[0].steps[0].attempts == 3


async def test_a_faulty_device_does_not_delay_another_booking(stage):
    stage.rig.devices.fault("enc-1", FaultKind.HANGS)
    await stage.book("Hit", encoder="enc-1")
    spared = await stage.book("Spared", encoder="enc-2")
    await stage.to(2 * HOUR)
    assert (await stage.life(spared))[2:] == [
        (-300, "Pre-roll"), (0, "Service Active"), (HOUR, "Post-roll"), (HOUR + 300, "Completed"),
    ]  # fmt: skip


async def test_repaired_and_retried_the_lie_is_over(stage):
    stage.rig.devices.fault("enc-1", FaultKind.LIES)
    news = await stage.book()
    await stage.to(-200)
    assert await stage.state(news) is State.FAILED_PRE_ROLL
    assert stage.device() == {}
    stage.rig.devices.clear("enc-1")
    await stage.retry(news, "firmware updated")
    await stage.to(2 * HOUR)
    assert [s for _, s in await stage.life(news)][2:] == [
        "Failed Service Pre-Roll", "Pre-roll", "Service Active", "Post-roll", "Completed",
    ]  # fmt: skip
