# SPDX-License-Identifier: Apache-2.0
"""FFmpeg as a media node runs it: its command lines, and a supervisor that keeps it running as it is wanted."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from preroll.demo.leash import Leash

PAUSE = 0.2
"""Seconds between the end of FFmpeg and its restart."""
TICK = 0.03
"""Seconds between two looks at the process and at the device's timetable."""
_QUIET = ["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]
_PROBE = ["-analyzeduration", "500000", "-probesize", "500000", "-fflags", "nobuffer"]
_MPEGTS = ["-f", "mpegts", "-muxdelay", "0", "-pat_period", "0.2", "-pcr_period", "40"]


def encode(values: Mapping[str, Any]) -> list[str]:
    """A test picture and a tone, as H.264 and AAC in MPEG-TS, sent to an SRT listener."""
    rate = f"{values['kbit']}k"
    picture = f"testsrc2=size={values['size']}:rate={values['fps']}"
    return [
        *_QUIET, "-re", "-f", "lavfi", "-i", picture, "-re", "-f", "lavfi", "-i", f"sine=frequency={values['tone']}",
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-threads", "1",
        "-g", str(round(values["fps"])), "-b:v", rate, "-maxrate", rate, "-bufsize", rate,
        "-c:a", "aac", "-b:a", "64k", *_MPEGTS,
        f"srt://127.0.0.1:{values['destination_port']}?mode=caller&connect_timeout=1000&latency=80000",
    ]  # fmt: skip


def decode(values: Mapping[str, Any]) -> list[str]:
    """An SRT listener that hands the stream on to two ports: a monitor, and a feed for a recorder."""
    outputs = "|".join(
        f"[f=mpegts:onfail=ignore]udp://127.0.0.1:{values[port]}?pkt_size=1316"
        for port in ("monitor_port", "feed_port")
    )
    listener = f"srt://127.0.0.1:{values['listen_port']}?mode=listener&latency=80000&timeout=1500000"
    return [*_QUIET, *_PROBE, "-i", listener, "-map", "0", "-c", "copy", "-f", "tee", outputs]


def record(values: Mapping[str, Any], file: Path) -> list[str]:
    """What arrives at the feed port, as it is, into a file."""
    feed = f"udp://127.0.0.1:{values['feed_port']}?fifo_size=20000&overrun_nonfatal=1"
    return [*_QUIET, *_PROBE, "-i", feed, "-map", "0", "-c", "copy", *_MPEGTS, "-flush_packets", "1", str(file)]


class Supervisor:
    """Runs a command for as long as it is wanted, and restarts it when it ends, as a real box does.

    Args:
        program: path of FFmpeg.
        tick: called regularly in the supervisor's thread.
    """

    def __init__(self, program: str, tick: Callable[[], None]) -> None:
        self._program, self._tick = program, tick
        self._wanted: Callable[[], list[str]] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = self._crashed = self._over = False
        self._restart_at = 0.0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._leash = Leash()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.restarts = 0

    def start(self) -> None:
        """Begin to supervise."""
        self._thread.start()

    def want(self, arguments: Callable[[], list[str]] | None) -> None:
        """What shall run from now on, asked for at each start; None: nothing."""
        with self._lock:
            self._wanted, self._changed = arguments, True

    def crash(self, *, crashed: bool) -> None:
        """Kill the process and let it lie, or let it be restarted again."""
        with self._lock:
            self._crashed = crashed
            if crashed and self._process:
                self._process.kill()

    def status(self) -> dict[str, object]:
        """Whether it runs, with pid, restarts, and what it said last."""
        with self._lock:
            process = self._process
            runs = process is not None and process.poll() is None
            self._errors.seek(0)
            said = self._errors.read()[-2000:].decode(errors="replace").strip().splitlines()
            return {
                "process": "running" if runs else "stopped",
                "pid": process.pid if process and runs else None,
                "restarts": self.restarts,
                "error": said[-1] if said else "",
            }

    def close(self) -> None:
        """Stop it, and supervising."""
        self._over = True
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._stop()
        self._leash.close()
        self._errors.close()

    def _run(self) -> None:
        while not self._over:
            self._tick()
            with self._lock:
                self._attend()
            time.sleep(TICK)

    def _attend(self) -> None:
        if self._changed:
            self._changed = False
            self._stop()
            self._restart_at = 0.0
        process = self._process
        if process is not None and process.poll() is not None:
            self._process = None
            self.restarts += 1
            self._restart_at = time.monotonic() + PAUSE
        if self._process is None and self._wanted and not self._crashed and time.monotonic() >= self._restart_at:
            self._errors.seek(0)
            self._errors.truncate()
            self._process = subprocess.Popen(  # noqa: S603 - FFmpeg, with checked values
                [self._program, *self._wanted()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                process_group=self._leash.group,
            )

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=1.5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
