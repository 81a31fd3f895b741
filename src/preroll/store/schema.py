# SPDX-License-Identifier: Apache-2.0
"""Brings a database to this program's schema; a current one costs one cheap read."""

from __future__ import annotations

from contextlib import suppress

from preroll.domain.errors import BadSettings
from preroll.store.revisions import HEAD, schema
from preroll.store.sql import Sql

_VERSIONS = (
    "create table alembic_version"
    " (version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num))"
)


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


def expect_head(db: Sql) -> None:
    """Refuse a database that does not have this program's schema; nothing is changed.

    Raises:
        BadSettings: it is newer, older or empty.
    """
    version = version_of(db)
    if version != HEAD:
        raise BadSettings(
            f"the database has {f'schema {version}' if version else 'no schema yet'}, this program needs {HEAD}",
            hint="install the newer program" if version > HEAD else "run preroll migrate first, or start preroll serve",
        )


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
