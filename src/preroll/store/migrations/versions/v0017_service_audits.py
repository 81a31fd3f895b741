# SPDX-License-Identifier: Apache-2.0
"""What audits find different on the devices of services, which of it is approved, and alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_APPROVED = sa.text("until_us is not null")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _long(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, _LONG, nullable=nullable)


def upgrade() -> None:
    """Tables of their own: engines of the version before go on working on the upgraded database."""
    op.create_table(
        "service_difference",
        _long("service"),
        *_texts("node", "path", "gap", "expected", "found"),
        _long("since_us"),
        *_texts("approved_by", "reason"),
        _long("approved_us", nullable=True),
        _long("until_us", nullable=True),
        sa.PrimaryKeyConstraint("service", "node", "path", name="pk_service_difference"),
        sa.ForeignKeyConstraint(["service"], ["service.key"], name="fk_service_difference_service"),
    )
    op.create_index(
        "ix_service_difference_until",
        "service_difference",
        ["until_us"],
        sqlite_where=_APPROVED,
        postgresql_where=_APPROVED,
    )
    op.create_table(
        "service_alarm",
        _long("service"),
        *_texts("kind", "what"),
        _long("since_us"),
        sa.PrimaryKeyConstraint("service", "kind", name="pk_service_alarm"),
        sa.ForeignKeyConstraint(["service"], ["service.key"], name="fk_service_alarm_service"),
    )
