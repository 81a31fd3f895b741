# SPDX-License-Identifier: Apache-2.0
"""Near-air alarms: which bookings have had theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """A column with a default: engines of the version before go on working."""
    small = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("booking", sa.Column("alarmed", small, nullable=False, server_default=sa.text("0")))
    where = sa.text("alarmed = 0 and state in ('On-Hold', 'Partial', 'Quarantined')")
    op.create_index(
        "ix_booking_near", "booking", ["platform", "held_start_us"], postgresql_where=where, sqlite_where=where
    )
