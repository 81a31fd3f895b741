# SPDX-License-Identifier: Apache-2.0
"""The demo's devices, for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from preroll.demo.world import Unavailable, require_parts


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """Path of FFmpeg; a machine without the extra skips, the build does not."""
    try:
        return require_parts()
    except Unavailable as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def left_behind(root: Path) -> list[str]:
    """Processes that were started for a demo in this directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(root).encode() in told:
            found.append(told[:200].replace(b"\0", b" ").decode(errors="replace"))
    return found
