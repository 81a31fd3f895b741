# SPDX-License-Identifier: Apache-2.0
"""Versions of a platform's settings say who made them and why, and keep the time zone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """With defaults: engines of the version before go on working."""
    for name in ("zone", "actor", "why"):
        op.add_column("platform_config", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
