# SPDX-License-Identifier: Apache-2.0
"""When an order was asked to be canceled, and why, whatever came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add columns with defaults: engines of the version before go on working on the upgraded database."""
    long = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("service_order", sa.Column("cancel_us", long))
    op.add_column("service_order", sa.Column("cancel_why", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.execute(sa.text(
        "update service_order set cancel_us = changed_us, cancel_why = why where state = 'Canceled'"
        " and why <> 'not begun by its latest start'"
    ))  # fmt: skip
