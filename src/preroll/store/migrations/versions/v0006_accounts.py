# SPDX-License-Identifier: Apache-2.0
"""Accounts, sessions, tokens and failed sign-ins; security scopes of bookings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SMALL = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _longs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, _LONG, nullable=False) for name in names]


def upgrade() -> None:
    """Tables of their own, and a column with a default: engines of the version before go on working."""
    op.add_column("booking", sa.Column("scopes", sa.Text(), nullable=False, server_default=sa.text("''")))
    _accounts()
    _credentials()
    _attempts()


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("key", _LONG, sa.Identity(), nullable=False),
        *_texts("id", "name", "folded", "full_name", "password", "rights"),
        sa.Column("disabled", _SMALL, nullable=False),
        *_texts("issuer", "subject"),
        *_longs("revision", "created_us", "changed_us"),
        sa.PrimaryKeyConstraint("key", name="pk_account"),
        sa.UniqueConstraint("id", name="uq_account_id"),
        sa.UniqueConstraint("folded", name="uq_account_folded"),
    )
    known = sa.text("subject <> ''")
    op.create_index("ix_account_subject", "account", ["issuer", "subject"], sqlite_where=known, postgresql_where=known)


def _credentials() -> None:
    op.create_table(
        "session",
        sa.Column("key", _LONG, sa.Identity(), nullable=False),
        *_longs("account"),
        *_texts("digest"),
        *_longs("began_us", "seen_us"),
        sa.PrimaryKeyConstraint("key", name="pk_session"),
        sa.UniqueConstraint("digest", name="uq_session_digest"),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name="fk_session_account"),
    )
    op.create_index("ix_session_account", "session", ["account"])
    op.create_index("ix_session_seen_us", "session", ["seen_us"])
    op.create_table(
        "token",
        sa.Column("key", _LONG, sa.Identity(), nullable=False),
        *_texts("id"),
        *_longs("account"),
        *_texts("name", "digest", "bounds"),
        *_longs("ends_us", "created_us"),
        sa.Column("used_us", _LONG, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_token"),
        sa.UniqueConstraint("id", name="uq_token_id"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
        sa.UniqueConstraint("account", "name", name="uq_token_account_name"),
        sa.ForeignKeyConstraint(["account"], ["account.key"], name="fk_token_account"),
    )


def _attempts() -> None:
    op.create_table(
        "failed_sign_in",
        *_texts("about", "who"),
        *_longs("count", "since_us", "locked_until_us", "at_us"),
        sa.PrimaryKeyConstraint("about", "who", name="pk_failed_sign_in"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_failed_sign_in_at_us", "failed_sign_in", ["at_us"])
    op.create_table(
        "pending_sign_in",
        *_texts("digest", "nonce", "verifier", "returns"),
        *_longs("at_us"),
        sa.PrimaryKeyConstraint("digest", name="pk_pending_sign_in"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pending_sign_in_at_us", "pending_sign_in", ["at_us"])
