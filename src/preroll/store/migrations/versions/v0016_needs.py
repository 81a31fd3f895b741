# SPDX-License-Identifier: Apache-2.0
"""What services, and the items of orders, need of other services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_NEEDY = sa.text("needs <> ''")


def upgrade() -> None:
    """Columns with a default: engines of the version before go on working."""
    for table, column in (("order_item", "service_order"), ("service", "key")):
        op.add_column(table, sa.Column("needs", sa.Text(), nullable=False, server_default=sa.text("''")))
        op.create_index(f"ix_{table}_needs", table, [column], sqlite_where=_NEEDY, postgresql_where=_NEEDY)
