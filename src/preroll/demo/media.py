# SPDX-License-Identifier: Apache-2.0
"""A media node: a real device of its own process that runs FFmpeg as its values say.

``python -m preroll.demo.media --name enc-1 --kind encoder`` prints one line of JSON when it serves: name, kind, url and
pid. Its API is that of ``preroll.drivers.http``, and it never leaves this machine. Faults: ``POST /_fault {"kind":
...}`` with one of slow, refuse, lie, hang, garbage ..., ``crash`` (FFmpeg dies and stays dead) or ``none``.

| kind     | parameter          | value                  | what it does                                                |
|----------|--------------------|------------------------|-------------------------------------------------------------|
| all      | `enabled`          | true or false          | FFmpeg runs; it is restarted when it ends                   |
| encoder  | `size`             | `640x360`              | test picture                                                |
|          | `fps`              | 5 to 60                | pictures a second                                           |
|          | `kbit`             | 50 to 8000 kbit/s      | video bit rate                                              |
|          | `tone`             | 50 to 8000 Hz          | test tone                                                   |
|          | `destination_port` | 1024 to 65535          | calls the SRT listener there                                |
| decoder  | `listen_port`      | 1024 to 65535          | SRT listener                                                |
|          | `monitor_port`     | 1024 to 65535          | sends the stream to this UDP port, for audits               |
|          | `feed_port`        | 1024 to 65535          | and to this one, for a recorder                             |
| recorder | `feed_port`        | 1024 to 65535          | listens there                                               |
|          | `record`           | letters, digits, - _ . | writes `<record>-<n>.ts`, a new file for each start         |
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from preroll.bootstrap.told import Told
from preroll.demo import ffmpeg
from preroll.testing import FAULTS, HttpDevice, Invalid

PORT = (1024, 65535)
# fmt: off
LIMITS: dict[str, tuple[int, int]] = {
    "fps": (5, 60), "kbit": (50, 8000), "tone": (50, 8000),
    "destination_port": PORT, "listen_port": PORT, "monitor_port": PORT, "feed_port": PORT,
}
PATTERNS = {"size": r"[1-9]\d{1,3}x[1-9]\d{1,3}", "record": r"[A-Za-z0-9_.-]{1,80}"}
INITIAL: dict[str, dict[str, Any]] = {
    "encoder":  {"enabled": False, "size": "320x180", "fps": 25, "kbit": 300, "tone": 1000},
    "decoder":  {"enabled": False},
    "recorder": {"enabled": False},
}
NEEDED = {
    "encoder":  ("size", "fps", "kbit", "tone", "destination_port"),
    "decoder":  ("listen_port", "monitor_port", "feed_port"),
    "recorder": ("feed_port", "record"),
}
# fmt: on


class MediaNode(HttpDevice):
    """An encoder, a decoder or a recorder.

    Args:
        directory: where a recorder writes.
        program: path of FFmpeg.
    """

    faults: ClassVar = {**FAULTS, "crash": ("none", "FFmpeg dies and stays dead")}

    def __init__(self, name: str, kind: str, directory: Path, program: str) -> None:
        self.name, self.kind, self.directory = name, kind, directory
        self._running: list[str] | None = None
        self._supervisor = ffmpeg.Supervisor(program, lambda: self.staging.settle())
        limits = {p: {"minimum": low, "maximum": high} for p, (low, high) in LIMITS.items() if p in NEEDED[kind]}
        super().__init__(INITIAL[kind], limits=limits, base=f"/{name}")
        self._supervisor.start()

    def check(self, values: Mapping[str, object]) -> None:
        """Only known parameters, of the right type and within their limits; what is enabled is complete."""
        known = {"enabled", *NEEDED[self.kind]}
        for path, value in values.items():
            if path not in known:
                raise Invalid(path, f"is no parameter of this {self.kind}")
            if reason := _wrong(path, value):
                raise Invalid(path, reason)
        missing = [path for path in NEEDED[self.kind] if path not in values]
        if values.get("enabled") and missing:
            raise Invalid(missing[0], "has to be set before it is enabled")

    def activated(self, values: Mapping[str, object]) -> None:
        """Start, stop or restart FFmpeg if something that it depends on has changed."""
        wanted = self._command(values) if values.get("enabled") else None
        identity = wanted() if wanted and self.kind != "recorder" else [str(values)] if wanted else None
        if identity != self._running:
            self._running = identity
            self._supervisor.want(wanted)

    def status(self) -> Mapping[str, object]:
        """Process, restarts, the keys of the orders that it was given, and a recorder's files with their bytes."""
        files = {p.name: p.stat().st_size for p in sorted(self.directory.glob("*.ts"))}
        return {
            **super().status(),
            **self._supervisor.status(),
            "orders": [key for method, _, key in self.requests if method == "PATCH"],
            "files": files if self.kind == "recorder" else {},
        }

    def faulted(self, kind: str) -> None:
        """``crash`` is FFmpeg's."""
        self._supervisor.crash(crashed=kind == "crash")

    def close(self) -> None:
        """Stop FFmpeg and serving."""
        self._supervisor.close()
        super().close()

    def _command(self, values: Mapping[str, object]) -> Callable[[], list[str]]:
        match self.kind:
            case "encoder":
                return lambda: ffmpeg.encode(values)
            case "decoder":
                return lambda: ffmpeg.decode(values)
        return lambda: ffmpeg.record(values, self._next_file(str(values["record"])))

    def _next_file(self, name: str) -> Path:
        number = 1
        while (file := self.directory / f"{name}-{number}.ts").exists():
            number += 1
        return file


def _wrong(path: str, value: object) -> str:
    if path == "enabled":
        return "" if isinstance(value, bool) else f"is {value!r}, not true or false"
    if path in PATTERNS:
        fits = isinstance(value, str) and re.fullmatch(PATTERNS[path], value)
        return "" if fits else f"is {value!r}, not like {PATTERNS[path]}"
    low, high = LIMITS[path]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {value!r}, not a number"
    return "" if low <= value <= high else f"is {value}, not within {low} to {high}"


def find_ffmpeg() -> str:
    """Path of FFmpeg: of the wheel, with SRT and x264, so that nothing has to be installed. Raises ImportError."""
    import imageio_ffmpeg  # type: ignore[import-untyped]

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="preroll.demo.media", description="A media node on this machine.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--kind", required=True, choices=list(NEEDED))
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--directory", type=Path, default=Path(), help="where a recorder writes")
    parser.add_argument("--ffmpeg", default="", help="path of FFmpeg; default: the one of imageio-ffmpeg")
    parser.add_argument("--tied", action="store_true", help="end when standard input is closed")
    given = parser.parse_args(arguments)
    told = Told()
    node = MediaNode(given.name, given.kind, given.directory, given.ffmpeg or find_ffmpeg()).start(given.port)
    announcement = {"name": node.name, "kind": node.kind, "url": node.url, "pid": os.getpid()}
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    try:
        told.wait(None, *([sys.stdin.fileno()] if given.tied else []))
    finally:
        node.close()


if __name__ == "__main__":
    main(sys.argv[1:])
