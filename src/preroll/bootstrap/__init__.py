# SPDX-License-Identifier: Apache-2.0
"""The only place where the parts meet, and where threads, processes and loops are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preroll.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; see ``preroll.bootstrap.server``."""
    from preroll.bootstrap.server import serve

    serve(settings)


def work(settings: Settings) -> int:
    """Claim and run what is due until SIGINT or SIGTERM; see ``preroll.bootstrap.worker``."""
    from preroll.bootstrap.worker import work

    return work(settings)


def make_admin(settings: Settings, name: str, password: str) -> None:
    """Make an account that may do everything, in the database itself; see ``preroll.bootstrap.people``."""
    from preroll.bootstrap.people import make_admin

    make_admin(settings, name, password)
