# SPDX-License-Identifier: Apache-2.0
"""Bookings of a platform by state and first event: what runs, what comes next, what needs somebody."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """An index: engines of the version before go on working."""
    op.create_index("ix_booking_state", "booking", ["platform", "state", "held_start_us"])
