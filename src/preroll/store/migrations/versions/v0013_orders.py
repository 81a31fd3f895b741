# SPDX-License-Identifier: Apache-2.0
"""Service orders with their items and plans, and services with their revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SMALL = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
_EXISTING = sa.text("state in ('Deployed', 'Fail Deploy')")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _longs(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, _LONG, nullable=nullable) for name in names]


def _key() -> sa.Column[int]:
    return sa.Column("key", _LONG, sa.Identity(), nullable=False)


def upgrade() -> None:
    """Tables of their own: engines of the version before go on working on the upgraded database."""
    _orders()
    _services()


def _orders() -> None:
    op.create_table(
        "service_order",
        _key(),
        *_texts("id"),
        *_longs("platform"),
        *_texts("name", "state", "phase", "hold", "together"),
        *_longs("due_us", nullable=True),
        *_longs("latest_start_us", "priority"),
        *_texts("external", "plan", "approvals"),
        *_longs("attempt"),
        *_texts("why", "clone_of"),
        sa.Column("hidden", _SMALL, nullable=False),
        *_texts("scopes"),
        *_longs("revision", "created_us"),
        *_texts("created_by"),
        *_longs("changed_us"),
        sa.PrimaryKeyConstraint("key", name="pk_service_order"),
        sa.UniqueConstraint("id", name="uq_service_order_id"),
    )
    op.create_index("ix_service_order_state", "service_order", ["platform", "state", "key"])
    op.create_table(
        "order_item",
        *_longs("service_order", "place"),
        *_texts("name", "kind", "service"),
        *_longs("base", nullable=True),
        *_texts("body"),
        sa.PrimaryKeyConstraint("service_order", "place", name="pk_order_item"),
        sa.ForeignKeyConstraint(["service_order"], ["service_order.key"], name="fk_order_item_service_order"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_order_item_service", "order_item", ["service"])
    op.create_table(
        "order_plan",
        *_longs("service_order"),
        *_texts("hash", "body"),
        *_longs("at_us"),
        sa.PrimaryKeyConstraint("service_order", name="pk_order_plan"),
        sa.ForeignKeyConstraint(["service_order"], ["service_order.key"], name="fk_order_plan_service_order"),
    )


def _services() -> None:
    op.create_table(
        "service",
        _key(),
        *_texts("id"),
        *_longs("platform", "definition"),
        *_texts("name", "folded", "state", "runs"),
        *_longs("desired"),
        *_longs("deployed", "last_good", nullable=True),
        *_texts("scopes"),
        *_longs("revision", "created_us"),
        *_texts("created_by"),
        *_longs("changed_us"),
        sa.PrimaryKeyConstraint("key", name="pk_service"),
        sa.UniqueConstraint("id", name="uq_service_id"),
    )
    op.create_index(
        "ix_service_name",
        "service",
        ["platform", "folded"],
        unique=True,
        sqlite_where=_EXISTING,
        postgresql_where=_EXISTING,
    )
    op.create_table(
        "service_revision",
        *_longs("service", "number"),
        *_texts("body", "made_by"),
        *_longs("at_us"),
        sa.PrimaryKeyConstraint("service", "number", name="pk_service_revision"),
        sa.ForeignKeyConstraint(["service"], ["service.key"], name="fk_service_revision_service"),
        sqlite_with_rowid=False,
    )
