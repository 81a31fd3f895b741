# SPDX-License-Identifier: Apache-2.0
"""What a media node takes and refuses, without FFmpeg; and that what it starts dies with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from preroll.demo.media import MediaNode
from preroll.drivers.http import http
from preroll.sdk import Driver, InvalidValue, load

SILENT = "/bin/cat"
"""Takes FFmpeg's place where none is needed."""
ENCODER = {"size": "320x180", "fps": 25, "kbit": 300, "tone": 1000, "destination_port": 9000}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[MediaNode]:
    with MediaNode("enc-1", "encoder", tmp_path, SILENT) as node:
        yield node


@pytest.fixture
async def driver(node: MediaNode) -> AsyncIterator[Driver]:
    driver = http("enc-1", {"url": node.url})
    await driver.open()
    yield driver
    await driver.close()


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("size", "huge", "not like"), ("fps", 500, "not within 5 to 60"), ("kbit", "many", "not a number"),
        ("enabled", "yes", "not true or false"), ("record", "x", "no parameter of this encoder"),
        ("destination_port", 80, "not within 1024 to 65535"), ("size", "640x360 -f null", "not like"),
    ],
)  # fmt: skip
async def test_a_value_that_it_cannot_take_is_named(
    driver: Driver, node: MediaNode, path: str, value: object, reason: str
) -> None:
    with pytest.raises(InvalidValue, match=reason) as caught:
        await load(driver, {**ENCODER, path: value})
    assert caught.value.path == path
    assert "destination_port" not in node.values()


async def test_what_is_not_complete_is_not_enabled(driver: Driver) -> None:
    with pytest.raises(InvalidValue, match="destination_port: has to be set"):
        await load(driver, {"enabled": True})


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a|b", ""])
def test_a_recording_stays_in_its_directory(tmp_path: Path, name: str) -> None:
    with MediaNode("rec-1", "recorder", tmp_path, SILENT) as node, pytest.raises(Exception, match="record"):
        node.check({"record": name})


def _alive(pid: int) -> bool:
    """Is the process there, and not only waiting to be reaped?"""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return not Path("/proc/self").exists()
    return False


async def until(condition: object) -> None:
    async with asyncio.timeout(60):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("end", ["kill", "terminate", "close"])
async def test_what_it_started_dies_with_it(tmp_path: Path, end: str) -> None:
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 600\n")
    endless.chmod(0o755)
    command = ["-m", "preroll.demo.media", "--name", "enc-1", "--kind", "encoder", "--ffmpeg", str(endless), "--tied"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    driver = http("enc-1", {"url": json.loads(await process.stdout.readline())["url"]})
    await driver.open()
    await load(driver, {**ENCODER, "enabled": True})
    root = Path(f"/proc/{process.pid}/task")
    if not root.exists():
        pytest.skip("this system has no /proc")

    def children() -> list[int]:
        return [int(pid) for task in root.iterdir() for pid in (task / "children").read_text().split()]

    await until(lambda: len(children()) == 2)
    started = children()
    process.stdin.close() if end == "close" else getattr(process, end)()
    await driver.close()
    assert await process.wait() == (-9 if end == "kill" else 0)
    await until(lambda: not any(_alive(pid) for pid in started))
