# SPDX-License-Identifier: Apache-2.0
"""The tables of service orders and of the services that they make."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint, text

from preroll.store.columns import Flag, Json, Long, key, metadata, need, partial, refers

NEEDY = "needs <> ''"
EXISTING = "state in ('Deployed', 'Fail Deploy')"

service_order = Table(
    "service_order",
    metadata,
    key(),
    need("id", Text),
    need("platform", Long),
    *(need(name, Text) for name in ("name", "state", "phase", "hold", "together")),
    Column("due_us", Long),
    need("latest_start_us", Long),
    need("priority", Long),
    *(need(name, Text) for name in ("external", "plan")),
    need("approvals", Json),
    need("attempt", Long),
    need("why", Text),
    need("clone_of", Text),
    need("hidden", Flag),
    need("scopes", Text),
    *(need(name, Long) for name in ("revision", "created_us")),
    need("created_by", Text),
    need("changed_us", Long),
    Column("cancel_us", Long),
    need("cancel_why", Text, "''"),
    UniqueConstraint("id"),
    Index("ix_service_order_state", "platform", "state", "key"),
    partial("ix_service_order_held", "platform", "key", where="hold <> ''"),
)
order_item = Table(
    "order_item",
    metadata,
    refers("service_order", "service_order"),
    need("place", Long),
    *(need(name, Text) for name in ("name", "kind", "service")),
    Column("base", Long),
    need("body", Json),
    need("needs", Text, "''"),
    PrimaryKeyConstraint("service_order", "place"),
    Index("ix_order_item_service", "service"),
    partial("ix_order_item_needs", "service_order", where=NEEDY),
    sqlite_with_rowid=False,
)
order_plan = Table(
    "order_plan",
    metadata,
    refers("service_order", "service_order"),
    need("hash", Text),
    need("body", Json),
    need("at_us", Long),
    PrimaryKeyConstraint("service_order"),
)
service = Table(
    "service",
    metadata,
    key(),
    need("id", Text),
    *(need(name, Long) for name in ("platform", "definition")),
    *(need(name, Text) for name in ("name", "folded", "state", "runs")),
    need("desired", Long),
    Column("deployed", Long),
    Column("last_good", Long),
    need("scopes", Text),
    *(need(name, Long) for name in ("revision", "created_us")),
    need("created_by", Text),
    need("changed_us", Long),
    need("needs", Text, "''"),
    UniqueConstraint("id"),
    partial("ix_service_needs", "key", where=NEEDY),
    Index(
        "ix_service_name",
        "platform",
        "folded",
        unique=True,
        sqlite_where=text(EXISTING),
        postgresql_where=text(EXISTING),
    ),
)
overlay = Table(
    "overlay",
    metadata,
    refers("booking", "booking"),
    need("service", Text),
    PrimaryKeyConstraint("booking"),
    Index("ix_overlay_service", "service"),
)
service_revision = Table(
    "service_revision",
    metadata,
    refers("service", "service"),
    need("number", Long),
    need("body", Json),
    need("made_by", Text),
    need("at_us", Long),
    PrimaryKeyConstraint("service", "number"),
    sqlite_with_rowid=False,
)
service_difference = Table(
    "service_difference",
    metadata,
    refers("service", "service"),
    *(need(name, Text) for name in ("node", "path", "gap")),
    *(need(name, Json) for name in ("expected", "found")),
    need("since_us", Long),
    *(need(name, Text) for name in ("approved_by", "reason")),
    *(Column(name, Long) for name in ("approved_us", "until_us")),
    PrimaryKeyConstraint("service", "node", "path"),
    partial("ix_service_difference_until", "until_us", where="until_us is not null"),
)
service_alarm = Table(
    "service_alarm",
    metadata,
    refers("service", "service"),
    *(need(name, Text) for name in ("kind", "what")),
    need("since_us", Long),
    PrimaryKeyConstraint("service", "kind"),
)
