# SPDX-License-Identifier: Apache-2.0
"""Audits in scripts: a step with its evidence, whatever it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from preroll.audits import Config
from preroll.ports.rows import RecordedStep, Severity, StepState
from preroll.sdk import Audit, AuditFailed, AuditState, Context, Scene, lso
from tests.scripts.rig import Room
from tests.scripts.test_context import ENCODER, Bench


class Lamp:
    """Answers in turn; the last answer stays."""

    what = "the lamp"

    def __init__(self, *states: AuditState, evidence: Mapping[str, Any] | None = None) -> None:
        self.states, self.evidence, self.looks = list(states), evidence or {"luma": 12}, 0

    async def look(self, scene: Scene | None = None, /) -> Audit:
        state = self.states[min(self.looks, len(self.states) - 1)]
        self.looks += 1
        message = "" if state is AuditState.UP else "it is dark"
        return Audit(state, self.evidence, message, self.what, "light", "dark" if message else "light")


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_up_is_a_step_with_its_evidence(bench: Bench) -> None:
    @lso
    async def script(ctx: Context) -> None:
        audit = await ctx.audit(Lamp(AuditState.DOWN, AuditState.UP), within=50)
        ctx.give("tries", audit.tries)

    report = await bench.passes(script)
    assert report.returned == {"tries": 2}
    step = bench.ledger.step("audit:the lamp")
    assert (step.state, step.error) == (StepState.DONE, "")
    assert step.result == {
        "state": "Up", "what": "the lamp", "expected": "light", "found": "light", "message": "",
        "evidence": {"luma": 12}, "tries": 2,
    }  # fmt: skip
    (line,) = bench.ledger.lines
    assert (line.severity, line.text, line.data["evidence"]) == (Severity.INFO, "the lamp: Up: light", {"luma": 12})


@pytest.mark.parametrize("state", [AuditState.DOWN, AuditState.UNKNOWN])
async def test_what_is_not_up_fails_the_step_and_keeps_the_evidence(bench: Bench, state: AuditState) -> None:
    @lso
    async def script(ctx: Context) -> None:
        await ctx.audit(Lamp(state), within=0, step="is it light?")

    message = await bench.fails(script)
    assert message == f"is it light?: the lamp: {state}: it is dark"
    step = bench.ledger.step("is it light?")
    assert step.state is StepState.FAILED
    assert isinstance(step.result, dict)
    assert (step.result["state"], step.result["evidence"]) == (state, {"luma": 12})
    assert bench.ledger.lines[0].severity is Severity.WARNING
    assert len(bench.ledger.begun) == 1, "the window is the retry: no further attempts"


async def test_the_author_may_decide(bench: Bench) -> None:
    @lso
    async def script(ctx: Context) -> None:
        audit = await ctx.audit(Lamp(AuditState.DOWN), within=0, down="report")
        ctx.give("was", audit.state)
        try:
            await ctx.audit(Lamp(AuditState.DOWN), within=0, step="again")
        except AuditFailed as failed:
            ctx.give("then", failed.audit.message)

    report = await bench.passes(script)
    assert report.returned == {"was": "Down", "then": "it is dark"}
    assert bench.ledger.step("audit:the lamp").state is StepState.DONE
    assert bench.ledger.step("again").state is StepState.FAILED


async def test_a_resumed_run_looks_again_at_what_it_had_not_found(bench: Bench) -> None:
    seen = Audit(AuditState.UP, {"n": 1}, what="one").document()
    lamps = [Lamp(AuditState.DOWN), Lamp(AuditState.UP), Lamp(AuditState.UP)]

    @lso
    async def script(ctx: Context) -> None:
        for number, lamp in enumerate(lamps):
            audit = await ctx.audit(lamp, within=0, step=f"step {number}")
            ctx.give(str(number), dict(audit.evidence))

    report = await bench.passes(script, steps=(
        RecordedStep("step 0", StepState.DONE, seen), RecordedStep("step 1", StepState.BEGUN),
        RecordedStep("step 2", StepState.FAILED, seen),
    ))  # fmt: skip
    assert [lamp.looks for lamp in lamps] == [0, 1, 1]
    assert report.returned == {"0": {"n": 1}, "1": {"luma": 12}, "2": {"luma": 12}}


async def test_a_device_is_as_this_run_and_the_runs_before_left_it(bench: Bench) -> None:
    bench.device.values = {"profile.size": "1280x720", "rate": 5, "gain": 3}
    before = {"gain": 3, "rate": 99}

    @lso
    async def script(ctx: Context) -> None:
        await ctx.apply_profile("encoder")
        ctx.give("first", (await ctx.audit(Config(), within=0)).found)
        bench.device.values["gain"] = 4
        await ctx.audit(Config("encoder"), within=0)

    message = await bench.fails(script, equipment=(replace(ENCODER, applied=before),))
    assert message == "audit:config of encoder: config of encoder: Down: encoder: gain: expected 3, found 4"


async def test_the_window_fits_into_the_step(bench: Bench) -> None:
    @lso
    async def script(ctx: Context) -> None:
        await ctx.audit(Lamp(AuditState.UP), within=60)

    assert await bench.fails(script) == "audit:the lamp: within=60 s is not below the step's 60 s"


async def test_a_dry_run_looks_at_nothing(bench: Bench) -> None:
    lamp = Lamp(AuditState.DOWN)

    @lso
    async def script(ctx: Context) -> None:
        await ctx.audit(lamp)

    await bench.passes(script, dry_run=True)
    assert (lamp.looks, bench.ledger.begun) == (0, [])


async def test_evidence_is_bounded_and_is_json(bench: Bench) -> None:
    @lso
    async def large(ctx: Context) -> None:
        audit = await ctx.audit(Lamp(AuditState.UP, evidence={"film": "x" * 100_000}))
        ctx.give("evidence", dict(audit.evidence))

    @lso
    async def strange(ctx: Context) -> None:
        await ctx.audit(Lamp(AuditState.UP, evidence={"set": object()}))

    report = await bench.passes(large)
    assert "at most 64000 are kept" in str(report.returned["evidence"])
    assert "which is no JSON" in await bench.fails(strange)


async def test_a_plain_script_in_a_real_host_looks_at_a_real_port(room: Room) -> None:
    room.write("plain.py", """
        import socket
        from preroll.audits import Tcp

        @lso
        def plain(ctx):
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                ctx.give("open", ctx.audit(Tcp("127.0.0.1", port, patience=50), step="open").state)
            ctx.give("closed", ctx.audit(Tcp("127.0.0.1", port), within=0, down="report", step="closed").state)
    """)  # fmt: skip
    report = await room.report(await room.pool(), room.order("plain"))
    assert (report.message, report.returned) == ("", {"open": "Up", "closed": "Down"})
