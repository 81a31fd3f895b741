# SPDX-License-Identifier: Apache-2.0
"""Labels: from where a resource can be reached, and where a worker stands; what a worker is for, and its scripts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns with defaults: engines of the version before go on working on the upgraded database."""
    op.add_column("resource", sa.Column("labels", sa.Text(), nullable=False, server_default=sa.text("''")))
    for name, default in (("labels", "''"), ("role", "'here'"), ("scripts", "'{}'")):
        op.add_column("worker", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text(default)))
    labelled = sa.text("labels <> ''")
    op.create_index("ix_resource_labels", "resource", ["labels"], sqlite_where=labelled, postgresql_where=labelled)
    op.create_index("ix_worker_lease_us", "worker", ["lease_us"])
