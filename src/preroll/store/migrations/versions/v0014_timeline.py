# SPDX-License-Identifier: Apache-2.0
"""Indexes for a window of bookings: the many short ones by their start, the few long ones by their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Two indexes; engines of the version before go on working."""
    for name, column, which in (("short", "held_start_us", "<="), ("lasting", "held_end_us", ">")):
        where = sa.text(f"held_end_us - held_start_us {which} 172800000000")
        op.create_index(
            f"ix_booking_{name}", "booking", ["platform", column], postgresql_where=where, sqlite_where=where
        )
