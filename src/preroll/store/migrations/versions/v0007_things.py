# SPDX-License-Identifier: Apache-2.0
"""Pools and functions that a document describes; those that resources merely name need no row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Tables of their own: engines of the version before go on working."""
    long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    for table in ("pool", "function"):
        op.create_table(
            table,
            sa.Column("key", long, sa.Identity(), nullable=False),
            sa.Column("id", sa.Text(), nullable=False),
            sa.Column("platform", long, nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("revision", long, nullable=False),
            sa.Column("body", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("key", name=f"pk_{table}"),
            sa.UniqueConstraint("id", name=f"uq_{table}_id"),
            sa.UniqueConstraint("platform", "name", name=f"uq_{table}_platform_name"),
        )
