# SPDX-License-Identifier: Apache-2.0
"""The demo's devices, for real."""

from __future__ import annotations

import os

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
