# SPDX-License-Identifier: Apache-2.0
"""A database of each kind, furnished."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stampede import crowd


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with what everybody wants in it, and no bookings."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'preroll.db'}"
    else:
        address = request.getfixturevalue("postgres").current()
    crowd.furnish(address)
    return address
