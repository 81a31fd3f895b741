# SPDX-License-Identifier: Apache-2.0
"""``preroll migrate``: bring the database to this program's schema."""

from __future__ import annotations

from pathlib import Path

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, migrate)
    parser.reads_settings("data", "database")
    return parser


def migrate(data: Path | None, database: str | None, config: Path | None) -> None:
    """Bring the database to this program's schema; the server does it too when it starts."""
    from preroll.cli import output
    from preroll.cli.local import settings_of
    from preroll.settings import made
    from preroll.store import migrate as bring_up

    with settings_of(config, data=data, database=database) as settings:
        made(settings.data)
        bring_up(settings.database_url)
    output.line(["the database is up to date"])
