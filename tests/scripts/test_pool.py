# SPDX-License-Identifier: Apache-2.0
"""The pool: catalogue, changes of the folder, hosts that cannot start, cancelling and leaving."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from preroll.domain.boundaries import Reason
from preroll.domain.errors import BadSettings
from preroll.domain.machine import Outcome
from preroll.ports.scripts import ScriptKind
from tests.scripts.rig import PATIENCE, ROOT, Room, leap

ONE = """
@lso
async def one(ctx):
    ctx.give("answer", 1)
"""
WAITS = """
import asyncio

@lso
async def waits(ctx):
    await ctx.step("wait", lambda key: asyncio.Event().wait())

@lso
def waits_in_a_thread(ctx):
    async def wait(): await asyncio.Event().wait()
    ctx.step("fine", lambda key: None)
    ctx.apply_profile("encoder")

@lso
async def stubborn(ctx):
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ctx.log.info("no")
"""


async def gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{pid}").exists() and "zombie" not in Path(f"/proc/{pid}/status").read_text():
            await asyncio.sleep(0.01)


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not met():
            await asyncio.sleep(0.01)


async def test_a_missing_script_and_one_of_another_kind_are_told(room: Room) -> None:
    room.write("one.py", ONE)
    pool = await room.pool()
    report = await room.report(pool, room.order("two"))
    assert (report.outcome, report.reason) == (Outcome.FAILED, Reason.SCRIPT_MISSING)
    assert report.message == "the script two is not installed"
    report = await room.report(pool, room.order("one", kind=ScriptKind.START_FAILURE))
    assert report.message == "the script one is an LSO script, not a start failure script"


async def test_a_change_of_the_folder_is_noticed_when_a_run_is_submitted(room: Room) -> None:
    room.write("one.py", ONE)
    pool = await room.pool(look=0.0)
    old = pool.pids()
    first = await room.report(pool, room.order("one"))
    room.write("one.py", ONE.replace("1)", "222)"))
    second = await room.report(pool, room.order("one"))
    assert (first.returned, second.returned) == ({"answer": 1}, {"answer": 222})
    assert first.version != second.version == pool.installed()[0].version
    await gone(old[0])


async def test_a_new_script_runs_at_once(room: Room) -> None:
    pool = await room.pool(look=1e9)
    room.write("one.py", ONE)
    assert (await room.report(pool, room.order("one"))).outcome is Outcome.OK
    room.write("two.py", ONE.replace("one", "two"))
    await pool.refresh()
    assert [s.name for s in pool.installed()] == ["one", "two"]


async def test_what_is_put_into_the_folder_is_found_though_nothing_runs(room: Room) -> None:
    pool = await room.pool(look=0.0, pulse=0.05)
    assert pool.installed() == ()
    room.write("one.py", ONE)
    await until(lambda: [script.name for script in pool.installed()] == ["one"])
    room.write("one.py", "import nothing_of_that_name")
    await until(lambda: [Path(broken.source).name for broken in pool.broken()] == ["one.py"])
    assert pool.installed() == ()


async def test_runs_of_the_old_folder_end_in_their_host(room: Room) -> None:
    flag = room.device_files / "go"
    text = """
    import asyncio
    from pathlib import Path

    @lso
    async def one(ctx):
        await ctx.step("a", lambda key: None)
        while not Path(ctx.booking.properties["flag"]).exists():
            await asyncio.sleep(0.01)
        await ctx.step("b", lambda key: None)
    """
    room.write("one.py", text)
    pool = await room.pool()
    run = room.run(pool, room.order("one", properties={"flag": str(flag)}))
    await room.ledger.until_begun("a")
    old, version = pool.pids(), pool.installed()[0].version
    room.write("one.py", text + "# changed")
    await pool.refresh()
    flag.touch()
    assert (await run).version == version != pool.installed()[0].version
    await gone(old[0])


async def test_a_run_that_lost_its_host_and_its_script_is_told(room: Room) -> None:
    room.write("one.py", WAITS)
    pool = await room.pool()
    run = room.run(pool, room.order("waits"))
    await room.ledger.until_begun("wait")
    old = pool.pids()
    room.write("one.py", WAITS + "# changed")
    await pool.refresh()
    os.kill(old[0], signal.SIGKILL)
    report = await run
    assert report.reason is Reason.SCRIPT_MISSING
    assert report.message.startswith("ScriptChanged: the run began with version ")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("import os; os._exit(9)", "exit code 9"),
        ("import time; time.sleep(3600)", "it was not ready after 3600 s"),
    ],
    ids=["dies", "hangs"],
)
async def test_a_file_that_takes_hosts_down_at_import_is_left_out(room: Room, text: str, how: str) -> None:
    bad = str(room.write("bad.py", text))
    room.write("one.py", ONE)
    starting = asyncio.create_task(room.pool(start=3600, silence=1e9, pulse=0.05, hosts=2))
    while not (starting.done() and all(host.ready for host in starting.result()._hosts)):
        late = [host.loading for pool in room.pools for host in pool._hosts if not host.ready]
        if "sleep" in text and late and set(late) == {bad}:
            leap(3601)
        await asyncio.sleep(0.01)
    pool = starting.result()
    assert [s.name for s in pool.installed()] == ["one"]
    assert [(b.source, b.error) for b in pool.broken()] == [
        (str(room.folder / "bad.py"), f"a host died while importing it ({how})")
    ]
    assert (await room.report(pool, room.order("one"))).outcome is Outcome.OK


async def test_hosts_that_cannot_start_are_told(room: Room) -> None:
    with pytest.raises(BadSettings, match="script hosts cannot be started: exit code 4"):
        await room.pool(command=[sys.executable, "-c", "raise SystemExit(4)"])
    report = await room.report(room.pools[0], room.order("one"))
    assert report.reason is Reason.UNEXPECTED
    assert report.message == "script hosts cannot be started: exit code 4"


@pytest.mark.parametrize("script", ["waits", "waits_in_a_thread"])
async def test_a_cancelled_run_stops_and_its_host_lives(room: Room, script: str) -> None:
    room.write("waits.py", WAITS)
    pool = await room.pool()
    before = pool.pids()
    run = room.run(pool, room.order(script, room.equipment("encoder", hangs=True)))
    wait = "wait" if script == "waits" else "apply_profile:encoder"
    await room.ledger.until_begun(wait)
    pool.cancel("run-1")
    report = await run
    assert (report.outcome, report.cancelled, report.unknown_steps) == (Outcome.FAILED, True, (wait,))
    assert report.message == f"{script}: cancelled in step {wait}"
    assert pool.pids() == before


async def test_a_run_may_be_cancelled_before_it_has_begun(room: Room) -> None:
    room.write("waits.py", WAITS)
    pool = await room.pool()
    before = pool.pids()
    run = room.run(pool, room.order("waits"))
    pool.cancel("run-1")
    report = await run
    assert (report.cancelled, report.message) == (True, "waits: cancelled")
    assert pool.pids() == before
    assert room.ledger.begun == []


async def test_a_run_that_does_not_let_itself_be_cancelled_is_killed(room: Room) -> None:
    room.write("waits.py", WAITS)
    room.write("one.py", ONE)
    pool = await room.pool()
    before = pool.pids()
    run = room.run(pool, room.order("stubborn", grace_us=200_000))
    assert (await room.report(pool, room.order("one"))).outcome is Outcome.OK
    pool.cancel("run-1")
    report = await run
    assert report.cancelled
    assert report.message == "stubborn: cancelled; it did not stop within 0.2 s and its host was killed"
    assert pool.pids() != before
    assert (await room.report(pool, room.order("one"))).outcome is Outcome.OK


async def test_more_culprits_than_hosts_of_their_own(room: Room) -> None:
    """A host dies with many runs in it: they go on alone, a few at a time, and only the guilty one fails."""
    room.write(
        "many.py",
        """
        import asyncio, os

        @lso
        async def fine(ctx):
            await ctx.step("a", lambda key: asyncio.sleep(0))
            await ctx.step("b", lambda key: asyncio.sleep(0.05), repeatable=True)

        @lso
        async def bad(ctx):
            os._exit(5)
        """,
    )
    pool = await room.pool(solo=2)
    runs = [room.run(pool, room.order("bad" if n in (3, 7) else "fine")) for n in range(10)]
    async with asyncio.timeout(PATIENCE):
        reports = await asyncio.gather(*runs)
    assert [n for n, r in enumerate(reports) if r.outcome is Outcome.FAILED] == [3, 7]
    assert reports[3].message == "its host died (exit code 5)"
    assert max(room.ledger.done().values()) == 1


async def test_closing_lets_runs_finish_and_breaks_off_the_rest(room: Room) -> None:
    room.write("waits.py", WAITS)
    pool = await room.pool()
    pids = pool.pids()
    run = room.run(pool, room.order("waits"))
    await room.ledger.until_begun("wait")
    await pool.close(0.05)
    assert run.cancelled()
    assert pool.pids() == []
    assert room.run(pool, room.order("waits")).cancelled()
    await gone(pids[0])


async def test_a_host_ends_with_its_engine(room: Room, tmp_path: Path) -> None:
    """An engine is killed while one script burns the loop and another a thread: nothing is left of its hosts."""
    room.write(
        "burn.py",
        """
        @lso
        async def burn(ctx):
            ctx.log.info("burning")
            while True: pass

        @lso
        def burn_too(ctx):
            ctx.log.info("burning")
            while True: pass
        """,
    )
    engine = tmp_path / "engine.py"
    engine.write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "from tests.scripts.rig import Room, spawn_cold\n"
        "async def main():\n"
        f"    room = Room(Path({str(room.folder)!r}), Path({str(room.device_files)!r}), spawn=spawn_cold)\n"
        "    pool = await room.pool(hosts=2, stall=1e9, silence=1e9)\n"
        "    runs = [room.run(pool, room.order(s)) for s in ('burn_too', 'burn')]\n"
        "    await room.ledger.until(lambda: len(room.ledger.lines) >= 1)\n"
        "    print(*pool.pids(), flush=True)\n"
        "    await asyncio.gather(*runs)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(engine)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
    )
    try:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
    finally:
        process.kill()
        process.wait(30)
    process.stdout.close()
    for pid in pids:
        await gone(pid)


async def test_the_log_tells_of_a_host_that_is_gone(room: Room) -> None:
    room.write("waits.py", WAITS)
    pool = await room.pool()
    before = set(pool.pids())
    with capture_logs() as lines:
        run = room.run(pool, room.order("waits"))
        await until(lambda: bool(pool._runs) and all(r.host for r in pool._runs.values()))
        (host,) = {r.host for r in pool._runs.values()}
        assert host is not None
        host.kill("it was silent for 3 s")
        await until(lambda: host.pid not in pool.pids())
        run.cancel()
    assert gone_of(lines) == [(host.pid, "it was silent for 3 s", ["Cup final"], [])]
    assert host.pid in before


async def test_the_log_tells_that_a_host_was_idle(room: Room) -> None:
    pool = await room.pool()
    (idle,) = pool.pids()
    with capture_logs() as lines:
        os.kill(idle, signal.SIGKILL)
        await until(lambda: idle not in pool.pids())
    assert gone_of(lines) == [(idle, "signal SIGKILL", [], [])]


async def test_the_log_tells_what_is_over_with_its_host(room: Room) -> None:
    room.write("waits.py", WAITS)
    pool = await room.pool()
    (pid,) = pool.pids()
    run = room.run(pool, room.order("stubborn", grace_us=1))
    await room.report(pool, room.order("two"))  # it has begun before this one
    with capture_logs() as lines:
        pool.cancel("run-1")
        assert (await run).cancelled
    assert gone_of(lines) == [(pid, "stubborn did not stop", [], ["Cup final"])]


def gone_of(lines: Sequence[MutableMapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What the log says of hosts that are gone: which, why, the bookings that go on, and those that do not."""
    found = [line for line in lines if "is gone" in line["event"]]
    return [(one["pid"], one["why"], one["resumed"], one["ended"]) for one in found]


async def test_a_host_of_one_run_leaves_when_that_is_over_and_is_not_told_of(room: Room) -> None:
    room.write(
        "waits.py",
        """
        import asyncio
        from pathlib import Path

        @lso
        async def waits(ctx):
            await ctx.step("begin", lambda key: None)
            while not Path(ctx.booking.properties["flag"]).exists():
                await asyncio.sleep(0.01)
        """,
    )
    pool = await room.pool()
    (shared,) = pool.pids()
    flag = room.device_files / "go"
    with capture_logs() as lines:
        run = room.run(pool, room.order("waits", properties={"flag": str(flag)}))
        await room.ledger.until(lambda: bool(room.ledger.done()))
        os.kill(shared, signal.SIGKILL)
        await until(lambda: len(pool.pids()) == 2 and shared not in pool.pids())
        flag.touch()
        assert (await run).outcome is Outcome.OK
        await until(lambda: len(pool.pids()) == 1)
    assert [pid for pid, *_ in gone_of(lines)] == [shared]
