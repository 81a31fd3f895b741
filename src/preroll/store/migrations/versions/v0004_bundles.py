# SPDX-License-Identifier: Apache-2.0
"""Bundles: which one created a document, and what was removed but is kept for the history of its bookings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A table, and columns with defaults: engines of the version before go on working."""
    op.create_table(
        "origin",
        sa.Column("platform", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "kind", "name", name="pk_origin"),
        sqlite_with_rowid=False,
    )
    flag = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    for table in ("resource", "service_definition"):
        op.add_column(table, sa.Column("removed", flag, nullable=False, server_default=sa.text("0")))
