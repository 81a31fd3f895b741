# SPDX-License-Identifier: Apache-2.0
"""The tables of the outbox: who is told of changes, and the messages that were given up."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text, UniqueConstraint

from preroll.store.columns import Json, Long, key, metadata, need, refers

subscription = Table(
    "subscription",
    metadata,
    key(),
    *(need(name, Text) for name in ("id", "owner", "name", "kind", "address", "secret")),
    need("filter", Json),
    need("bounds", Json),
    *(need(name, Text) for name in ("status", "position")),
    *(need(name, Long) for name in ("attempts", "next_us")),
    Column("taken_us", Long),
    Column("failed_us", Long),
    need("error", Text),
    need("holder", Text, "''"),
    need("lease_us", Long, "0"),
    *(need(name, Long) for name in ("revision", "created_us")),
    need("created_by", Text),
    UniqueConstraint("id"),
    UniqueConstraint("owner", "name"),
)
dead_letter = Table(
    "dead_letter",
    metadata,
    key(),
    refers("subscription", "subscription"),
    *(need(name, Text) for name in ("id", "position", "kind", "subject", "body")),
    need("attempts", Long),
    need("error", Text),
    need("at_us", Long),
    UniqueConstraint("subscription", "id"),
)
