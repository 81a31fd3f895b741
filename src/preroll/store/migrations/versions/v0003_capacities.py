# SPDX-License-Identifier: Apache-2.0
"""Capacities: the dimensions in which resources are shared out, and the values on which overlapping bookings agree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A table and a column with a default: engines of the version before go on working."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "dimension",
        sa.Column("key", key, sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_dimension"),
        sa.UniqueConstraint("name", name="uq_dimension_name"),
    )
    op.add_column("reservation", sa.Column("agreed", sa.Text(), nullable=False, server_default=sa.text("''")))
