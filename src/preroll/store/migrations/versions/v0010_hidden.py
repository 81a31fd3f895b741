# SPDX-License-Identifier: Apache-2.0
"""Bookings that were deleted are hidden, and who owns a booking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add columns with defaults: engines of the version before go on working on the upgraded database."""
    small = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("booking", sa.Column("hidden", small, nullable=False, server_default=sa.text("0")))
    op.add_column("booking", sa.Column("owner", sa.Text(), nullable=False, server_default=sa.text("''")))
