# SPDX-License-Identifier: Apache-2.0
"""What an author can ask of a change, what is refused before anything is written, and what is told when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest

from preroll.domain.machine import Outcome
from preroll.ports.rows import Severity, StepState
from preroll.sdk import Audit, AuditState, ChangeFailed, Context, Scene, Secret, Stand, Turns, lso
from tests.scripts.changing import ABLE, LABELS, NEW, OLD, Lab
from tests.scripts.rig import PATIENCE, Room

BOTH_NEW = dict.fromkeys(LABELS, NEW)
BOTH_OLD = dict.fromkeys(LABELS, OLD)
BOTH = "PE1 (pe1), PE2 (pe2)"


class Probe:
    """A check that does something, and then says what it was told to say."""

    what = "the circuit"

    def __init__(self, state: AuditState = AuditState.UP, do: Callable[[], object] = lambda: None) -> None:
        self.state, self.do = state, do

    async def look(self, scene: Scene | None = None, /) -> Audit:
        done = self.do()
        if asyncio.iscoroutine(done):
            await done
        return Audit(self.state, {"loss": 100}, "no answer", self.what)


def asking(**terms: Any) -> Callable[[Context], Any]:
    @lso
    async def script(ctx: Context) -> None:
        plans = await ctx.change(*terms.pop("labels", ()), **terms)
        ctx.give("changed", {label: [str(change) for change in plan.changes] for label, plan in plans.items()})

    return script


# What can be asked for


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("combined", {"rate": 9, "on": True}),
        ("profile", NEW),
        ("state", {"rate": 9, "on": False}),
        ("defaults", {"rate": 1, "on": False}),
        ({"PE1": {"rate": 6}, "PE2": {"rate": 6}}, {"rate": 6, "on": False}),
    ],
)
async def test_which_values(values: Any, expected: Mapping[str, object]) -> None:
    lab = Lab()
    equipment = tuple(
        replace(lab.equipment(label), states={"START": {"rate": 9}}, defaults={"rate": 1}) for label in LABELS
    )
    assert (await lab.live(asking(values=values), equipment=equipment)).message == ""
    assert lab.settled() == dict.fromkeys(LABELS, expected)


async def test_the_devices_that_are_named_and_what_was_changed_on_them() -> None:
    lab = Lab()
    report = await lab.live(asking(labels=["PE2"]))
    assert report.returned == {"changed": {"PE2": ["rate: 4 -> 8", "on: False -> True"]}}
    assert lab.settled() == {"PE1": OLD, "PE2": NEW}
    assert lab.journal.said() == "change:START: new: PE2 (pe2)"


async def test_what_is_so_already_is_not_touched() -> None:
    lab = Lab()
    lab.world.tamper("pe1", NEW)
    assert (await lab.live()).message == ""
    assert lab.settled() == BOTH_NEW
    assert lab.world.applied("pe1") == []
    assert "change:START:apply:PE1" not in lab.journal.steps


async def test_one_by_one_the_next_waits_until_the_one_before_is_read_back() -> None:
    lab = Lab()
    lab.world.fault("pe1", "lies", on="apply")
    report = await lab.live(asking(turns="one by one"))
    assert "check set failed" in report.message
    assert f"change:START:apply:{LABELS[1]}" not in lab.journal.steps
    assert lab.values() == BOTH_OLD


async def test_together_those_that_take_it_back_by_themselves_go_first() -> None:
    lab = Lab({"PE1": (), "PE2": ABLE})
    assert (await lab.live()).message == ""
    steps = list(lab.journal.steps)
    assert steps.index("change:START:verify:PE2") < steps.index("change:START:apply:PE1")


async def test_two_changes_of_a_run() -> None:
    @lso
    async def script(ctx: Context) -> None:
        await ctx.change("PE1", name="first")
        await ctx.change("PE2", name="second")

    lab = Lab()
    assert (await lab.live(script)).message == ""
    assert lab.settled() == BOTH_NEW
    assert {name.rsplit(":")[1] for name in lab.journal.steps} == {"first", "second"}


async def test_a_plan_of_a_dry_run_applies_nothing() -> None:
    lab = Lab()
    assert (await lab.live(dry_run=True)).message == ""
    assert lab.values() == BOTH_OLD
    assert list(lab.journal.steps) == ["change:START:plan"]


async def test_an_audit_sees_the_new_values_and_decides() -> None:
    lab, seen = Lab(), []
    good = Probe(do=lambda: seen.append(lab.values()))
    assert (await lab.live(asking(audit=[good, good]))).message == ""
    assert seen == [BOTH_NEW, BOTH_NEW]
    assert {"change:START:audit:1", "change:START:audit:2"} <= lab.journal.steps.keys()


async def test_two_nodes_on_one_device_take_turns_and_need_no_window() -> None:
    """A device has one confirmed commit at a time."""
    lab = Lab()
    box = {"address": {"device": "pe1", "caps": ABLE}, "device": "box"}
    equipment = tuple(replace(lab.equipment(label), **box) for label in LABELS)
    values = {"PE1": {"rate": 8}, "PE2": {"on": True}}
    report = await lab.live(asking(values=values, audit=Probe(AuditState.DOWN), within=0), equipment=equipment)
    assert "both old: PE1 (pe1), PE2 (pe2)" in report.message
    assert lab.values()["PE1"] == OLD
    assert (await lab.retry(asking(values=values), equipment=equipment)).message == ""
    assert lab.settled()["PE1"] == NEW
    assert "pending" not in [entry.what for entry in lab.world.log("pe1")]


# What is refused, with nothing written


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"labels": ["PE9"]}, "no node is labelled 'PE9' (the booking's nodes with a resource: PE1, PE2)"),
        ({"name": "a:b"}, "a change cannot be named 'a:b': give it a name without : and #"),
        ({"name": "x" * 190}, "change:" + "x" * 190 + ": name and label together are"),
        ({"values": {}}, "change:START: there is no device to change"),
        ({"values": "state"}, "change:START: profile circuit has no values for START (it has no state)"),
        (
            {"audit": Probe(), "within": 20.0, "window": 20.0},
            "change:START: the window of 20 s would end before the audit can be done, which may take 20 s: nothing",
        ),
    ],
)
async def test_what_cannot_be_asked(terms: dict[str, Any], message: str) -> None:
    lab = Lab()
    report = await lab.live(asking(**terms))
    assert report.message.startswith(message)
    assert lab.values() == BOTH_OLD
    assert not [name for name in lab.journal.steps if "apply" in name]


async def test_a_profile_that_is_loaded_by_a_script_is_refused() -> None:
    lab = Lab()
    report = await lab.live(equipment=(replace(lab.equipment("PE1"), load="own"), lab.equipment("PE2")))
    assert report.message == (
        "change:START: the profile of PE1 (own) has a profile-load script of its own; only values can be changed as one"
    )


async def test_a_name_is_used_once_and_the_steps_are_its_own() -> None:
    @lso
    async def twice(ctx: Context) -> None:
        await ctx.change("PE1")
        await ctx.change("PE2")

    @lso
    async def forged(ctx: Context) -> None:
        await ctx.step("change:START:decided:commit", lambda key: key)

    assert "two changes of this run are named START" in (await Lab().live(twice)).message
    assert "are those of ctx.change" in (await Lab().live(forged)).message


async def test_a_device_that_cannot_be_planned_is_named() -> None:
    lab = Lab()
    lab.world.fault("pe2", "vanishes", on="plan")
    report = await lab.live()
    assert report.message == (
        "change:START: plan on pe2: connection refused (3 attempts); nothing was written: both are old"
    )


async def test_an_undo_that_is_too_large_to_be_kept_is_refused() -> None:
    lab = Lab()
    lab.world.tamper("pe1", {"banner": "x" * 1_200_000})
    report = await lab.live(asking(values={"PE1": {"banner": ""}, "PE2": {"rate": 8}}))
    assert report.message == (
        "change:START: plan: the result of a step takes the run's output over 1000 kB; "
        "nothing was written: both are old"
    )
    assert lab.world.applied("pe1") == lab.world.applied("pe2") == []


# What is told when it fails


async def test_an_audit_that_is_down_takes_all_back() -> None:
    lab = Lab()
    report = await lab.live(asking(audit=Probe(AuditState.DOWN), within=0))
    assert report.message == f"change:START: audit: the circuit: Down: no answer; both old: {BOTH}"
    assert lab.values() == BOTH_OLD
    assert lab.journal.states()["change:START:decided:revert"] is StepState.DONE


@pytest.mark.parametrize(
    ("terms", "what"),
    [({}, "everything is verified"), ({"audit": Probe(), "within": 0.0}, "the audit of the circuit can be done")],
)
async def test_a_window_that_is_over_too_soon_is_told(terms: dict[str, Any], what: str) -> None:
    lab = Lab()
    report = await lab.live(asking(window=1e-6, **terms))
    assert report.message == (
        f"change:START: the window of 1e-06 s would end before {what}: give it more (window=...); both old: {BOTH}"
    )
    assert lab.values() == BOTH_OLD


async def test_what_could_not_be_undone_is_listed_in_message_log_and_error() -> None:
    lab, caught = Lab({"PE1": ABLE, "PE2": ()}), []

    @lso
    async def script(ctx: Context) -> None:
        try:
            await ctx.change()
        except ChangeFailed as failed:
            caught.append(failed)
            raise

    lab.world.fault("pe2", "vanishes", on=frozenset({"verify", "rollback"}))
    report = await lab.live(script)
    left = "undo:PE2 on pe2: connection refused (3 attempts); left to undo: rate: 4 -> 8, on: False -> True"
    assert report.message == (
        "change:START: verify:PE2 on pe2: connection refused (3 attempts); "
        f"NOT all old: PE2 (pe2): {left}; old: PE1 (pe1)"
    )
    assert (caught[0].stand, caught[0].residue) == (Stand.OPEN, {"PE2": left})
    line = lab.journal.lines[-1]
    assert (line.severity, line.data) == (Severity.ERROR, {"stand": "open", "residue": {"PE2": left}})
    assert lab.settled() == {"PE1": OLD, "PE2": NEW}
    assert "change:START:old" not in lab.journal.steps
    lab.world.clear("pe2")
    assert (await lab.retry(script)).message == ""
    assert f"change:START: both old: {BOTH}" in lab.journal.said(), "the retry goes back first"
    assert lab.settled() == BOTH_NEW
    assert "change:START#2:new" in lab.journal.steps


async def test_what_is_left_is_told_in_a_text_that_can_be_read() -> None:
    lab = Lab(dict.fromkeys(LABELS, ()))
    lab.world.tamper("pe1", {"banner": "x" * 100_000})
    lab.world.fault("pe1", "vanishes", on=frozenset({"verify", "rollback"}))
    values = {"PE1": {f"port.{n}": n for n in range(9)} | {"banner": ""}, "PE2": {"rate": 8}}
    report = await lab.live(asking(values=values))
    assert "NOT all old: PE1 (pe1): " in report.message
    assert ", 5 more; old: PE2 (pe2)" in report.message
    assert max(len(line.text) for line in lab.journal.lines) < 1000


async def test_what_was_decided_only_goes_forward() -> None:
    """PE2 is away when it is to be confirmed, and takes it back; the retry gives it again, and leaves PE1 alone."""
    lab = Lab()
    lab.world.fault("pe2", "vanishes", on="confirm")
    report = await lab.live()
    assert report.message == (
        "change:START: was decided, and could not be brought to its end; NOT all new: PE2 (pe2): confirm:PE2 on pe2: "
        "connection refused (3 attempts); left to confirm: rate: 4 -> 8, on: False -> True; it takes back by itself "
        "what is not confirmed; new: PE1 (pe1)"
    )
    assert lab.settled() == {"PE1": NEW, "PE2": OLD}
    lab.world.clear("pe2")
    told = len(lab.world.log("pe1"))
    assert (await lab.retry()).message == ""
    assert "PE2 (pe2) had taken it back by itself, and gets it again" in lab.journal.said()
    assert lab.settled() == BOTH_NEW
    assert len(lab.world.log("pe1")) == told


async def test_without_the_row_what_was_confirmed_is_taken_back() -> None:
    """The control: a journal that forgets what was decided."""
    for forgets in ("", "decided"):
        lab = Lab()
        lab.journal.forgets = forgets
        await lab.live()
        await lab.live()
        said = [entry.what for entry in lab.world.log("pe1")]
        assert ("rolled back" in said[said.index("confirmed") :]) == bool(forgets)


async def test_a_device_that_is_swapped_before_the_retry_is_left_alone_and_told() -> None:
    lab = Lab(dict.fromkeys(LABELS, ()))
    lab.world.fault("pe2", "vanishes", on=frozenset({"verify", "rollback"}))
    assert "NOT all old: PE2 (pe2)" in (await lab.live()).message
    lab.world.introduce("pe3", OLD)
    spare = replace(lab.equipment("PE2"), id="id-spare", name="pe3", address={"device": "pe3", "caps": ()})
    report = await lab.retry(equipment=(lab.equipment("PE1"), spare))
    assert report.message == ""
    assert (
        "PE2 (pe2) is no longer part of the booking, and is left alone; left to undo: rate: 4 -> 8"
        in lab.journal.said()
    )
    assert (lab.world.values("pe1"), lab.world.values("pe2"), lab.world.values("pe3")) == (NEW, NEW, NEW)


async def test_a_device_that_is_swapped_after_the_decision_is_changed_too() -> None:
    lab = Lab()
    lab.world.fault("pe2", "vanishes", on="confirm")
    assert "NOT all new: PE2 (pe2)" in (await lab.live()).message
    lab.world.introduce("pe3", OLD)
    spare = replace(lab.equipment("PE2"), id="id-spare", name="pe3", address={"device": "pe3", "caps": ()})
    report = await lab.retry(equipment=(lab.equipment("PE1"), spare))
    assert report.message == ""
    lab.settled()
    assert (lab.world.values("pe1"), lab.world.values("pe2"), lab.world.values("pe3")) == (NEW, OLD, NEW)
    assert lab.journal.said().endswith("change:START#2: both new: PE1 (pe1), PE2 (pe3)")


# A run that is stopped


async def test_a_run_that_is_stopped_goes_back_at_once() -> None:
    lab = Lab()

    def stop() -> object:
        lab.runner.cancel("run-1")
        return asyncio.Event().wait()

    report = await lab.live(asking(audit=Probe(do=stop)))
    assert report.message == "script: cancelled"
    assert lab.values() == BOTH_OLD
    assert lab.journal.said().endswith(f"change:START: goes back: the run was stopped\nchange:START: both old: {BOTH}")


class Stopping(Lab):
    """A lab in which the run is stopped as soon as a device is slow."""

    async def pause(self, seconds: float) -> None:
        self.runner.cancel("run-1")
        for _ in range(5):
            await asyncio.sleep(0)
        await super().pause(seconds)


@pytest.mark.parametrize(("call", "stand", "values"), [("verify", "old", OLD), ("confirm", "new", NEW)])
async def test_a_run_that_is_stopped_ends_where_the_decision_says(
    call: str, stand: str, values: Mapping[str, object]
) -> None:
    lab = Stopping()
    lab.world.fault("pe2", "slow", on=call, times=1, seconds=1.0)
    report = await lab.live()
    assert (report.cancelled, report.message) == (True, "script: cancelled")
    assert lab.journal.said().endswith(f"change:START: both {stand}: {BOTH}")
    assert lab.settled() == dict.fromkeys(LABELS, values)


async def test_a_change_that_nobody_awaits_comes_to_its_end() -> None:
    @lso
    async def script(ctx: Context) -> None:
        tasks.append(asyncio.ensure_future(ctx.change()))  # type: ignore[arg-type]
        await asyncio.sleep(0)

    lab, tasks = Lab(), []  # type: ignore[var-annotated]
    assert (await lab.live(script)).message == ""
    assert lab.settled() == BOTH_NEW


PLAIN = """
    import asyncio

    @lso
    def plain(ctx):
        plans = ctx.change("PE1", "PE2", turns="one by one")
        ctx.give("rate", str(plans["PE2"].changes[0]))

    @lso
    def stopped(ctx):
        ctx.change(audit=Forever())

    class Forever:
        what = "the circuit"

        async def look(self, scene=None, /):
            await asyncio.Event().wait()
"""


async def test_a_plain_script_in_a_real_host(room: Room) -> None:
    room.write("plain.py", PLAIN)
    pool = await room.pool(drivers={"sim": "preroll.drivers.sim:sim"})
    lab = Lab()
    equipment = [replace(e, address={**e.address, "initial": OLD, "world": str(room.device_files)})
                 for e in map(lab.equipment, LABELS)]  # fmt: skip
    stopped = room.order("stopped", *equipment)
    run = room.run(pool, stopped)
    await room.ledger.until_begun("change:START:audit")
    pool.cancel(stopped.run)
    async with asyncio.timeout(PATIENCE):
        assert "cancelled" in (await run).message
    assert any(line.text == f"change:START: both old: {BOTH}" for line in room.ledger.lines)
    report = await room.report(pool, room.order("plain", *equipment))
    assert (report.message, report.returned) == ("", {"rate": "rate: 4 -> 8"})
    assert report.outcome is Outcome.OK


# Secrets


@pytest.mark.parametrize("able", [True, False])
async def test_the_journal_has_a_digest_of_a_secret_and_no_secret(able: bool) -> None:
    lab = Lab(dict.fromkeys(LABELS, ABLE if able else ()))
    lab.world.tamper("pe1", {"key": Secret("sesame")})
    script = asking(values={"PE1": {"key": "other", "rate": 8}, "PE2": {"rate": 8}}, turns=Turns.ONE_BY_ONE)
    lab.world.fault("pe2", "refuses", on="apply", times=1)
    report = await lab.live(script)
    assert "both old: " in report.message
    assert lab.values()["PE1"]["key"] == Secret("sesame"), "who applied it has it in memory"
    written = msgspec.json.encode([step.result for step in lab.journal.steps.values()])
    assert b"digest" in written
    assert b"sesame" not in written


async def test_the_old_value_of_a_secret_is_residue_when_nobody_has_it_any_more() -> None:
    script = asking(values={"PE1": {"key": "other", "rate": 8}, "PE2": {"rate": 8}}, turns=Turns.ONE_BY_ONE)
    for instant in count(1):
        lab = Lab(dict.fromkeys(LABELS, ()))
        lab.world.tamper("pe1", {"key": Secret("sesame")})
        await lab.live(script, ends_at=instant)
        if lab.world.applied("pe1"):
            break
    report = await lab.live(script)
    assert "undo:PE1 on pe1: the old value of key is a secret, and is not kept" in report.message
    assert lab.values() == {"PE1": {"rate": 4, "on": False, "key": "other"}, "PE2": OLD}
