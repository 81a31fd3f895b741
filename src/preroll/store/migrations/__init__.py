# SPDX-License-Identifier: Apache-2.0
"""Upgrades of older databases. Imported only when one has to be upgraded: Alembic is not needed otherwise."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

HERE = Path(__file__).parent


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database to a revision, all steps or none."""
    engine = create_engine(_sqlalchemy(url), poolclass=NullPool)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(7210, 0)"))
            command.upgrade(settings(connection), revision)
    finally:
        engine.dispose()


def settings(connection: Connection) -> Config:
    """Alembic's settings for work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _sqlalchemy(url: str) -> URL:
    made = make_url(url)
    return made if made.drivername.startswith("sqlite") else made.set(drivername="postgresql+psycopg")
