# SPDX-License-Identifier: Apache-2.0
"""Decodes a source and prints what it is, as JSON: ``python -m preroll.audits.decoding SOURCE SECONDS PATIENCE``.

``{"result": "found", codec, size, fps, kbit, audio, peak, luma, frames, broken, seconds}``;
``{"result": "none", "error"}`` when there is no stream; ``{"result": "unknown", "error"}`` when nobody can tell.
It ends when its standard input is closed.
"""

from __future__ import annotations

import array
import errno
import json
import math
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

_EVERY = 10
"""The brightness of one picture in so many is measured."""
_SAMPLE = 997
"""One byte in so many of a picture is looked at."""
_NTH = 8
"""One sample of the sound in so many is looked at."""
_SAMPLES = {"flt": ("f", 1.0), "dbl": ("d", 1.0), "s16": ("h", 32768.0), "s32": ("i", 2147483648.0)}
"""Format of a sound -> code of its samples for ``array``, and full scale."""
_OURS = {errno.EADDRINUSE, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors of the probe, not of the stream."""


@dataclass(slots=True)
class _Tally:
    """What has been decoded so far; times in seconds of the stream."""

    first: float | None = None
    last: float = 0.0
    size: int = 0
    packets: int = 0
    frames: int = 0
    broken: int = 0
    """Packets that could not be decoded: the first ones after tuning in, or what the network lost."""
    luma: list[float] = field(default_factory=list)
    peak: float | None = None
    """Of the sound, 1.0 is full scale; None: no sound was decoded."""

    @property
    def seconds(self) -> float:
        return 0.0 if self.first is None else self.last - self.first

    def add(self, packet: Any, *, picture: bool) -> None:
        self.size += packet.size
        if packet.stream.type == "audio":
            self._hear(packet)
        if not picture or packet.pts is None:
            return
        at = float(packet.pts * packet.time_base)
        self.first = at if self.first is None else self.first
        self.last = max(self.last, at)
        self.packets += 1
        for frame in self._decoded(packet):
            if self.frames % _EVERY == 0:
                sample = bytes(frame.planes[0])[::_SAMPLE]
                self.luma.append(sum(sample) / len(sample))
            self.frames += 1

    def _hear(self, packet: Any) -> None:
        try:
            frames = packet.decode()
        except ValueError:
            return
        for frame in frames:
            sample = _SAMPLES.get(frame.format.name.removesuffix("p"))
            if sample is None:
                continue
            code, full = sample
            for plane in frame.planes:
                values = array.array(code, bytes(plane))[::_NTH]
                self.peak = max(self.peak or 0.0, max(map(abs, values), default=0) / full)

    @property
    def peak_db(self) -> float | None:
        """The peak in dBFS; digital silence is -100."""
        return None if self.peak is None else round(20 * math.log10(max(self.peak, 1e-5)), 1)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except ValueError:  # av.error.InvalidDataError is one
            self.broken += 1
            return []


def measure(av: Any, source: str, seconds: float, patience: float) -> dict[str, object]:
    """Decode so many seconds of a source with PyAV. Raises what that raises."""
    options = {"analyzeduration": "800000", "probesize": "1000000"}
    with av.open(source, timeout=(patience, patience), options=options) as container:
        if not container.streams.video:
            return {"result": "none", "error": "there is no picture in it"}
        video, tally = container.streams.video[0], _Tally()
        for packet in container.demux():
            tally.add(packet, picture=packet.stream is video)
            if tally.seconds >= seconds:
                break
        if not tally.frames:
            return {"result": "none", "error": "no picture could be decoded"}
        lasted = max(tally.seconds, 0.04)
        return {
            "result": "found",
            "codec": video.codec_context.name,
            "size": f"{video.codec_context.width}x{video.codec_context.height}",
            "fps": round((tally.packets - 1) / lasted, 1),
            "kbit": round(tally.size * 8 / lasted / 1000),
            "audio": bool(container.streams.audio),
            "peak": tally.peak_db,
            "luma": round(sum(tally.luma) / len(tally.luma)),
            "frames": tally.frames,
            "broken": tally.broken,
            "seconds": round(tally.seconds, 2),
        }


def probe(source: str, seconds: float, patience: float) -> dict[str, object]:
    """The same; whatever goes wrong is told as ``none`` or ``unknown``."""
    try:
        import av
    except ImportError as error:
        return {"result": "unknown", "error": f"PyAV is not installed: {error}"}
    try:
        return measure(av, source, seconds, patience)
    except av.error.ExitError:
        return {"result": "none", "error": f"nothing arrived in {patience:g} s"}
    except av.error.FFmpegError as error:
        ours = error.errno in _OURS
        return {"result": "unknown" if ours else "none", "error": error.strerror or type(error).__name__}


def _end_with_caller() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_caller, daemon=True).start()
    sys.stdout.write(json.dumps(probe(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
    sys.stdout.flush()
    os._exit(0)
