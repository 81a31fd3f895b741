# SPDX-License-Identifier: Apache-2.0
"""Brings a database to this program's schema; a current one costs one cheap read.

The schema of each revision is kept as plain SQL: what a new database is made of, and what upgrades are tested on.
``python -m preroll.store.tables`` writes the files of the newest one, older ones never change.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from preroll.domain.errors import BadSettings
from preroll.store.sql import Sql

HEAD = "0001"
"""The newest revision in ``migrations/versions``."""
FOLDER = Path(__file__).parent / "migrations/schema"
_BETWEEN = ";\n\n"
_VERSIONS = (
    "create table alembic_version"
    " (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num))"
)


def schema_file(revision: str, *, postgres: bool) -> Path:
    """Where the schema of a revision is kept."""
    return FOLDER / f"{revision}.{'postgresql' if postgres else 'sqlite'}.sql"


def schema(revision: str, *, postgres: bool) -> list[str]:
    """The statements that make an empty database one of this revision."""
    text = schema_file(revision, postgres=postgres).read_text(encoding="utf-8")
    return text.removesuffix(_BETWEEN[:2]).split(_BETWEEN)


def written(statements: list[str]) -> str:
    """Statements as the text of a schema file."""
    return _BETWEEN.join("\n".join(line.rstrip() for line in s.splitlines()) for s in statements) + _BETWEEN[:2]


def version_of(db: Sql) -> str:
    """The revision that a database is at; empty for an empty one."""
    table = (
        "select 1 from pg_tables where schemaname = current_schema() and tablename = 'alembic_version'"
        if db.postgres
        else "select 1 from sqlite_master where type = 'table' and name = 'alembic_version'"
    )
    if db.one(table) is None:
        return ""
    row = db.one("select version_num from alembic_version")
    return "" if row is None else str(row[0])


def bring_to_head(db: Sql, url: str) -> None:
    """Create or upgrade the schema if it is not current.

    Raises:
        BadSettings: the database is newer than this program.
    """
    version = version_of(db)
    if version == HEAD:
        return
    if version > HEAD:
        raise BadSettings(
            f"the database has schema {version}, this program knows {HEAD} at most", hint="install the newer program"
        )
    if not version:
        create(db)
        return
    from preroll.store.migrations import upgrade

    upgrade(url)


def create(db: Sql) -> None:
    """Make an empty database a current one; somebody else may do so at the same moment."""
    db.begin(write=True)
    try:
        if db.postgres:
            db.one("select pg_advisory_xact_lock(7210, 0)")
        if not version_of(db):
            for statement in schema(HEAD, postgres=db.postgres):
                db.run(statement)
            db.run(_VERSIONS)
            db.run("insert into alembic_version (version_num) values (?)", HEAD)
        db.commit()
    except BaseException:
        with suppress(Exception):
            db.rollback()
        raise
