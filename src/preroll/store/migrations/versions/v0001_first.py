# SPDX-License-Identifier: Apache-2.0
"""The first schema."""

from __future__ import annotations

from alembic import op

from preroll.store.revisions import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    for statement in schema(revision, postgres=op.get_bind().dialect.name == "postgresql"):
        op.execute(statement)
