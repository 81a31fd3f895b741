# SPDX-License-Identifier: Apache-2.0
"""Whatever an author's code does to its host: the run ends as it should, and no neighbour repeats a completed step."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from dataclasses import replace

import pytest

from preroll.domain.boundaries import Reason
from preroll.domain.machine import Outcome
from preroll.ports.scripts import Report
from tests.scripts.rig import PATIENCE, Room, leap

NEIGHBOUR = """
import asyncio
from pathlib import Path

@lso
async def neighbour(ctx):
    await ctx.apply_profile("decoder")
    flag = Path(ctx.booking.properties["flag"])
    while not flag.exists():
        await asyncio.sleep(0.01)
    await ctx.apply_combined("decoder", step="second")
"""
CULPRITS = {
    "exit": "import os; os._exit(3)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "hog": "hog = [bytearray(4_000_000) for _ in iter(int, 1)]",
    "huge": "hog = bytes(1 << 40)",
}
HOW = {
    "exit": "exit code 3",
    "segfault": "signal SIGSEGV",
    "kill": "signal SIGKILL",
    "hog": "it used more than 64 MB",
    "huge": "it ran out of memory",
}
SIZES = {"memory_limit": 64_000_000, "pulse": 0.05, "stall": 0.5, "silence": 1e9}
MINUTE_US = 60_000_000


def burning(room: Room) -> str:
    """A line of a script: it leaves a mark of its host, which says nothing any more."""
    return f"open('{room.device_files}/burning.' + str(__import__('os').getpid()), 'w').close()"


async def burnt(room: Room, hosts: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(list(room.device_files.glob("burning.*"))) < hosts:
            await asyncio.sleep(0.01)


async def beside_a_neighbour(room: Room, text: str, burning: int = 0) -> Report:
    """The report of a culprit; a neighbour in the same host, in the middle of its work, does not notice.

    Args:
        burning: the culprit's time is over when so many hosts burn, or have burnt; 0: it ends by itself.
    """
    room.write("neighbour.py", NEIGHBOUR)
    room.write("culprit.py", text)
    pool = await room.pool(**SIZES)
    flag = room.folder / "go"
    other = room.run(pool, room.order("neighbour", room.equipment("decoder"), properties={"flag": str(flag)}))
    await room.ledger.until(lambda: bool(room.ledger.done()))
    culprit = room.run(pool, room.order("culprit", room.equipment("encoder"), timeout_us=MINUTE_US, grace_us=1))
    if burning:
        await burnt(room, burning)
        leap(60)
    async with asyncio.timeout(PATIENCE):
        report = await culprit
    flag.touch()
    async with asyncio.timeout(PATIENCE):
        beside = await other
    assert beside.outcome is Outcome.OK, beside.message
    assert room.applies("decoder") == 2
    assert max(room.ledger.done().values()) == 1
    return report


@pytest.mark.parametrize("what", CULPRITS)
@pytest.mark.parametrize("kind", ["async def", "def"])
async def test_a_script_that_kills_its_host_fails_alone(room: Room, what: str, kind: str) -> None:
    wait = "await " if kind == "async def" else ""
    text = f"""
    @lso
    {kind} culprit(ctx):
        {wait}ctx.apply_profile("encoder")
        {wait}ctx.step("crash", lambda key: crash(), repeatable=True)

    def crash():
        {CULPRITS[what]}
    """
    report = await beside_a_neighbour(room, text)
    assert report.outcome is Outcome.FAILED
    assert report.reason is Reason.LSO_FAILED
    assert report.message == f"its host died ({HOW[what]}) in step crash"
    assert report.unknown_steps == ("crash",)
    assert room.applies("encoder") == 1


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt"])
async def test_what_a_task_of_a_script_raises_ends_no_other_run(room: Room, error: str) -> None:
    """Such an error leaves the loop of its host, which turns on."""
    text = f"""
    import asyncio

    @lso
    async def culprit(ctx):
        async def leave():
            raise {error}
        await asyncio.gather(leave(), ctx.apply_profile("encoder"))
    """
    report = await beside_a_neighbour(room, text)
    assert report.outcome is Outcome.FAILED
    assert report.message.startswith(f"{error.partition('(')[0]}")
    assert "(culprit.py, line " in report.message
    assert {attempt for (_, name), attempt in room.ledger.done().items() if name.startswith("apply")} == {1}


async def test_what_failed_in_a_group_of_tasks_is_told(room: Room) -> None:
    """Up to Python 3.12 a TaskGroup leaves its task marked as cancelled."""
    room.write(
        "many.py",
        """
        import asyncio

        async def boom(key):
            1 / 0

        @lso
        async def in_a_group(ctx):
            async with asyncio.TaskGroup() as group:
                group.create_task(ctx.apply_profile("encoder"))
                group.create_task(ctx.step("boom", boom))

        @lso
        async def handles_it(ctx):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(ctx.step("boom", boom))
            except* ZeroDivisionError:
                ctx.give("handled", True)

        @lso
        async def cancels_itself(ctx):
            raise asyncio.CancelledError
        """,
    )
    pool = await room.pool()
    report = await room.report(pool, room.order("in_a_group", room.equipment("encoder")))
    assert report.message == "boom: ZeroDivisionError: division by zero (many.py, line 6)"
    report = await room.report(pool, room.order("handles_it"))
    assert (report.outcome, report.returned) == (Outcome.OK, {"handled": True})
    report = await room.report(pool, room.order("cancels_itself"))
    assert report.message == "cancels_itself: ended by a CancelledError of its own"


@pytest.mark.parametrize(
    ("kind", "body", "hosts"),
    [
        ("async def", "while True: pass", 2),
        ("def", "while True: pass", 1),
        ("async def", "import time; time.sleep(1e6)", 2),
        ("def", "import time; time.sleep(1e6)", 1),
    ],
    ids=["burns the loop", "burns a thread", "blocks the loop", "blocks a thread"],
)
async def test_a_script_that_never_ends_is_killed_after_its_time(room: Room, kind: str, body: str, hosts: int) -> None:
    """Who is in the way of the loop is in two hosts one after the other: the one of all, and one of its own."""
    wait = "await " if kind == "async def" else ""
    text = f"""
    @lso
    {kind} culprit(ctx):
        {wait}ctx.apply_profile("encoder")
        {burning(room)}
        {body}
    """
    report = await beside_a_neighbour(room, text, hosts)
    assert report.outcome is Outcome.FAILED
    assert report.message.startswith("culprit: not done after 60 s; it did not stop within")
    assert not report.cancelled
    assert room.applies("encoder") == 1


async def test_a_script_that_waits_for_ever_is_cancelled_and_its_host_lives(room: Room) -> None:
    text = """
    import asyncio

    @lso
    async def culprit(ctx):
        await ctx.step("wait", lambda key: asyncio.Event().wait(), repeatable=True)
    """
    room.write("culprit.py", text)
    pool = await room.pool(silence=1e9)
    before = pool.pids()
    run = room.run(pool, room.order("culprit", timeout_us=MINUTE_US))
    await room.ledger.until_begun("wait")
    leap(60)
    async with asyncio.timeout(PATIENCE):
        report = await run
    assert report.message == "culprit: not done after 60 s in step wait"
    assert report.unknown_steps == ("wait",)
    assert pool.pids() == before


async def test_a_host_that_is_killed_from_outside_fails_nobody(room: Room) -> None:
    room.write("neighbour.py", NEIGHBOUR)
    pool = await room.pool()
    flag = room.folder / "go"
    runs = []
    for number in range(3):
        equipment = room.equipment("decoder", file=str(room.device_files / f"decoder{number}"))
        order = room.order("neighbour", replace(equipment, id=f"r{number}"), properties={"flag": str(flag)})
        runs.append(room.run(pool, order))
    await room.ledger.until(lambda: len(room.ledger.done()) == 3)
    os.kill(pool.pids()[0], signal.SIGKILL)
    flag.touch()
    async with asyncio.timeout(PATIENCE):
        reports = await asyncio.gather(*runs)
    assert [r.outcome for r in reports] == [Outcome.OK] * 3
    assert set(room.ledger.done().values()) == {1}
    assert [room.applies(f"decoder{n}") for n in range(3)] == [2, 2, 2]


async def test_a_host_that_stops_turning_as_a_whole_fails_nobody(room: Room) -> None:
    room.write("neighbour.py", NEIGHBOUR)
    pool = await room.pool(silence=60, pulse=0.05)
    flag = room.folder / "go"
    run = room.run(pool, room.order("neighbour", room.equipment("decoder"), properties={"flag": str(flag)}))
    await room.ledger.until(lambda: bool(room.ledger.done()))
    os.kill(pool.pids()[0], signal.SIGSTOP)
    leap(61)
    flag.touch()
    async with asyncio.timeout(PATIENCE):
        report = await run
    assert report.outcome is Outcome.OK
    assert room.applies("decoder") == 2


async def test_a_burning_task_of_a_script_is_told_from_its_neighbours(room: Room) -> None:
    """The run that stalls the loop goes on alone; the others go on together, in the next host."""
    room.write("neighbour.py", NEIGHBOUR)
    room.write(
        "culprit.py",
        """
        import asyncio, os

        @lso
        async def culprit(ctx):
            ctx.log.info(f"host {os.getpid()}")
            async def burn():
                while True: pass
            await asyncio.gather(burn(), burn())
        """,
    )
    pool = await room.pool(**SIZES)
    first = pool.pids()
    flag = room.folder / "go"
    runs = []
    for name in ("a", "b"):
        equipment = replace(room.equipment("decoder", file=str(room.device_files / name)), id=name)
        runs.append(room.run(pool, room.order("neighbour", equipment, properties={"flag": str(flag)})))
    await room.ledger.until(lambda: len(room.ledger.done()) == 2)
    culprit = room.run(pool, room.order("culprit", timeout_us=10 * MINUTE_US, grace_us=1))
    said = lambda: [line.text for line in room.ledger.lines]  # noqa: E731
    await room.ledger.until(lambda: len(said()) == 2)
    assert len(pool.pids()) == 2
    assert first[0] not in pool.pids()
    flag.touch()
    async with asyncio.timeout(PATIENCE):
        reports = await asyncio.gather(*runs)
    assert [r.outcome for r in reports] == [Outcome.OK] * 2
    pool.cancel("run-3")
    async with asyncio.timeout(PATIENCE):
        report = await culprit
    assert report.cancelled
    assert report.message.startswith("culprit: cancelled; it did not stop within")


async def test_hosts_killed_at_random_instants_lose_and_repeat_nothing(room: Room) -> None:
    """200 runs of 3 steps; after every 50th step one host, shared or not, is killed.

    A host of one run leaves by itself when that run is over and no other waits for a host of its own. It is listed
    until its end has been noticed, so whoever is chosen may just have left: it is not counted, and another is chosen.
    """
    room.write(
        "three.py",
        """
        import os
        from pathlib import Path

        @lso
        async def three(ctx):
            folder = Path(ctx.booking.properties["folder"])
            for name in "abc":
                file = folder / f"{ctx.booking.properties['run']}{name}"
                def do(key):
                    with file.open("a") as out:
                        out.write("x")
                await ctx.step(name, do, probe=lambda: file.exists() and file.read_text() != "")
        """,
    )
    pool = await room.pool(hosts=2)
    choose = random.Random(7)
    bound = asyncio.Semaphore(12)
    killed: list[int] = []
    left: list[int] = []
    alive = lambda: [pid for pid in pool.pids() if pid not in (*killed, *left)]  # noqa: E731 - one that was killed stays listed

    async def one(number: int) -> Report:
        properties = {"folder": str(room.device_files), "run": f"{number}"}
        async with bound:
            return await room.report(pool, room.order("three", properties=properties))

    async def killer() -> None:
        while True:
            await room.ledger.until(lambda: len(room.ledger.ended) > 50 * (len(killed) + 1) and bool(alive()))
            victim = choose.choice(alive())
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                left.append(victim)
            else:
                killed.append(victim)

    async with asyncio.timeout(100), asyncio.TaskGroup() as both:
        killing = both.create_task(killer())
        reports = await asyncio.gather(*(one(n) for n in range(200)))
        killing.cancel()
    assert len(killed) >= 8
    assert {(r.outcome, r.message) for r in reports} == {(Outcome.OK, "")}
    done = room.ledger.done()
    assert (len(done), max(done.values())) == (600, 1)
    files = list(room.device_files.iterdir())
    assert len(files) == 600
    assert {f.read_text() for f in files} == {"x"}


async def test_what_a_neighbour_had_just_done_is_told_before_a_stalled_host_ends(room: Room) -> None:
    """A step ends in the very turn in which another script begins to burn: its end is not lost."""
    room.write(
        "both.py",
        f"""
        import asyncio

        done = asyncio.Event()

        @lso
        async def works(ctx):
            async def do(key):
                ctx.log.info("waiting")
                await done.wait()
            await ctx.step("once", do)

        @lso
        async def burns(ctx):
            ctx.log.info("burning")
            done.set()
            async def burn():
                {burning(room)}
                while True: pass
            await asyncio.sleep(0)
            await burn()
        """,
    )
    pool = await room.pool(**SIZES)
    works = room.run(pool, room.order("works", room.equipment("encoder")))
    await room.ledger.until_said("waiting")
    burns = room.run(pool, room.order("burns", timeout_us=MINUTE_US, grace_us=1))
    async with asyncio.timeout(PATIENCE):
        report = await works
        assert (report.outcome, report.message) == (Outcome.OK, "")
        await burnt(room, 2)
        leap(60)
    async with asyncio.timeout(PATIENCE):
        assert (await burns).message.startswith("burns: not done after 60 s")


async def test_long_runs_that_lost_their_host_do_not_wait_for_each_other(room: Room) -> None:
    room.write("neighbour.py", NEIGHBOUR)
    pool = await room.pool(solo=1, most_solo=3, pulse=0.05)
    flag = room.device_files / "go"
    runs = []
    for number in range(3):
        equipment = room.equipment("decoder", file=str(room.device_files / f"decoder{number}"))
        order = room.order("neighbour", replace(equipment, id=f"r{number}"), properties={"flag": str(flag)})
        runs.append(room.run(pool, order))
    await room.ledger.until(lambda: len(room.ledger.done()) == 3)
    os.kill(pool.pids()[0], signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        while len(pool.pids()) < 4:
            await asyncio.sleep(0.01)
    flag.touch()
    async with asyncio.timeout(PATIENCE):
        reports = await asyncio.gather(*runs)
    assert [r.outcome for r in reports] == [Outcome.OK] * 3
