# SPDX-License-Identifier: Apache-2.0
"""Subscriptions to changes, and messages that were given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _longs(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, _LONG, nullable=nullable) for name in names]


def upgrade() -> None:
    """Tables of their own: engines of the version before go on working on the upgraded database."""
    op.create_table(
        "subscription",
        sa.Column("key", _LONG, sa.Identity(), nullable=False),
        *_texts("id", "owner", "name", "kind", "address", "secret", "filter", "bounds", "status", "position"),
        *_longs("attempts", "next_us"),
        *_longs("taken_us", "failed_us", nullable=True),
        *_texts("error"),
        sa.Column("holder", sa.Text(), nullable=False, server_default=sa.text("''")),
        sa.Column("lease_us", _LONG, nullable=False, server_default=sa.text("0")),
        *_longs("revision", "created_us"),
        *_texts("created_by"),
        sa.PrimaryKeyConstraint("key", name="pk_subscription"),
        sa.UniqueConstraint("id", name="uq_subscription_id"),
        sa.UniqueConstraint("owner", "name", name="uq_subscription_owner_name"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("key", _LONG, sa.Identity(), nullable=False),
        *_longs("subscription"),
        *_texts("id", "position", "kind", "subject", "body"),
        *_longs("attempts"),
        *_texts("error"),
        *_longs("at_us"),
        sa.PrimaryKeyConstraint("key", name="pk_dead_letter"),
        sa.UniqueConstraint("subscription", "id", name="uq_dead_letter_subscription_id"),
        sa.ForeignKeyConstraint(["subscription"], ["subscription.key"], name="fk_dead_letter_subscription"),
    )
