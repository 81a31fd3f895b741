# SPDX-License-Identifier: Apache-2.0
"""The ping audit: by the system's program where there is one, by an ICMP socket where that is allowed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from preroll.audits import Ping as Shipped
from preroll.audits import ping
from preroll.sdk import AuditState

Ping = partial(Shipped, patience=60.0)
"""Waits as long as it takes where somebody answers."""


@pytest.fixture
def program() -> str:
    found = shutil.which("ping")
    if found is None:
        reason = "there is no program ping"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Puts a program in ping's place."""
    program = folder / "ping"
    program.write_text("\n".join(["#!/bin/sh", *lines]))
    program.chmod(0o755)
    monkeypatch.setattr(ping.shutil, "which", lambda _: str(program))


@pytest.fixture
def without_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*, v6: bool) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ping, "icmp_socket", refuse)


async def test_this_machine_answers(program: str) -> None:
    audit = await Ping("127.0.0.1", count=2).look()
    assert audit.state is AuditState.UP, audit
    assert (audit.evidence["sent"], audit.evidence["received"]) == (2, 2)
    assert audit.found.startswith("2 of 2 answered, mean ")


async def test_lost_requests_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path, "echo '4 packets transmitted, 3 received, 25% packet loss, time 602ms'",
            "echo 'rtt min/avg/max/mdev = 1.5/20.25/40.0/0.1 ms'")  # fmt: skip
    assert (await Ping("10.0.0.1", count=4, lost=0.25).look()).state is AuditState.UP
    audit = await Ping("10.0.0.1", count=4).look()
    assert audit.state is AuditState.DOWN
    assert audit.message == "expected at most 0% of 4 lost, found 3 of 4 answered, mean 20.25 ms"
    slow = await Ping("10.0.0.1", count=4, lost=0.5, most_ms=10).look()
    assert slow.state is AuditState.DOWN
    assert "at most 10 ms" in slow.message


async def test_no_answer_is_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path, "echo '3 packets transmitted, 0 received, 100% packet loss, time 400ms'", "exit 1")
    audit = await Ping("10.0.0.1", lost=1.0).look()
    assert audit.state is AuditState.DOWN, "if nothing answers it is down, whatever may be lost"


async def test_who_cannot_ask_does_not_know(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, without_sockets: None
) -> None:
    pretend(monkeypatch, tmp_path, "echo 'ping: socket: Operation not permitted' >&2", "exit 2")
    audit = await Ping("10.0.0.1").look()
    assert audit.state is AuditState.UNKNOWN
    assert audit.message == "socket: Operation not permitted; no unprivileged ICMP socket: Permission denied"
    monkeypatch.setattr(ping.shutil, "which", lambda _: None)
    audit = await Ping("10.0.0.1").look()
    assert audit.state is AuditState.UNKNOWN
    assert audit.message.startswith("there is no program ping; ")


async def test_a_name_that_does_not_exist_is_unknown(program: str) -> None:
    audit = await Ping("no-such-host.invalid").look()
    assert audit.state is AuditState.UNKNOWN, audit


async def test_a_program_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretend(monkeypatch, tmp_path, "exec sleep 100")
    with pytest.raises(ping.CannotAsk, match=r"did not end in 0\.1 s"):
        await ping._output([str(tmp_path / "ping")], 0.1)


ASK = """
import asyncio
from preroll.audits import Ping, ping
ping.shutil.which = lambda _: None
for host in ("127.0.0.1", "::1"):
    print(asyncio.run(Ping(host, count=2, patience=60).look()))
"""


def test_by_a_socket() -> None:
    """In a network of its own, where nobody but this test is asked for permission."""
    allow = 'echo "0 0" > /proc/sys/net/ipv4/ping_group_range && ip link set lo up && exec "$0" -c "$1"'
    command = ["unshare", "-Urn", "sh", "-c", allow, sys.executable, ASK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespaces here, or no program ip: {error}")
    said = done.stdout.splitlines()
    assert len(said) == 2
    assert said[0].startswith("ping 127.0.0.1: Up: 2 of 2 answered, mean ")
    assert said[1].startswith("ping ::1: Up: 2 of 2 answered, mean ")


def test_packets() -> None:
    asked = ping.request(3, v6=False)
    words = [int.from_bytes(asked[i : i + 2], "big") for i in range(0, len(asked), 2)]
    total = sum(words)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "the checksum fits"
    assert ping.answered(asked) is None, "a request is no reply"
    assert ping.answered(b"\0" + asked[1:]) == 3
    assert ping.answered(b"\x81" + ping.request(9, v6=True)[1:]) == 9
    assert ping.answered(b"\0\0") is None
