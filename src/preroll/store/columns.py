# SPDX-License-Identifier: Apache-2.0
"""What tables are made of: types for both databases, columns, partial indexes, and the names of constraints."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.types import UserDefinedType

Long = BigInteger().with_variant(Integer(), "sqlite")
Small = SmallInteger().with_variant(Integer(), "sqlite")
Flag = Small
Json = Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction number."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def key() -> Column[int]:
    """The key inside."""
    return Column("key", Long, Identity(), primary_key=True)


def need(name: str, kind: object, default: str | None = None) -> Column[object]:
    """A column that is never null."""
    return Column(name, kind, nullable=False, server_default=None if default is None else text(default))  # type: ignore[arg-type]


def refers(name: str, to: str, *, needed: bool = True) -> Column[int]:
    """The key of a row of another table."""
    return Column(name, Long, ForeignKey(f"{to}.key"), nullable=not needed)


def partial(name: str, *columns: str, where: str) -> Index:
    """An index of some rows."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
