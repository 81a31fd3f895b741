# SPDX-License-Identifier: Apache-2.0
"""The tables of accounts: people, what they sign in with, and who tries to."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from preroll.store.columns import Flag, Json, Long, key, metadata, need, partial, refers

account = Table(
    "account",
    metadata,
    key(),
    *(need(name, Text) for name in ("id", "name", "folded", "full_name", "password")),
    need("rights", Json),
    need("disabled", Flag),
    *(need(name, Text) for name in ("issuer", "subject")),
    *(need(name, Long) for name in ("revision", "created_us", "changed_us")),
    UniqueConstraint("id"),
    UniqueConstraint("folded"),
    partial("ix_account_subject", "issuer", "subject", where="subject <> ''"),
)
session = Table(
    "session",
    metadata,
    key(),
    refers("account", "account"),
    need("digest", Text),
    *(need(name, Long) for name in ("began_us", "seen_us")),
    UniqueConstraint("digest"),
    Index("ix_session_account", "account"),
    Index("ix_session_seen_us", "seen_us"),
)
token = Table(
    "token",
    metadata,
    key(),
    need("id", Text),
    refers("account", "account"),
    *(need(name, Text) for name in ("name", "digest")),
    need("bounds", Json),
    *(need(name, Long) for name in ("ends_us", "created_us")),
    Column("used_us", Long),
    UniqueConstraint("id"),
    UniqueConstraint("digest"),
    UniqueConstraint("account", "name"),
)
failed_sign_in = Table(
    "failed_sign_in",
    metadata,
    *(need(name, Text) for name in ("about", "who")),
    *(need(name, Long) for name in ("count", "since_us", "locked_until_us", "at_us")),
    PrimaryKeyConstraint("about", "who"),
    Index("ix_failed_sign_in_at_us", "at_us"),
    sqlite_with_rowid=False,
)
pending_sign_in = Table(
    "pending_sign_in",
    metadata,
    *(need(name, Text) for name in ("digest", "nonce", "verifier", "returns")),
    need("at_us", Long),
    PrimaryKeyConstraint("digest"),
    Index("ix_pending_sign_in_at_us", "at_us"),
    sqlite_with_rowid=False,
)
