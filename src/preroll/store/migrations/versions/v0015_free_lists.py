# SPDX-License-Identifier: Apache-2.0
"""Bookings without a definition whose profiles are loaded at START and STOP."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """A column with a default: engines of the version before go on working."""
    flag = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("booking", sa.Column("orchestrated", flag, nullable=False, server_default=sa.text("0")))
