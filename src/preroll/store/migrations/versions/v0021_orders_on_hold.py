# SPDX-License-Identifier: Apache-2.0
"""Orders on hold, which are looked at whenever a service has changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_ON_HOLD = sa.text("hold <> ''")


def upgrade() -> None:
    """Only what is there is sorted: engines of the version before go on working."""
    op.create_index(
        "ix_service_order_held", "service_order", ["platform", "key"], sqlite_where=_ON_HOLD, postgresql_where=_ON_HOLD
    )  # fmt: skip
