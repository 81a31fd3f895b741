# SPDX-License-Identifier: Apache-2.0
"""Simulated devices in a directory: shared between processes, and still there after a kill -9.

``<device>.jsonl`` is a log that only grows; its last line is the device's state, so that effect and state are one write
and a killed process leaves either both or neither. (A power cut is not survived: nothing is synced.)
``faults.json`` is ``{device: [{"kind": "lies", "times": 1}]}``; it may be written by hand.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from preroll.drivers.sim.device import Device, Entry
from preroll.drivers.sim.faults import Fault, strike
from preroll.drivers.sim.world import World

_TAIL = 8192
"""How much of a log is read at first to find its last line, bytes."""


class FileWorld(World):
    """A world in a directory. Takes the same arguments as World besides."""

    def __init__(self, root: Path | str, **time: Any) -> None:
        super().__init__(**time)
        self.root = Path(root)
        self.root.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def hold(self, name: str) -> Iterator[Device]:
        """A device, locked against other processes."""
        log = os.open(self._log_of(name), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(log, fcntl.LOCK_EX)
            last = _last_line(log)
            device = Device.of(name, last) if last else Device(name)
            device.record = lambda entry: _append(log, entry, device)
            device.settle(self.now_us())
            yield device
        finally:
            os.close(log)

    def strike(self, name: str, call: str, *, used_up: bool = True) -> Fault | None:
        if not self._faults_of(name):
            return None
        with self._faults_locked():
            struck, left = strike(self._faults_of(name), call)
            if used_up and struck is not None and struck.times is not None:
                self._write_faults(name, left)
        return struck

    def log(self, name: str) -> list[Entry]:
        with self.hold(name):
            lines = self._log_of(name).read_text().splitlines()
        return [_entry(name, json.loads(line)) for line in lines]

    def devices(self) -> list[str]:
        """Names of the devices that have a history, sorted."""
        return sorted(unquote(path.stem) for path in self.root.glob("*.jsonl"))

    def _log_of(self, name: str) -> Path:
        return self.root / f"{quote(name, safe='')}.jsonl"

    def _faults_of(self, name: str) -> list[Fault]:
        return [Fault.of(row) for row in self._all_faults().get(name, ())]

    def _set_faults(self, name: str, faults: list[Fault]) -> None:
        with self._faults_locked():
            self._write_faults(name, faults)

    def _all_faults(self) -> dict[str, list[dict[str, object]]]:
        try:
            found: dict[str, list[dict[str, object]]] = json.loads((self.root / "faults.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def _write_faults(self, name: str, faults: list[Fault]) -> None:
        rows = self._all_faults() | {name: [fault.json() for fault in faults]}
        fresh = self.root / f"faults.{os.getpid()}.new"
        fresh.write_text(json.dumps(rows, indent=1))
        fresh.replace(self.root / "faults.json")

    @contextmanager
    def _faults_locked(self) -> Iterator[None]:
        with (self.root / "faults.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _append(log: int, entry: Entry, device: Device) -> None:
    row = {
        "at_us": entry.at_us,
        "what": entry.what,
        "key": entry.key,
        "changes": entry.changes,
        "device": device.json(),
    }
    os.write(log, json.dumps(row, separators=(",", ":")).encode() + b"\n")


def _entry(name: str, row: Mapping[str, Any]) -> Entry:
    changes = tuple((path, old, new) for path, old, new in row["changes"])
    return Entry(name, row["at_us"], row["what"], row["key"], changes)


def _last_line(log: int) -> Mapping[str, Any] | None:
    size, tail = os.fstat(log).st_size, _TAIL
    while size:
        start = max(0, size - tail)
        lines = os.pread(log, size - start, start).splitlines()
        if len(lines) > 1 or start == 0:
            found: Mapping[str, Any] = json.loads(lines[-1])["device"]
            return found
        tail *= 8
    return None
