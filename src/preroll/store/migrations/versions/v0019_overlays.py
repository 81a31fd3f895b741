# SPDX-License-Identifier: Apache-2.0
"""Bookings that change a service for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """A table of its own: engines of the version before go on working."""
    long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "overlay",
        sa.Column("booking", long, nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("booking", name="pk_overlay"),
        sa.ForeignKeyConstraint(["booking"], ["booking.key"], name="fk_overlay_booking"),
    )
    op.create_index("ix_overlay_service", "overlay", ["service"])
