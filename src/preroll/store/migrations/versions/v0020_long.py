# SPDX-License-Identifier: Apache-2.0
"""Long reservations are found by time, whatever they are of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_LONG = sa.text("live = 1 and tier >= 2")


def upgrade() -> None:
    """An index of a few rows: engines of the version before go on working."""
    op.create_index(
        "ix_reservation_long", "reservation", ["tier", "start_us"], sqlite_where=_LONG, postgresql_where=_LONG
    )
