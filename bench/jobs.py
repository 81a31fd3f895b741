# SPDX-License-Identifier: Apache-2.0
"""The samples, each in a fresh process: ``python -m bench.jobs NAME JSON`` prints one line of JSON."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench import bare, others

ROOT = Path(__file__).parents[1]
SECOND = 1_000_000


def run(name: str, **arguments: object) -> Any:
    """Take a sample.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    return start(name, **arguments)()


def start(name: str, **arguments: object) -> Callable[[], Any]:
    """Begin a sample; the answer waits for its end."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.jobs", name, json.dumps(arguments)]
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when the answer is taken
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)

    def result() -> Any:
        out, _ = process.communicate()
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{name} {arguments} failed:\n{log.read()[-2000:]}")
        log.close()
        return json.loads(out.splitlines()[-1])

    return result


def now_us() -> int:
    """The machine's clock."""
    return time.time_ns() // 1000


async def burst(url: str, count: int, script: str, *, resources: int = 0, bound: int = 100) -> dict[str, Any]:
    """Bookings due at one instant: how long until the last is settled durably."""
    from bench.rig import Rig
    from bench.world import Plan, book, same

    async with Rig(url) as rig:
        lead = count * (1 + resources) // 600 + 5
        due = (now_us() // SECOND + lead) * SECOND
        await book(rig.store, Plan(same(due, count), script, resources=resources, bound=bound))
        if now_us() > due:
            raise RuntimeError(f"booking {count} took longer than {lead} s")
        before = rig.cpu()
        await rig.count.reach(count)
        after = rig.cpu()
        engine, hosts = rig.memory()
        took = (rig.count.last_us - due) / 1e6
        return {
            "took": took, "rate": count / took, "failures": rig.count.failures, "engine": engine, "hosts": hosts,
            "cpu_us": [(late - early) / count * 1e6 for early, late in zip(before, after, strict=True)],
        }  # fmt: skip


async def order_burst(url: str, count: int) -> dict[str, Any]:
    """Orders due at one instant, through to Completed."""
    from bench import orders

    return await _all_at_once(url, count, lambda store: orders.due(store, count))


async def change_burst(url: str, count: int) -> dict[str, Any]:
    """Bookings due at one instant, each of which changes its device in the steps in which an order deploys it."""
    from bench.world import Plan, book, same

    def filled(store: Any) -> Awaitable[None]:
        return book(store, Plan(same(now_us(), count), "bench-change", resources=1, bound=100))

    return await _all_at_once(url, count, filled)


async def _all_at_once(url: str, count: int, filled: Callable[[Any], Awaitable[None]]) -> dict[str, Any]:
    """All is made and due before anything may be claimed, so that nobody waits for an instant."""
    from bench.rig import Rig

    rig = Rig(url)
    await filled(rig.store)
    rig.count.shut = True
    async with rig:
        before = rig.cpu()
        began, rig.count.shut = now_us(), False
        await rig.count.reach(count)
        after = rig.cpu()
        took = (rig.count.last_us - began) / 1e6
        cpu = [(late - early) / count * 1e6 for early, late in zip(before, after, strict=True)]
        return {"took": took, "failures": rig.count.failures, "cpu_us": cpu}


async def lateness(url: str, first_us: int, every_us: int, count: int, *, burning: bool = False) -> list[float]:
    """From each booking's due instant to the first line of its script, in milliseconds."""
    from bench.rig import Rig
    from bench.world import Plan, book, spaced

    instants = list(spaced(first_us, every_us, count))
    async with Rig(url) as rig:
        if burning:
            until = {"until_us": instants[-1] + SECOND}
            await book(rig.store, Plan([now_us()], "bench-burn", name="burn", properties=until))
        await book(rig.store, Plan(instants, "bench-first-line", name="punctual"))
        await rig.count.reach(count + burning)
        return await rig.store.read(_first_lines)


async def told_lateness(url: str, first_us: int, every_us: int, count: int, *, rate: int, port: int) -> list[float]:
    """The same, while so many changes a second happen; with a port, each is told there by webhook."""
    from bench.rig import Rig
    from bench.stream import told
    from bench.world import Plan, book, spaced

    async with Rig(url) as rig:
        await book(rig.store, Plan(list(spaced(first_us, every_us, count)), "bench-first-line", name="punctual"))
        async with told(rig.store, rate, port, rig.hurries):
            await rig.count.reach(count)
        return await rig.store.read(_first_lines)


def _first_lines(tx: Any) -> list[float]:
    from preroll.ports.store import BookingFilter

    late = []
    after = None
    while True:
        page = tx.bookings.page(BookingFilter(text="punctual"), after, 500)
        for booking in page.items:
            due = min(b.due_us for b in tx.boundaries.of(booking.key))
            began = tx.records.runs(booking.key)[0].returned["first_line_us"]
            late.append((began - due) / 1e3)
        if (after := page.next) is None:
            return late


async def future(url: str, count: int) -> int:
    """Fill a database with so many boundaries that are far off."""
    from bench.rig import opened
    from bench.world import HOUR, Plan, book, spaced

    store = opened(url)
    await book(store, Plan(list(spaced(now_us() + 24 * HOUR, SECOND, count // 4)), "bench-nothing"))
    store.close()
    return count


async def launch(url: str, began: float) -> float:
    """Seconds from the beginning of this process (the machine's clock) to the end of the first claim."""
    from bench.rig import Rig

    rig = Rig(url)
    claimed = asyncio.Event()
    claim, loop = rig.count.claim, asyncio.get_running_loop()

    async def first(*arguments: Any) -> Any:
        claims = await claim(*arguments)
        loop.call_soon_threadsafe(claimed.set)
        return claims

    rig.store.journal.claim = first  # type: ignore[method-assign]
    async with rig:
        await claimed.wait()
        return time.time() - began


def commits(url: str, first_us: int, every_us: int, count: int) -> list[float]:
    """A bare durable commit at each instant: how late it was done, in milliseconds."""
    return bare.commits(url, range(first_us, first_us + every_us * count, every_us))


JOBS: dict[str, Callable[..., Any]] = {
    "burst": burst,
    "order burst": order_burst,
    "change burst": change_burst,
    "lateness": lateness,
    "told lateness": told_lateness,
    "future": future,
    "launch": launch,
    "bare commits": commits,
    "bare burst": bare.burst,
    "apscheduler": others.apscheduler,
    "dbos": others.dbos,
}


def main(name: str, arguments: dict[str, Any]) -> None:
    """Take one sample and print it."""
    found = JOBS[name](**arguments)
    print(json.dumps(asyncio.run(found) if asyncio.iscoroutine(found) else found))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
