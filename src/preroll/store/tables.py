# SPDX-License-Identifier: Apache-2.0
"""The schema. Integer keys inside, UUIDv7 ids outside; instants are microseconds of UTC, *without end* is 2**62."""

from __future__ import annotations

from sqlalchemy import Column, Identity, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from preroll.store import tables_accounts, tables_orders, tables_outbox  # noqa: F401 - their tables are of the same schema
from preroll.store.columns import Flag, Json, Long, Small, key, metadata, need, partial, refers
from preroll.store.revisions import HEAD, schema_file, written


def _named(name: str) -> Table:
    """What is known by its name, and has nothing that a query asks for but that."""
    return Table(
        name,
        metadata,
        key(),
        need("id", Text),
        need("platform", Long),
        need("name", Text),
        need("revision", Long),
        need("body", Json),
        UniqueConstraint("id"),
        UniqueConstraint("platform", "name"),
    )


platform = Table(
    "platform",
    metadata,
    key(),
    need("id", Text),
    need("name", Text),
    need("zone", Text),
    need("catalogue_version", Long),
    need("config_version", Long),
    need("config", Json),
    UniqueConstraint("id"),
    UniqueConstraint("name"),
)
platform_config = Table(
    "platform_config",
    metadata,
    need("platform", Long),
    need("version", Long),
    need("config", Json),
    need("at_us", Long),
    need("zone", Text, "''"),
    need("actor", Text, "''"),
    need("why", Text, "''"),
    PrimaryKeyConstraint("platform", "version"),
)
resource = Table(
    "resource",
    metadata,
    key(),
    need("id", Text),
    need("platform", Long),
    need("name", Text),
    need("concurrency", Long),
    need("mode", Text),
    need("held_as", Text),
    need("revision", Long),
    need("body", Json),
    need("labels", Text, "''"),
    need("removed", Flag, "0"),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name"),
    Index("ix_resource_held_as", "held_as"),
    partial("ix_resource_labels", "labels", where="labels <> ''"),
)
pool, function, profile_definition, profile_instance = (
    _named(name) for name in ("pool", "function", "profile_definition", "profile_instance")
)
service_definition = Table(
    "service_definition",
    metadata,
    key(),
    need("id", Text),
    need("platform", Long),
    need("name", Text),
    need("version", Long),
    need("publication", Text),
    need("scripted", Flag),
    need("body", Json),
    need("removed", Flag, "0"),
    UniqueConstraint("id"),
    UniqueConstraint("platform", "name", "version"),
)
origin = Table(
    "origin",
    metadata,
    need("platform", Long),
    need("kind", Text),
    need("name", Text),
    need("bundle", Text),
    PrimaryKeyConstraint("platform", "kind", "name"),
    sqlite_with_rowid=False,
)
booking = Table(
    "booking",
    metadata,
    key(),
    need("id", Text),
    refers("platform", "platform"),
    need("name", Text),
    need("folded", Text),
    need("state", Text),
    need("live", Flag),
    need("start_us", Long),
    need("end_us", Long),
    need("pre_roll_us", Long),
    need("post_roll_us", Long),
    need("held_start_us", Long),
    need("held_end_us", Long),
    refers("definition", "service_definition", needed=False),
    need("body", Json),
    need("priority", Long),
    need("service_state", Text),
    need("began", Flag),
    need("entering", Text),
    need("not_reset", Flag),
    need("zone", Text),
    need("revision", Long),
    need("state_version", Long),
    need("created_us", Long),
    need("created_by", Text),
    need("changed_us", Long),
    need("scopes", Text, "''"),
    need("alarmed", Flag, "0"),
    need("hidden", Flag, "0"),
    need("owner", Text, "''"),
    need("orchestrated", Flag, "0"),
    UniqueConstraint("id"),
    Index("ix_booking_start_us_id", "start_us", "id"),
    Index("ix_booking_state", "platform", "state", "held_start_us"),
    partial("ix_booking_live_name", "platform", "folded", where="live = 1"),
    partial("ix_booking_short", "platform", "held_start_us", where="held_end_us - held_start_us <= 172800000000"),
    partial("ix_booking_lasting", "platform", "held_end_us", where="held_end_us - held_start_us > 172800000000"),
    partial(
        "ix_booking_near",
        "platform",
        "held_start_us",
        where="alarmed = 0 and state in ('On-Hold', 'Partial', 'Quarantined')",
    ),
)
boundary = Table(
    "boundary",
    metadata,
    key(),
    need("platform", Long),
    refers("booking", "booking"),
    need("kind", Text),
    need("ordinal", Small),
    need("rank", Small),
    need("scripted", Flag),
    need("due_us", Long),
    need("state", Text),
    need("generation", Long),
    need("try_", Long),
    need("epoch", Long),
    Column("worker", Long),
    Column("fires", Text),
    need("planned_us", Long),
    Column("began_us", Long),
    Column("ended_us", Long),
    Column("reason", Text),
    need("message", Text),
    Column("waits_for", Long),
    need("stopping", Flag, "0"),
    Index("ix_boundary_booking_ordinal", "booking", "ordinal"),
    partial(
        "ix_boundary_due", "platform", "scripted", "rank", "due_us", "key",
        where="state = 'armed' and waits_for is null",
    ),
    partial("ix_boundary_running", "rank", "platform", where="state = 'running'"),
    partial("ix_boundary_down", "due_us", where="rank = 0 and state in ('armed', 'running')"),
    partial("ix_boundary_waits_for", "waits_for", where="waits_for is not null"),
)  # fmt: skip
run = Table(
    "run",
    metadata,
    need("boundary", Long),
    need("generation", Long),
    need("try_", Long),
    need("id", Text),
    need("booking", Long),
    need("kind", Text),
    need("event", Text),
    need("script", Text),
    need("version", Text),
    need("target", Text),
    need("previous", Text),
    need("epoch", Long),
    need("config_version", Long),
    need("worker", Long),
    need("began_us", Long),
    Column("ended_us", Long),
    need("outcome", Text),
    need("reason", Text),
    need("message", Text),
    need("returned", Json),
    PrimaryKeyConstraint("boundary", "generation", "try_"),
    UniqueConstraint("id"),
    sqlite_with_rowid=False,
)
step = Table(
    "step",
    metadata,
    need("boundary", Long),
    need("generation", Long),
    need("try_", Long),
    need("name", Text),
    need("resource", Text),
    need("state", Text),
    need("attempts", Long),
    need("epoch", Long),
    need("began_us", Long),
    Column("ended_us", Long),
    need("version", Text),
    Column("result", Json),
    Column("diff", Json),
    need("error", Text),
    PrimaryKeyConstraint("boundary", "generation", "try_", "name"),
    sqlite_with_rowid=False,
)
action_log = Table(
    "action_log",
    metadata,
    key(),
    need("booking", Long),
    need("run", Text),
    need("severity", Text),
    need("text", Text),
    need("at_us", Long),
    need("data", Json),
    Index("ix_action_log_booking_key", "booking", "key"),
)
dimension = Table("dimension", metadata, key(), need("name", Text), UniqueConstraint("name"))
reservation = Table(
    "reservation",
    metadata,
    key(),
    refers("booking", "booking"),
    refers("resource", "resource"),
    need("dimension", Small),
    need("start_us", Long),
    need("end_us", Long),
    need("amount", Long),
    need("live", Flag),
    need("tier", Small),
    need("unreset", Flag, "0"),
    need("agreed", Text, "''"),
    Index("ix_reservation_booking", "booking"),
    partial("ix_reservation_live", "resource", "tier", "start_us", where="live = 1"),
    partial("ix_reservation_long", "tier", "start_us", where="live = 1 and tier >= 2"),
    partial("ix_reservation_unreset", "resource", where="unreset = 1"),
)
loss = Table(
    "loss",
    metadata,
    key(),
    refers("booking", "booking"),
    refers("resource", "resource"),
    need("dimension", Text),
    *(need(name, Long) for name in ("amount", "start_us", "end_us")),
    *(need(name, Text) for name in ("kind", "about", "why", "rivals", "reason")),
    need("held", Flag),
    need("was", Text),
    need("at_us", Long),
    Column("closed_us", Long),
    Index("ix_loss_booking_key", "booking", "key"),
)
device_hold = Table(
    "device_hold",
    metadata,
    need("device", Text),
    need("boundary", Long),
    need("booking", Long),
    PrimaryKeyConstraint("device"),
    Index("ix_device_hold_boundary", "boundary"),
    sqlite_with_rowid=False,
)
worker = Table(
    "worker",
    metadata,
    key(),
    need("name", Text),
    need("host", Text),
    need("pid", Long),
    need("lease_us", Long),
    need("version", Text),
    need("labels", Text, "''"),
    need("role", Text, "'here'"),
    need("scripts", Json, "'{}'"),
    Index("ix_worker_lease_us", "lease_us"),
)
answer = Table(
    "answer",
    metadata,
    need("actor", Text),
    need("route", Text),
    need("key", Text),
    need("digest", Text),
    need("status", Long),
    need("body", Text),
    need("at_us", Long),
    PrimaryKeyConstraint("actor", "route", "key"),
    Index("ix_answer_at_us", "at_us"),
)
change_log = Table(
    "change_log",
    metadata,
    Column("id", Long, Identity(), primary_key=True),
    need("at_us", Long),
    need("kind", Text),
    need("subject", Text),
    need("platform", Long),
    need("actor", Text),
    need("was", Text),
    need("became", Text),
    need("why", Text),
    need("cause", Text),
    need("revision", Long),
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
