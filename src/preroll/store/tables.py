# SPDX-License-Identifier: Apache-2.0
"""The schema. Integer keys inside, UUIDv7 ids outside; instants are microseconds of UTC, *without end* is 2**62."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import UserDefinedType

from preroll.store.revisions import HEAD, schema_file, written

Long = BigInteger().with_variant(Integer(), "sqlite")
Small = SmallInteger().with_variant(Integer(), "sqlite")
Flag = Small
Json = Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction number."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def _key() -> Column[int]:
    return Column("key", Long, Identity(), primary_key=True)


def _need(name: str, kind: object, default: str | None = None) -> Column[object]:
    return Column(name, kind, nullable=False, server_default=None if default is None else text(default))  # type: ignore[arg-type]


def _refers(name: str, to: str, *, needed: bool = True) -> Column[int]:
    return Column(name, Long, ForeignKey(f"{to}.key"), nullable=not needed)


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


platform = Table(
    "platform",
    metadata,
    _key(),
    _need("id", Text),
    _need("name", Text),
    _need("zone", Text),
    _need("catalogue_version", Long),
    _need("config_version", Long),
    _need("config", Json),
    UniqueConstraint("id"),
    UniqueConstraint("name"),
)
platform_config = Table(
    "platform_config",
    metadata,
    _need("platform", Long),
    _need("version", Long),
    _need("config", Json),
    _need("at_us", Long),
    PrimaryKeyConstraint("platform", "version"),
)
resource = Table(
    "resource",
    metadata,
    _key(),
    _need("id", Text),
    _need("platform", Long),
    _need("name", Text),
    _need("concurrency", Long),
    _need("mode", Text),
    _need("held_as", Text),
    _need("revision", Long),
    _need("body", Json),
    _need("labels", Text, "''"),
    _need("removed", Flag, "0"),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name"),
    Index("ix_resource_held_as", "held_as"),
    _partial("ix_resource_labels", "labels", where="labels <> ''"),
)
profile_definition = Table(
    "profile_definition",
    metadata,
    _key(),
    _need("id", Text),
    _need("platform", Long),
    _need("name", Text),
    _need("revision", Long),
    _need("body", Json),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name"),
)
profile_instance = Table(
    "profile_instance",
    metadata,
    _key(),
    _need("id", Text),
    _need("platform", Long),
    _need("name", Text),
    _need("revision", Long),
    _need("body", Json),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name"),
)
service_definition = Table(
    "service_definition",
    metadata,
    _key(),
    _need("id", Text),
    _need("platform", Long),
    _need("name", Text),
    _need("version", Long),
    _need("publication", Text),
    _need("scripted", Flag),
    _need("body", Json),
    _need("removed", Flag, "0"),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name", "version"),
)
origin = Table(
    "origin",
    metadata,
    _need("platform", Long),
    _need("kind", Text),
    _need("name", Text),
    _need("bundle", Text),
    PrimaryKeyConstraint("platform", "kind", "name"),
    sqlite_with_rowid=False,
)
booking = Table(
    "booking",
    metadata,
    _key(),
    _need("id", Text),
    _refers("platform", "platform"),
    _need("name", Text),
    _need("folded", Text),
    _need("state", Text),
    _need("live", Flag),
    _need("start_us", Long),
    _need("end_us", Long),
    _need("pre_roll_us", Long),
    _need("post_roll_us", Long),
    _need("held_start_us", Long),
    _need("held_end_us", Long),
    _refers("definition", "service_definition", needed=False),
    _need("body", Json),
    _need("priority", Long),
    _need("service_state", Text),
    _need("began", Flag),
    _need("entering", Text),
    _need("not_reset", Flag),
    _need("zone", Text),
    _need("revision", Long),
    _need("state_version", Long),
    _need("created_us", Long),
    _need("created_by", Text),
    _need("changed_us", Long),
    _need("hidden", Flag, "0"),
    _need("owner", Text, "''"),
    UniqueConstraint("id"),
    Index("ix_booking_start_us_id", "start_us", "id"),
    _partial("ix_booking_live_name", "platform", "folded", where="live = 1"),
)
boundary = Table(
    "boundary",
    metadata,
    _key(),
    _need("platform", Long),
    _refers("booking", "booking"),
    _need("kind", Text),
    _need("ordinal", Small),
    _need("rank", Small),
    _need("scripted", Flag),
    _need("due_us", Long),
    _need("state", Text),
    _need("generation", Long),
    _need("try_", Long),
    _need("epoch", Long),
    Column("worker", Long),
    Column("fires", Text),
    _need("planned_us", Long),
    Column("began_us", Long),
    Column("ended_us", Long),
    Column("reason", Text),
    _need("message", Text),
    Column("waits_for", Long),
    _need("stopping", Flag, "0"),
    Index("ix_boundary_booking_ordinal", "booking", "ordinal"),
    _partial(
        "ix_boundary_due", "platform", "scripted", "rank", "due_us", "key",
        where="state = 'armed' and waits_for is null",
    ),
    _partial("ix_boundary_running", "rank", "platform", where="state = 'running'"),
    _partial("ix_boundary_down", "due_us", where="rank = 0 and state in ('armed', 'running')"),
    _partial("ix_boundary_waits_for", "waits_for", where="waits_for is not null"),
)  # fmt: skip
run = Table(
    "run",
    metadata,
    _need("boundary", Long),
    _need("generation", Long),
    _need("try_", Long),
    _need("id", Text),
    _need("booking", Long),
    _need("kind", Text),
    _need("event", Text),
    _need("script", Text),
    _need("version", Text),
    _need("target", Text),
    _need("previous", Text),
    _need("epoch", Long),
    _need("config_version", Long),
    _need("worker", Long),
    _need("began_us", Long),
    Column("ended_us", Long),
    _need("outcome", Text),
    _need("reason", Text),
    _need("message", Text),
    _need("returned", Json),
    PrimaryKeyConstraint("boundary", "generation", "try_"),
    UniqueConstraint("id"),
    sqlite_with_rowid=False,
)
step = Table(
    "step",
    metadata,
    _need("boundary", Long),
    _need("generation", Long),
    _need("try_", Long),
    _need("name", Text),
    _need("resource", Text),
    _need("state", Text),
    _need("attempts", Long),
    _need("epoch", Long),
    _need("began_us", Long),
    Column("ended_us", Long),
    _need("version", Text),
    Column("result", Json),
    Column("diff", Json),
    _need("error", Text),
    PrimaryKeyConstraint("boundary", "generation", "try_", "name"),
    sqlite_with_rowid=False,
)
action_log = Table(
    "action_log",
    metadata,
    _key(),
    _need("booking", Long),
    _need("run", Text),
    _need("severity", Text),
    _need("text", Text),
    _need("at_us", Long),
    _need("data", Json),
    Index("ix_action_log_booking_key", "booking", "key"),
)
dimension = Table("dimension", metadata, _key(), _need("name", Text), UniqueConstraint("name"))
reservation = Table(
    "reservation",
    metadata,
    _key(),
    _refers("booking", "booking"),
    _refers("resource", "resource"),
    _need("dimension", Small),
    _need("start_us", Long),
    _need("end_us", Long),
    _need("amount", Long),
    _need("live", Flag),
    _need("tier", Small),
    _need("unreset", Flag, "0"),
    _need("agreed", Text, "''"),
    Index("ix_reservation_booking", "booking"),
    _partial("ix_reservation_live", "resource", "tier", "start_us", where="live = 1"),
    _partial("ix_reservation_unreset", "resource", where="unreset = 1"),
)
loss = Table(
    "loss",
    metadata,
    _key(),
    _refers("booking", "booking"),
    _refers("resource", "resource"),
    _need("dimension", Text),
    *(_need(name, Long) for name in ("amount", "start_us", "end_us")),
    *(_need(name, Text) for name in ("kind", "about", "why", "rivals", "reason")),
    _need("held", Flag),
    _need("was", Text),
    _need("at_us", Long),
    Column("closed_us", Long),
    Index("ix_loss_booking_key", "booking", "key"),
)
device_hold = Table(
    "device_hold",
    metadata,
    _need("device", Text),
    _need("boundary", Long),
    _need("booking", Long),
    PrimaryKeyConstraint("device"),
    Index("ix_device_hold_boundary", "boundary"),
    sqlite_with_rowid=False,
)
worker = Table(
    "worker",
    metadata,
    _key(),
    _need("name", Text),
    _need("host", Text),
    _need("pid", Long),
    _need("lease_us", Long),
    _need("version", Text),
    _need("labels", Text, "''"),
    _need("role", Text, "'here'"),
    _need("scripts", Json, "'{}'"),
    Index("ix_worker_lease_us", "lease_us"),
)
answer = Table(
    "answer",
    metadata,
    _need("actor", Text),
    _need("route", Text),
    _need("key", Text),
    _need("digest", Text),
    _need("status", Long),
    _need("body", Text),
    _need("at_us", Long),
    PrimaryKeyConstraint("actor", "route", "key"),
    Index("ix_answer_at_us", "at_us"),
)
change_log = Table(
    "change_log",
    metadata,
    Column("id", Long, Identity(), primary_key=True),
    _need("at_us", Long),
    _need("kind", Text),
    _need("subject", Text),
    _need("platform", Long),
    _need("actor", Text),
    _need("was", Text),
    _need("became", Text),
    _need("why", Text),
    _need("cause", Text),
    _need("revision", Long),
    Index("ix_change_log_subject_id", "subject", "id"),
    sqlite_autoincrement=True,
)

POSTGRES_ONLY = (
    "alter table change_log add column xid xid8 not null default pg_current_xact_id()",
    "create index ix_change_log_xid_id on change_log (xid, id)",
    *(
        f"alter table {name} set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, "
        "autovacuum_analyze_scale_factor = 0.05)"
        for name in ("boundary", "booking", "run", "step")
    ),
)
"""What PostgreSQL has on top: the feed's position, and room for rows that change often."""


def statements(*, postgres: bool) -> list[str]:
    """Everything that makes an empty database a current one, but its version."""
    dialect: Dialect = postgresql.dialect() if postgres else sqlite.dialect()  # type: ignore[no-untyped-call]
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in sorted(table.indexes, key=str)]
    return [*made, *(POSTGRES_ONLY if postgres else ())]


if __name__ == "__main__":
    for postgres in (False, True):
        schema_file(HEAD, postgres=postgres).write_text(written(statements(postgres=postgres)), encoding="utf-8")
