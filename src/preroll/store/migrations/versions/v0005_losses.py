# SPDX-License-Identifier: Apache-2.0
"""Quarantine: what bookings lost in conflicts, when, to whom and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A table of its own: engines of the version before go on working."""
    long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    small = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "loss",
        sa.Column("key", long, sa.Identity(), nullable=False),
        *(sa.Column(name, long, nullable=False) for name in ("booking", "resource")),
        sa.Column("dimension", sa.Text(), nullable=False),
        *(sa.Column(name, long, nullable=False) for name in ("amount", "start_us", "end_us")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "about", "why", "rivals", "reason")),
        sa.Column("held", small, nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("at_us", long, nullable=False),
        sa.Column("closed_us", long, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_loss"),
        sa.ForeignKeyConstraint(["booking"], ["booking.key"], name="fk_loss_booking"),
        sa.ForeignKeyConstraint(["resource"], ["resource.key"], name="fk_loss_resource"),
    )
    op.create_index("ix_loss_booking_key", "loss", ["booking", "key"])
