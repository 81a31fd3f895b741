# SPDX-License-Identifier: Apache-2.0
"""Is there a picture? Decodes a stream or a file for real and compares it with what is expected.

The decoding runs in a process of its own (``preroll.audits.decoding``): it cannot hang, burn or crash its caller, and
it ends when its caller does. Needs the extra ``demo`` (PyAV).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import msgspec

from preroll.audits.parameters import Parameters, Seconds, Text
from preroll.sdk import Audit, AuditState, Scene

GRACE = 20.0
"""Seconds for the start of the process and the decoding, on a busy machine, on top of what the stream may take."""


@dataclass(frozen=True, slots=True)
class Expect:
    """What the picture has to be. What is None is not looked at."""

    codec: str | None = None
    """FFmpeg's name: ``h264``, ``hevc``."""
    size: str | None = None
    """``1280x720``."""
    fps: float | None = None
    """Within a fifth."""
    kbit: float | None = None
    """Of the whole stream, kbit/s; within half, as short probes are coarse."""
    audio: bool | None = None
    """Is there a sound track?"""
    luma: float = 20.0
    """Mean brightness below which a picture counts as black, 0 to 255."""
    duration: float | None = None
    """At least so many seconds; for files."""
    loud: float | None = None
    """Peak of the sound, dBFS, below which it counts as silence; None: silence is allowed."""

    def mismatches(self, found: Mapping[str, Any]) -> list[str]:
        """What is not as expected, in words."""
        wrong = [
            f"{name}: expected {want}, found {found.get(name)}"
            for name, want in (("codec", self.codec), ("size", self.size), ("audio", self.audio))
            if want is not None and found.get(name) != want
        ]
        for name, expected, share in (("fps", self.fps, 0.2), ("kbit", self.kbit, 0.5)):
            if expected is not None and abs(found[name] - expected) > share * expected:
                wrong.append(f"{name}: expected {expected:g} within {share:.0%}, found {found[name]}")
        if found["luma"] < self.luma:
            wrong.append(f"black picture: luma {found['luma']} is below {self.luma:g}")
        if self.loud is not None and (peak := found.get("peak")) is not None and peak < self.loud:
            wrong.append(f"silence: the sound's peak of {peak} dBFS is below {self.loud:g}")
        if self.loud is not None and found.get("peak") is None:
            wrong.append("silence: there is no sound")
        if self.duration is not None and found["seconds"] < self.duration:
            wrong.append(f"seconds: expected at least {self.duration:g}, found {found['seconds']}")
        return wrong

    def __str__(self) -> str:
        asked = [f"{name} {value}" for name, value in asdict(self).items() if value is not None and name != "luma"]
        return ", ".join(["a picture", *asked])


ANY = Expect()
Positive = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True)
class Stream(Parameters):
    """Decodes ``seconds`` of a stream or file and compares; see ``Expect`` for what is compared and how exactly.

    Up; Down when nothing begins within ``patience`` seconds, there is no picture, or it is not as expected; Unknown
    when the probe could not be made (no PyAV, the port is in use).
    """

    kind: ClassVar = "stream"
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    codec: Text | None = None
    size: Annotated[str, msgspec.Meta(pattern=r"^\d+x\d+\Z")] | None = None
    fps: Positive | None = None
    kbit: Positive | None = None
    audio: bool | None = None
    loud: Annotated[float, msgspec.Meta(ge=-200, le=0)] | None = None
    luma: Annotated[float, msgspec.Meta(ge=0, le=255)] = 20.0
    duration: Positive | None = None
    seconds: Seconds = 1.5
    patience: Seconds = 5.0

    @property
    def what(self) -> str:
        return f"stream {self.source}"

    @property
    def expect(self) -> Expect:
        """What the picture has to be."""
        return Expect(self.codec, self.size, self.fps, self.kbit, self.audio, self.luma, self.duration, loud=self.loud)

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Decode once."""
        return await stream(self.source, self.expect, seconds=self.seconds, patience=self.patience)


async def stream(source: str, expect: Expect = ANY, *, seconds: float = 1.5, patience: float = 5.0) -> Audit:
    """Decode a source and judge it.

    Args:
        source: what FFmpeg opens: ``udp://127.0.0.1:5000``, ``tcp://...``, a file's path.
        seconds: how much of it is decoded; a file may be shorter.
        patience: seconds to wait for the stream to begin.

    Returns:
        Up; Down when there is no stream or it is not as expected; Unknown when the probe itself could not be made
        (no PyAV, the port is in use), which says nothing about the stream.
    """
    found = await _probe(source, seconds, patience)
    message = str(found.pop("error", ""))
    what, expected = f"stream {source}", str(expect)
    match found.pop("result"):
        case "unknown":
            return Audit(AuditState.UNKNOWN, {"source": source}, message, what, expected)
        case "none":
            return Audit(AuditState.DOWN, {"source": source}, message, what, expected, "no stream")
    wrong, state = expect.mismatches(found), AuditState.UP
    if wrong:
        state = AuditState.DOWN
    seen = f"{found['codec']} {found['size']}, {found['fps']} fps, {found['kbit']} kbit/s, luma {found['luma']}"
    seen += f", sound with a peak of {found['peak']} dBFS" if found.get("peak") is not None else ", no sound"
    return Audit(state, {"source": source, **found}, "; ".join(wrong), what, expected, seen)


async def _probe(source: str, seconds: float, patience: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "preroll.audits.decoding", source, str(seconds), str(patience)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(patience + seconds + GRACE):
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            said = await process.stdout.read()
            await process.wait()
    except TimeoutError:
        return {"result": "unknown", "error": f"the probe did not end in {patience + seconds + GRACE:g} s"}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        return {"result": "unknown", "error": f"the probe died (exit {process.returncode})"}
    return found
