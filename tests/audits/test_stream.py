# SPDX-License-Identifier: Apache-2.0
"""The stream audit: real files and ports; what is no stream is Down, what cannot be probed is Unknown."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from preroll.audits import Stream, decoding
from preroll.audits.stream import Expect, stream
from preroll.demo.world import Unavailable, free_ports, require_parts
from preroll.domain.errors import Invalid
from preroll.sdk import AuditState

FOUND = {
    "codec": "h264", "size": "320x180", "fps": 25.0, "kbit": 300, "audio": True, "luma": 120, "seconds": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def ffmpeg() -> str:
    try:
        return require_parts()
    except Unavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def film(ffmpeg: str, file: Path, picture: str, *, tone: bool = True, sound_of: str = "sine=frequency=1000") -> Path:
    sound = ["-f", "lavfi", "-i", sound_of, "-c:a", "aac", "-shortest"] if tone else []
    command = [
        ffmpeg, "-loglevel", "error", "-f", "lavfi", "-i", picture, *sound, "-t", "1",
        "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mpegts", str(file),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return file


async def test_a_picture_is_up_with_its_measures(ffmpeg: str, tmp_path: Path) -> None:
    file = film(ffmpeg, tmp_path / "a.ts", "testsrc2=size=320x180:rate=25")
    audit = await stream(
        str(file), Expect(codec="h264", size="320x180", fps=25, audio=True, duration=0.8), seconds=60, patience=60
    )
    assert audit.state is AuditState.UP, audit
    assert audit.evidence["size"] == "320x180"
    assert audit.evidence["fps"] == pytest.approx(25, abs=1)
    assert audit.evidence["frames"] == 25


async def test_another_picture_is_down_and_says_how(ffmpeg: str, tmp_path: Path) -> None:
    file = film(ffmpeg, tmp_path / "a.ts", "testsrc2=size=320x180:rate=25", tone=False)
    audit = await stream(str(file), Expect(codec="hevc", size="640x360", fps=50, audio=True), seconds=60, patience=60)
    assert audit.state is AuditState.DOWN
    for words in (
        "codec: expected hevc, found h264",
        "size: expected 640x360",
        "audio: expected True",
        "fps: expected",
    ):
        assert words in audit.message
    assert audit.evidence["size"] == "320x180", "the evidence is kept"


async def test_a_black_picture_is_down(ffmpeg: str, tmp_path: Path) -> None:
    audit = await stream(
        str(film(ffmpeg, tmp_path / "b.ts", "color=black:size=320x180:rate=25")), seconds=60, patience=60
    )
    assert audit.state is AuditState.DOWN
    assert "black picture" in audit.message


async def test_silence_is_told_from_sound(ffmpeg: str, tmp_path: Path) -> None:
    picture = "testsrc2=size=320x180:rate=25"
    loud = film(ffmpeg, tmp_path / "loud.ts", picture)
    silent = film(ffmpeg, tmp_path / "silent.ts", picture, sound_of="anullsrc=sample_rate=48000")
    mute = film(ffmpeg, tmp_path / "mute.ts", picture, tone=False)
    heard = await Stream(str(loud), audio=True, loud=-40, seconds=60, patience=60).look()
    assert heard.state is AuditState.UP, heard
    assert -30 < float(str(heard.evidence["peak"])) < 0
    assert "sound with a peak of" in heard.found
    for file, words in ((silent, "silence: the sound's peak of -100.0 dBFS is below -40"), (mute, "there is no sound")):
        audit = await Stream(str(file), loud=-40, seconds=60, patience=60).look()
        assert audit.state is AuditState.DOWN, audit
        assert words in audit.message
    assert (await Stream(str(silent), audio=True, seconds=60, patience=60).look()).state is AuditState.UP, (
        "silence is allowed"
    )


def test_a_stream_is_described_by_what_is_expected_of_it() -> None:
    check = Stream("udp://127.0.0.1:5000", codec="h264", size="1280x720", loud=-50)
    assert check.what == "stream udp://127.0.0.1:5000"
    assert str(check.expect) == "a picture, codec h264, size 1280x720, loud -50"
    with pytest.raises(Invalid, match="size: is 'HD'"):
        Stream("udp://127.0.0.1:5000", size="HD")


async def test_no_file_and_no_film_are_down(ffmpeg: str, tmp_path: Path) -> None:
    noise = tmp_path / "noise.ts"
    noise.write_bytes(b"this is no film" * 1000)
    for source in (tmp_path / "nothing.ts", noise):
        audit = await stream(str(source), patience=60)
        assert audit.state is AuditState.DOWN, audit
        assert audit.message


async def test_a_silent_port_is_down(ffmpeg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[stream.__module__], "GRACE", 60.0)  # the probe may begin late
    (port,) = free_ports(1)
    audit = await stream(f"udp://127.0.0.1:{port}", patience=0.3)
    assert audit.state is AuditState.DOWN, audit
    assert audit.message == "nothing arrived in 0.3 s"


async def test_a_port_in_use_is_unknown(ffmpeg: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        audit = await stream(f"udp://127.0.0.1:{taken.getsockname()[1]}", patience=60)
    assert audit.state is AuditState.UNKNOWN, audit
    assert "in use" in audit.message


def test_without_pyav_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    found = decoding.probe("whatever", 1, 1)
    assert found["result"] == "unknown"
    assert "PyAV is not installed" in str(found["error"])


async def test_the_probe_ends_with_its_caller(ffmpeg: str) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "preroll.audits.decoding", f"udp://127.0.0.1:{port}", "60", "60"]
    probe = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert probe.stdin is not None
    probe.stdin.close()
    async with asyncio.timeout(60):
        assert await probe.wait() == 1


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (Expect(), None), (Expect(fps=30), None), (Expect(fps=50), "fps: expected 50 within 20%, found 25.0"),
        (Expect(kbit=400), None), (Expect(kbit=900), "kbit: expected 900 within 50%, found 300"),
        (Expect(luma=130), "black picture: luma 120 is below 130"), (Expect(audio=False), "audio: expected False"),
        (Expect(duration=3), "seconds: expected at least 3, found 2.0"),
    ],
)  # fmt: skip
def test_what_is_not_as_expected_is_named(expect: Expect, words: str | None) -> None:
    wrong = expect.mismatches(FOUND)
    assert (wrong == []) if words is None else (len(wrong) == 1 and words in wrong[0])
