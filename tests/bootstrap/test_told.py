# SPDX-License-Identifier: Apache-2.0
"""A process that waits to be told to stop hears it at whatever instruction it is told."""

from __future__ import annotations

import subprocess
import sys

import pytest

DEAF = """
import os, signal, sys, threading
{make}
threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
sys.exit(0 if told.wait(1_000) else 1)
"""
"""Another thread gets the signal: the main thread, which waits, is not interrupted by it."""
HAMMERED = """
import os, signal, sys, threading
{make}
over = False
def hammer():
    while not over:
        os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=hammer, daemon=True).start()
for _ in range(5_000):
    told.wait(0)
over = True
sys.exit(0 if told.wait(60) else 1)
"""
"""It is told without a pause, while it begins and ends to wait."""
EVENT = """
told = threading.Event()
wait = told.wait
told.wait = lambda seconds: told.clear() or wait(seconds)
signal.signal(signal.SIGTERM, lambda *_: told.set())
"""
TOLD = "from preroll.bootstrap.told import Told; told = Told()"


def ended(script: str, make: str, seconds: int) -> int:
    """The exit code of such a process; it is killed if it hangs."""
    script = f"import signal; signal.alarm({seconds}){script.format(make=make)}"
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL, check=False).returncode


@pytest.mark.parametrize("script", [DEAF, HAMMERED])
def test_it_is_heard_at_any_instruction(script: str) -> None:
    assert ended(script, TOLD, 100) == 0


def test_the_hammer_finds_a_handler_that_sets_an_event() -> None:
    assert ended(HAMMERED, EVENT, 5) != 0
