# SPDX-License-Identifier: Apache-2.0
"""How a process is stopped at a named point: an armed point strikes once, whichever process passes it first."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from pathlib import Path

from preroll.ports.scripts import Reach

ENGINE = tuple(
    f"{verb}.{moment}" for verb in ("claim", "begin", "end", "settle") for moment in ("before", "written", "committed")
)
HOST = ("host.started", "host.begun", "host.applied", "host.ended", "host.finishing")


def arm(folder: Path, point: str, passage: int = 1, sent: signal.Signals = signal.SIGKILL) -> None:
    """The process that makes this passage of the point (counted from the arming on) gets the signal."""
    folder.mkdir(exist_ok=True)
    fresh = folder / f".{point}"
    fresh.write_text(f"{passage} {sent.value}")
    fresh.rename(folder / point)


def armed(folder: Path, point: str) -> bool:
    """Has it not struck yet?"""
    return (folder / point).exists()


def striking(folder: Path) -> Reach:
    """The Reach of a process that can be struck.

    The signal goes to the very thread that passes: sent to the process, it may reach another thread first, and this one
    would go on into the next transaction and be stopped with the database's lock in its hand.
    """
    passages: Counter[str] = Counter()

    def reach(point: str) -> None:
        trap = folder / point
        try:
            passage, sent = map(int, trap.read_text().split())
        except FileNotFoundError:
            return
        passages[point] += 1
        if passages[point] < passage:
            return
        try:
            trap.unlink()
        except FileNotFoundError:
            return
        passages[point] = 0
        signal.pthread_kill(threading.get_ident(), sent)

    return reach
