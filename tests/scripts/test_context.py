# SPDX-License-Identifier: Apache-2.0
"""The context: which values each call applies, what is recorded, what is retried, and what an operator reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from preroll.domain.boundaries import Reason
from preroll.domain.machine import Outcome
from preroll.ports.rows import Severity, StepState, Verdict
from preroll.ports.scripts import BookingView, Equipment, Order, Report, ScriptKind
from preroll.scripts.inline import InlineRunner
from preroll.sdk import (
    Applied,
    Busy,
    Change,
    Context,
    DeviceError,
    GiveUp,
    LoadContext,
    Mismatch,
    Plan,
    Rejected,
    Retry,
    TimedOut,
    Unreachable,
    lso,
    profile_load,
)
from tests.scripts.rig import MemoryLedger, leap

VIEW = BookingView("b-1", "Cup final", "default", 1_000_000, None, 60_000_000, 0, "Confirmed", properties={"a": 1})
ENCODER = Equipment(
    "encoder", "r-1", "enc-1", "memory", {"port": 1}, profile="hd", values={"size": "1280x720", "rate": 5},
    states={"START": {"rate": 8, "on": True}, "STANDBY": {"on": False}}, defaults={"size": "0x0"},
    paths={"size": "profile.size"},
)  # fmt: skip


async def hang() -> None:
    """Nothing comes for a minute, and the minute is over."""
    leap(60)
    await asyncio.Event().wait()


@dataclass
class MemoryDevice:
    values: dict[str, object] = field(default_factory=dict)
    faults: list[Exception | str] = field(default_factory=list)
    """What the next applies do instead: raise, ``lie`` or ``hang``."""
    applied: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    caps: frozenset[str] = frozenset()

    def __call__(self, name: str, address: Mapping[str, object]) -> Any:
        return self

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        return Plan(tuple(Change(p, self.values.get(p), v) for p, v in desired.items() if self.values.get(p) != v))

    async def apply(self, plan: Plan, *, revert_in: object = None, at: object = None, key: str = "") -> Applied:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, TimedOut) and fault.maybe_applied:
            self.values.update({c.path: c.new for c in plan.changes})
        if isinstance(fault, Exception):
            raise fault
        if fault == "hang":
            await hang()
        changes = {c.path: c.new for c in plan.changes}
        self.applied.append((key, changes))
        if fault != "lie":
            self.values.update(changes)
        return Applied(plan)

    async def verify(self, desired: Mapping[str, object], *, tolerance: object = None) -> list[Mismatch]:
        return [Mismatch(p, v, self.values.get(p)) for p, v in desired.items() if self.values.get(p) != v]


class Bench:
    """Runs a function as a script, at once."""

    def __init__(self) -> None:
        self.device, self.ledger = MemoryDevice(), MemoryLedger()
        self.waits: list[float] = []
        self.scripts: dict[str, Callable[..., object]] = {}
        self.count = 0

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def order(self, **changes: Any) -> Order:
        self.count += 1
        order = Order(
            f"run-{self.count}", "7:1:0", ScriptKind.LSO, "script", "", "START", "START", "STANDBY", VIEW, (ENCODER,),
        )  # fmt: skip
        return replace(order, **changes)

    async def run(self, script: Callable[..., object], **changes: Any) -> Report:
        runner = InlineRunner({"script": script, **self.scripts}, {"memory": self.device}, sleep=self.sleep)
        return await runner.run(self.order(**changes), self.ledger, booking=1, fence_of=(7, 1))

    async def passes(self, script: Callable[..., object], **changes: Any) -> Report:
        report = await self.run(script, **changes)
        assert (report.outcome, report.message) == (Outcome.OK, "")
        return report

    async def fails(self, script: Callable[..., object], **changes: Any) -> str:
        report = await self.run(script, **changes)
        assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.LSO_FAILED)
        return report.message


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("call", "name", "values"),
    [
        (lambda c: c.apply_profile("encoder"), "apply_profile:encoder", {"profile.size": "1280x720", "rate": 5}),
        (lambda c: c.apply_state_profile("encoder"), "apply_state_profile:encoder:START", {"rate": 8, "on": True}),
        (lambda c: c.apply_state_profile("encoder", "standby"), "apply_state_profile:encoder:standby", {"on": False}),
        (
            lambda c: c.apply_combined("encoder"),
            "apply_combined:encoder",
            {"profile.size": "1280x720", "rate": 8, "on": True},
        ),
        (
            lambda c: c.apply_combined("encoder", "PAUSE"),
            "apply_combined:encoder:PAUSE",
            {"profile.size": "1280x720", "rate": 5},
        ),
        (lambda c: c.apply_defaults("encoder", step="reset"), "reset", {"profile.size": "0x0"}),
    ],
)
async def test_each_apply_sets_its_values(
    bench: Bench, call: Callable[[Context], Any], name: str, values: dict[str, object]
) -> None:
    await bench.passes(lambda_script(call))
    assert bench.device.applied == [(f"7:1:0:{name}", values)]
    assert [(s.name, s.resource, s.attempt) for s in bench.ledger.begun] == [(name, "r-1", 1)]
    end = bench.ledger.step(name)
    assert (end.state, end.error) == (StepState.DONE, "")
    assert {(path, after) for path, _, after in end.diff} == set(values.items())


def lambda_script(call: Callable[[Context], Any]) -> Callable[..., object]:
    async def script(ctx: Context) -> None:
        await call(ctx)

    return script


async def test_the_context_knows_the_booking(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        assert (ctx.event, ctx.target, ctx.previous) == ("START", "START", "STANDBY")
        assert ctx.booking.start == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        assert (ctx.booking.end, ctx.booking.pre_roll, ctx.booking.properties) == (None, 60.0, {"a": 1})
        assert ctx.deadline == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
        assert (ctx.reason, ctx.detail) == ("Missed", "late")
        encoder = ctx.resources["encoder"]
        assert (encoder.name, encoder.profile, encoder.values["rate"]) == ("enc-1", "hd", 5)
        assert list(ctx.resources) == ["encoder"]

    await bench.passes(script, deadline_us=2_000_000, reason="Missed", detail="late")


async def test_a_device_that_lies_is_caught_and_told(bench: Bench) -> None:
    bench.device.values["profile.size"] = "640x360"
    bench.device.faults = ["lie"] * 3

    message = await bench.fails(lambda_script(lambda c: c.apply_defaults("encoder")))
    assert message == (
        "apply_defaults:encoder on enc-1: check set failed: profile.size: expected '0x0', found '640x360' (3 attempts)"
    )
    assert bench.waits == [1.0, 2.0]
    assert [s.attempt for s in bench.ledger.begun] == [1, 2, 3]
    end = bench.ledger.step("apply_defaults:encoder")
    assert (end.state, end.error) == (StepState.FAILED, message)
    assert [line.severity for line in bench.ledger.lines] == [Severity.WARNING] * 2


async def test_without_check_sets_nothing_is_read_back(bench: Bench) -> None:
    bench.device.faults = ["lie"]
    await bench.passes(lambda_script(lambda c: c.apply_profile("encoder", check=False)))


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (Unreachable("gone"), 2),
        (Busy("locked by ops"), 2),
        (TimedOut("late", maybe_applied=False), 2),
        (Retry("not yet", after=0.5), 2),
        (DeviceError("no"), 1),
        (GiveUp("enough"), 1),
        (ValueError("odd"), 1),
    ],
)
async def test_what_is_tried_again(bench: Bench, error: Exception, attempts: int) -> None:
    bench.device.faults = [error]
    report = await bench.run(lambda_script(lambda c: c.apply_profile("encoder")))
    assert (report.outcome is Outcome.OK) == (attempts > 1)
    assert len(bench.ledger.begun) == attempts
    assert bench.waits == ([] if attempts == 1 else [0.5] if isinstance(error, Retry) else [1.0])


async def test_after_a_time_out_that_may_have_worked_nothing_is_sent_again(bench: Bench) -> None:
    bench.device.faults = [TimedOut("late", maybe_applied=True)]
    await bench.passes(lambda_script(lambda c: c.apply_profile("encoder")))
    assert bench.device.applied == []
    assert bench.device.values["rate"] == 5


async def test_a_step_has_its_time(bench: Bench) -> None:
    bench.device.faults = ["hang"] * 3
    message = await bench.fails(lambda_script(lambda c: c.apply_profile("encoder")), step_timeout_us=60_000_000)
    assert message == "apply_profile:encoder on enc-1: no answer within 60 s (3 attempts)"
    assert (bench.device.opened, bench.device.closed) == (3, 3)


async def test_a_doubtful_step_is_not_repeated(bench: Bench) -> None:
    calls = []

    async def do(key: str) -> None:
        calls.append(key)
        raise TimedOut("late", maybe_applied=True)

    message = await bench.fails(lambda_script(lambda c: c.step("mine", do)))
    assert (message, len(calls)) == ("mine: late", 1)
    assert bench.ledger.step("mine").state is StepState.UNKNOWN

    calls.clear()
    message = await bench.fails(lambda_script(lambda c: c.step("mine", do, repeatable=True)))
    assert (message, len(calls)) == ("mine: late (3 attempts)", 3)

    calls.clear()
    await bench.passes(lambda_script(lambda c: c.step("mine", do, probe=lambda: bool(calls))))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: c.apply_profile("decoder"),
            "no node is labelled 'decoder' (the booking's nodes with a resource: encoder)",
        ),
        (
            lambda c: c.apply_state_profile("encoder", "PAUSE"),
            "apply_state_profile:encoder:PAUSE: profile hd has no values for PAUSE (it has START, STANDBY)",
        ),
        (lambda c: c.step("mine", lambda key: object()), "mine: what the step returned is object, which is no JSON"),
        (
            lambda c: c.apply_profile(c.resources["encoder"]),
            "a node is named by its label, a text, and not by a Resource",
        ),
        (
            lambda c: c.step("mine", lambda key: raises(Retry("soon", after="5"))),
            "mine: TypeError: Retry('soon', after='5'): write Retry('why', after=seconds), from 0 to 86400 seconds "
            "(test_context",
        ),
        (lambda c: c.step("", lambda key: 1), "step name '': give it 1 to 200 characters"),
        (lambda c: c.step(7, lambda key: 1), "step name 7: give it 1 to 200 characters"),
        (lambda c: c.step("\udc80", lambda key: 1), "step name '\\udc80': give it"),
        (lambda c: c.step("mine", lambda key: "\udc80"), "mine: what the step returned is str, which is no JSON"),
        (lambda c: c.step("mine", lambda key: 1 << 70), "mine: what the step returned is int, which is no JSON"),
        (
            lambda c: c.step("mine", lambda key: "x" * 1_000_001),
            "mine: the result of a step takes the run's output over",
        ),
    ],
)
async def test_an_authors_mistakes_are_told(bench: Bench, call: Callable[[Context], Any], message: str) -> None:
    assert (await bench.fails(lambda_script(call))).startswith(message)


async def test_a_node_without_a_profile_is_told(bench: Bench) -> None:
    bare = replace(ENCODER, profile="", values={}, defaults={})
    message = await bench.fails(lambda_script(lambda c: c.apply_profile("encoder")), equipment=(bare,))
    assert message.startswith("node encoder (enc-1) has no profile: choose one in the booking")


async def test_a_step_name_is_unique(bench: Bench) -> None:
    async def twice(ctx: Context) -> None:
        await ctx.apply_profile("encoder")
        await ctx.apply_profile("encoder")

    assert await bench.fails(twice) == (
        "step name apply_profile:encoder is used twice in one run: give each use a name (step=...)"
    )
    bench.ledger.verdicts["mine"] = Verdict.DUPLICATE
    message = await bench.fails(lambda_script(lambda c: c.step("mine", str)))
    assert message == "step mine is recorded in this run already: give each use a name (step=...)"


async def raises(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (GiveUp("the satellite is down"), "the satellite is down"),
        (Rejected("book another one"), "book another one"),
        (Retry("warming up"), "warming up (Retry was raised outside of a step, where nothing is tried again)"),
        (KeyError("size"), "KeyError: 'size' (test_context.py, line "),
        (ValueError("\udc80" * 20_000), "ValueError: ??"),
        (SystemExit(3), "SystemExit: 3 (test_context.py, line "),
        (ExceptionGroup("two", [GiveUp("one"), GiveUp("two")]), "one; two"),
    ],
)
async def test_what_an_operator_reads(bench: Bench, error: BaseException, message: str) -> None:
    assert (await bench.fails(lambda_script(lambda _: raises(error)))).startswith(message)


async def test_an_author_may_handle_a_step_that_failed(bench: Bench) -> None:
    bench.device.faults = [DeviceError("no")]

    async def script(ctx: Context) -> None:
        try:
            await ctx.apply_profile("encoder")
        except DeviceError as error:
            ctx.log.warning("fell back", why=str(error))
        await ctx.apply_defaults("encoder")

    await bench.passes(script)
    assert [(line.text, line.data) for line in bench.ledger.lines] == [("fell back", {"why": "no"})]


async def test_steps_may_go_side_by_side(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        await asyncio.gather(*(ctx.step(str(n), lambda key: key) for n in range(5)), ctx.apply_profile("encoder"))

    await bench.passes(script)
    assert len(bench.ledger.done()) == 6


async def test_a_dry_run_sends_nothing_and_shows_what_would_change(bench: Bench) -> None:
    @profile_load
    async def mine(ctx: LoadContext) -> None:
        await ctx.driver.apply(await ctx.driver.plan(ctx.desired), key=ctx.key)
        assert await ctx.driver.verify(ctx.desired) == []

    bench.scripts["mine"] = mine

    async def script(ctx: Context) -> None:
        assert ctx.dry_run
        await ctx.apply_profile("encoder")
        await ctx.apply_defaults("encoder")
        assert await ctx.step("mine", lambda key: 1 / 0) is None

    for load in ("", "mine"):
        bench.ledger.ended.clear()
        await bench.passes(script, dry_run=True, equipment=(replace(ENCODER, load=load),))
        assert bench.device.applied == []
        assert bench.ledger.step("apply_profile:encoder").diff == (
            ("profile.size", None, "1280x720"),
            ("rate", None, 5),
        )


async def test_a_profile_load_script_configures_its_resource(bench: Bench) -> None:
    @profile_load
    async def mine(ctx: LoadContext) -> None:
        assert (ctx.values, ctx.resource.name, ctx.check) == ({"size": "0x0"}, "enc-1", True)
        assert ctx.desired == {"profile.size": "0x0"}
        await ctx.load()
        ctx.give("serial", 17)

    bench.scripts["mine"] = mine

    async def script(ctx: Context) -> None:
        ctx.give("got", dict(await ctx.apply_defaults("encoder")))

    report = await bench.passes(script, equipment=(replace(ENCODER, load="mine"),))
    assert report.returned == {"got": {"serial": 17}}
    assert bench.ledger.step("apply_defaults:encoder").diff == (("profile.size", None, "0x0"),)
    message = await bench.fails(script, equipment=(replace(ENCODER, load="none"),))
    assert message == "apply_defaults:encoder on enc-1: the script none is not installed"
    message = await bench.fails(script, equipment=(replace(ENCODER, load="script"),))
    assert message == "apply_defaults:encoder on enc-1: the script script is an LSO script, not a profile-load script"


async def test_output_is_capped(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        for _ in range(200):
            ctx.log.info("x" * 100_000)
        await ctx.apply_profile("encoder", step="although it said so much")

    await bench.passes(script)
    assert [len(line.text) for line in bench.ledger.lines[:-1]] == [10_000] * 100
    assert bench.ledger.lines[-1].text == "the log is over 1000 kB: further lines are not kept"
    assert bench.ledger.step("although it said so much").state is StepState.DONE
    many = {f"p{n}": "x" * 1000 for n in range(100)}
    await bench.passes(lambda_script(lambda c: c.apply_profile("encoder")), equipment=(replace(ENCODER, values=many),))
    diff = bench.ledger.step("apply_profile:encoder").diff
    assert 50 < len(diff) < 70
    assert diff[-1][2] == f"{100 - len(diff) + 1} more changes, not kept: the diff is over 64 kB"


async def test_what_is_logged_makes_no_run_fail(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        ctx.log.error("could not", why=ValueError("no"), raw=b"\xff", again=[{"set": {1}}], odd="\udc80")

    await bench.passes(script)
    assert bench.ledger.lines[-1].data == {"why": "no", "raw": "/w==", "again": [{"set": [1]}], "odd": "?"}


@pytest.mark.parametrize(
    ("reason", "after"),
    [(5, None), ("soon", "5"), ("soon", -1), ("soon", float("nan")), ("soon", float("inf")), ("soon", True)],
)
def test_what_is_no_retry_is_told_where_it_is_made(reason: Any, after: Any) -> None:
    with pytest.raises(TypeError, match="write Retry\\('why', after=seconds\\), from 0 to 86400 seconds"):
        Retry(reason, after=after)


async def test_a_missing_driver_is_told(bench: Bench) -> None:
    message = await bench.fails(
        lambda_script(lambda c: c.apply_profile("encoder")), equipment=(replace(ENCODER, driver="snmp"),)
    )
    assert message == "apply_profile:encoder on enc-1: there is no driver snmp (configured: memory)"


async def test_a_changed_address_gets_a_new_session(bench: Bench) -> None:
    runner = InlineRunner(
        {"script": lambda_script(lambda c: c.apply_profile("encoder"))}, {"memory": bench.device}, sleep=bench.sleep
    )
    for port in (1, 1, 2):
        order = bench.order(equipment=(replace(ENCODER, address={"port": port}),))
        await runner.run(order, bench.ledger, booking=1, fence_of=(7, 1))
    assert (bench.device.opened, bench.device.closed) == (2, 1)
    await runner.close()
    assert bench.device.closed == 2


async def test_an_inline_run_can_be_cancelled_and_has_its_time(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        await ctx.step("wait", lambda key: asyncio.Event().wait())

    async def slow(ctx: Context) -> None:
        await ctx.step("wait", lambda key: hang())

    report = await bench.run(slow, timeout_us=60_000_000)
    assert (report.message, report.unknown_steps) == ("script: not done after 60 s", ("wait",))
    runner = InlineRunner({"script": script}, {})
    run = runner.run(bench.order(run="run-2"), bench.ledger, booking=1, fence_of=(7, 1))
    await bench.ledger.until(lambda: len(bench.ledger.begun) == 2)
    runner.cancel("run-2")
    report = await run
    assert (report.cancelled, report.unknown_steps) == (True, ("wait",))


def test_inline_scripts_are_async() -> None:
    @lso
    def plain(ctx: Context) -> None: ...

    with pytest.raises(ValueError, match="not async def: plain"):
        InlineRunner({"plain": plain}, {})


async def test_a_call_that_is_forgotten_does_not_end_well(bench: Bench) -> None:
    @profile_load
    async def careless(ctx: LoadContext) -> None:
        ctx.driver.apply(Plan())  # type: ignore[unused-coroutine]

    async def script(ctx: Context) -> None:
        ctx.apply_combined("encoder")  # type: ignore[unused-coroutine]

    bench.scripts["careless"] = careless
    assert await bench.fails(script) == (
        "the script ended without ctx.apply_combined('encoder'), which it called and did not await"
    )
    loads = lambda_script(lambda c: c.apply_profile("encoder"))
    message = await bench.fails(loads, equipment=(replace(ENCODER, load="careless"),))
    assert "without ctx.driver.apply(...)" in message
    assert bench.device.applied == []


async def test_what_a_script_has_begun_is_over_before_its_run_is(bench: Bench) -> None:
    async def script(ctx: Context) -> None:
        tasks.append(asyncio.ensure_future(ctx.step(name, do)))
        await asyncio.sleep(0)

    async def tune(_: str) -> None:
        await bench.ledger.until_begun("tune")

    async def fail(_: str) -> None:
        raise GiveUp("no signal")

    tasks: list[object] = []
    name, do = "tune", tune
    await bench.passes(script)
    assert bench.ledger.done() == {("run-1", "tune"): 1}
    name, do = "look", fail
    assert await bench.fails(script) == "look: no signal"


async def test_what_is_under_way_when_a_script_fails_is_stopped(bench: Bench) -> None:
    stopped: list[str] = []

    async def forever(_: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append("tune")

    async def fail(_: str) -> None:
        await bench.ledger.until_begun("tune")
        raise GiveUp("no signal")

    async def script(ctx: Context) -> None:
        await asyncio.gather(ctx.step("tune", forever), ctx.step("look", fail))

    report = await bench.run(script)
    assert (report.outcome, report.message, report.unknown_steps) == (Outcome.FAILED, "look: no signal", ("tune",))
    assert stopped == ["tune"]
