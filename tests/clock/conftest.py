# SPDX-License-Identifier: Apache-2.0
"""Every test of this room plays in virtual time, from instant 0."""

from __future__ import annotations

from preroll.bootstrap.virtual import VirtualLoop


def pytest_asyncio_loop_factories(config, item):
    """The loop under each test."""
    return {"virtual": lambda: VirtualLoop(0)}
