# SPDX-License-Identifier: Apache-2.0
"""Simulated devices in files whose clock is told."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from preroll.domain.window import SECOND
from preroll.drivers.sim import sim_in
from preroll.drivers.sim.files import FileWorld
from preroll.sdk import Driver

LATER = 1_000 * SECOND
"""More than any window."""
TOLD = {"told": "tests.crash.told:told"}


class Clock:
    """The devices' clock. Where help comes late it is now for the first host, and much later for every other."""

    def __init__(self, folder: Path, *, late: bool) -> None:
        self._first, self._late = folder / "first", late

    def now_us(self) -> int:
        return time.time_ns() // 1000 + (LATER if self._late and not self._is_first() else 0)

    def _is_first(self) -> bool:
        try:
            with self._first.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            return self._first.read_text() == str(os.getpid())
        return True


def told(name: str, address: Mapping[str, object]) -> Driver:
    """A simulated device in files whose clock is told."""
    said = dict(address)
    folder = Path(str(said.pop("world")))
    clock = Clock(folder, late=bool(said.pop("late")))
    return sim_in(FileWorld(folder, now_us=clock.now_us))(name, said)
