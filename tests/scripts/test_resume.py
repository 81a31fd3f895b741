# SPDX-License-Identifier: Apache-2.0
"""After a crash: what is done is not done again, what was under way is probed, what is doubtful is asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from preroll.domain.machine import Outcome
from preroll.ports.rows import RecordedStep, StepState, Verdict
from tests.scripts.rig import Room

POINTS = ["host.started", "host.begun", "host.applied", "host.ended", "host.finishing"]
UP = """
    from pathlib import Path

    @lso
    async def up(ctx):
        for label in ctx.resources:
            await ctx.apply_combined(label)
        note = Path(ctx.booking.properties["note"])
        count = await ctx.step(
            "note",
            lambda key: note.open("a").write(key),
            probe=lambda: note.exists(),
        )
        ctx.give("count", count)

    @lso
    def plain(ctx):
        for label in ctx.resources:
            ctx.apply_combined(label)
        note = Path(ctx.booking.properties["note"])
        ctx.step("note", lambda key: note.open("a").write(key), probe=note.exists)
"""


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("script", ["up", "plain"])
async def test_a_host_killed_at_a_named_point_loses_and_repeats_nothing(room: Room, point: str, script: str) -> None:
    room.write("up.py", UP)
    crashing = [sys.executable, str(Path(__file__).with_name("crashing_host.py")), str(room.device_files), point]
    pool = await room.pool(command=crashing)
    properties = {"note": str(room.device_files / "note")}
    order = room.order(script, room.equipment("encoder"), room.equipment("decoder"), properties=properties)
    report = await room.report(pool, order)
    assert (room.device_files / "crashed").exists()
    assert (report.outcome, report.message) == (Outcome.OK, "")
    assert room.applies("encoder") == room.applies("decoder") == 1
    assert (room.device_files / "note").read_text() == f"{order.key_prefix}:note"
    assert max(room.ledger.done().values()) == 1
    assert {name for _, name in room.ledger.done()} == {"apply_combined:encoder", "apply_combined:decoder", "note"}


async def test_a_host_that_dies_in_a_further_attempt_costs_no_attempt(room: Room) -> None:
    """Attempts go on counting over the deaths of hosts: the journal takes only a further one."""
    room.write(
        "up.py",
        """
        import os, signal
        from pathlib import Path

        @lso
        async def up(ctx):
            note = Path(ctx.booking.properties["note"])
            async def do(key):
                note.open("a").write("x")
                tries = note.stat().st_size
                if tries == 1:
                    raise Busy("wait")
                if tries in (2, 3):
                    os.kill(os.getpid(), signal.SIGKILL)
                return tries
            ctx.give("tries", await ctx.step("a", do, repeatable=True))
        """,
    )
    pool = await room.pool()
    note = room.device_files / "note"
    report = await room.report(pool, room.order("up", properties={"note": str(note)}))
    assert (report.message, report.returned) == ("", {"tries": 4})
    assert [s.attempt for s in room.ledger.begun] == [1, 2, 3, 4]


STEPS = """
    @lso
    async def steps(ctx):
        given = await ctx.step("first", lambda key: ctx.log.info("did first") or "new")
        await ctx.step("second", lambda key: ctx.log.info("did second"), {options})
        ctx.give("first", given)
"""


@pytest.mark.parametrize(
    ("state", "options", "again", "message"),
    [
        (StepState.BEGUN, "repeatable=True", True, ""),
        (StepState.BEGUN, "probe=lambda: True", False, ""),
        (StepState.BEGUN, "probe=lambda: False", True, ""),
        (StepState.BEGUN, "", False, "second: step second was under way in a crash"),
        (StepState.UNKNOWN, "", True, ""),
        (StepState.UNKNOWN, "probe=lambda: True", False, ""),
        (StepState.FAILED, "", True, ""),
    ],
)
async def test_a_recorded_step(room: Room, state: StepState, options: str, again: bool, message: str) -> None:
    room.write("steps.py", STEPS.format(options=options))
    pool = await room.pool()
    recorded = (RecordedStep("first", StepState.DONE, {"old": 1}), RecordedStep("second", state))
    report = await room.report(pool, room.order("steps", steps=recorded))
    assert report.message.startswith(message)
    assert bool(report.message) == bool(message)
    assert [line.text for line in room.ledger.lines] == (["did second"] if again else [])
    assert [(s.name, s.attempt) for s in room.ledger.begun] == [("second", 2)]
    if message:
        assert room.ledger.step("second").state is StepState.UNKNOWN
    else:
        assert report.returned == {"first": {"old": 1}}


async def test_a_resumed_run_wants_the_version_that_it_began_with(room: Room) -> None:
    room.write("up.py", UP)
    pool = await room.pool()
    report = await room.report(pool, room.order("up", version="000000000000"))
    assert report.outcome is Outcome.FAILED
    version = pool.installed()[0].version
    assert report.message == (
        f"ScriptChanged: the run began with version 000000000000 of up, and version {version} is installed now"
    )


async def test_a_fenced_run_stops_and_touches_nothing(room: Room) -> None:
    room.write(
        "up.py",
        """
        @lso
        async def up(ctx):
            for label in ctx.resources:
                try:
                    await ctx.apply_combined(label)
                except Exception:
                    ctx.log.error("never")
        """,
    )
    pool = await room.pool()
    room.ledger.verdicts["apply_combined:decoder"] = Verdict.FENCED
    equipment = [room.equipment(label) for label in ("encoder", "decoder", "recorder")]
    report = await room.report(pool, room.order("up", *equipment))
    assert report.fenced
    assert report.outcome is Outcome.FAILED
    assert [room.applies(e.label) for e in equipment] == [1, 0, 0]
    assert room.ledger.lines == []


async def test_a_journal_that_cannot_be_asked_ends_the_run_with_its_error(room: Room) -> None:
    room.write("up.py", UP)
    pool = await room.pool()
    room.ledger.fault = ConnectionError("the store is away")
    with pytest.raises(ConnectionError, match="the store is away"):
        await room.report(pool, room.order("up", room.equipment("encoder")))
    assert room.applies("encoder") == 0
