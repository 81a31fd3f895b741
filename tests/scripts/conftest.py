# SPDX-License-Identifier: Apache-2.0
"""A room of scripts for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scripts.rig import Room


@pytest.fixture
async def room(tmp_path: Path, nursery: None) -> AsyncIterator[Room]:
    folder, devices = tmp_path / "scripts", tmp_path / "devices"
    folder.mkdir()
    devices.mkdir()
    room = Room(folder, devices)
    yield room
    for pool in room.pools:
        await pool.close(0.0)
