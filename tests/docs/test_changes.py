# SPDX-License-Identifier: Apache-2.0
"""The script of *Change several devices as one* is played on simulated devices; the page shows what it really says."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from preroll.scripts.catalogue import load
from tests.docs.test_examples import ROOT, folder_of
from tests.scripts.changing import ABLE, LABELS, NEW, OLD, Journal, Lab
from tests.scripts.test_context import VIEW

PAGE = ROOT / "docs/how-to/change-several-devices.md"
SHOWN = re.compile(r"<!-- log: (?P<name>\w+) -->\n```text\n(?P<text>.*?)```", re.DOTALL)
PORT = 5001


@pytest.fixture
def scripts(tmp_path: Path) -> dict[str, Callable[..., object]]:
    found = load(str(folder_of(PAGE, tmp_path)))
    return {name: loaded.function for name, loaded in found.scripts.items()}


def shown(name: str) -> list[str]:
    (text,) = [m["text"] for m in SHOWN.finditer(PAGE.read_text(encoding="utf-8")) if m["name"] == name]
    return text.strip().splitlines()


class Patient(Lab):
    """A lab in which the script's windows take their time."""

    async def pause(self, seconds: float) -> None:
        await super().pause(seconds)
        await asyncio.sleep(seconds)


async def played(lab: Lab, script: Callable[..., object], port: int) -> list[str]:
    """What the action log says, with the port of the page."""
    booking = replace(VIEW, properties={"host": "127.0.0.1", "port": port})
    await lab.live(script, booking=booking, event="START")
    said = [line.text.replace(str(port), str(PORT)) for line in lab.journal.lines if "again in" not in line.text]
    return [re.sub(r"in [\d.]+ ms", "in 0.5 ms", line) for line in said]


async def test_up_and_down_again(scripts: dict[str, Callable[..., object]]) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        lab = Lab()
        assert await played(lab, scripts["circuit_up"], server.sockets[0].getsockname()[1]) == shown("up")
    assert lab.settled() == dict.fromkeys(LABELS, NEW)
    lab.journal = Journal()
    await lab.live(scripts["circuit_down"], target="PAUSE")
    assert lab.settled() == dict.fromkeys(LABELS, OLD)


async def test_nobody_answers_at_the_far_end(scripts: dict[str, Callable[..., object]]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        lab = Patient()
        assert await played(lab, scripts["circuit_up"], closed.getsockname()[1]) == shown("down")
    assert lab.settled() == dict.fromkeys(LABELS, OLD)


async def test_a_device_that_is_out_of_reach_is_listed(scripts: dict[str, Callable[..., object]]) -> None:
    lab = Lab({"PE1": ABLE, "PE2": ()})
    lab.world.fault("pe2", "vanishes", on=frozenset({"verify", "rollback"}))
    said = await played(lab, scripts["circuit_up"], PORT)
    assert [line for line in said if line.startswith("change:")] == shown("open")
