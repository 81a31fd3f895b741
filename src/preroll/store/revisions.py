# SPDX-License-Identifier: Apache-2.0
"""The schema of each revision as plain SQL: what a new database is made of, and what upgrades are tested on.

``python -m preroll.store.tables`` writes the files of the newest one, older ones never change.
"""

from __future__ import annotations

from pathlib import Path

HEAD = "0021"
"""The newest revision in ``migrations/versions``."""
FOLDER = Path(__file__).parent / "migrations/schema"
_BETWEEN = ";\n\n"


def schema_file(revision: str, *, postgres: bool) -> Path:
    """Where the schema of a revision is kept."""
    return FOLDER / f"{revision}.{'postgresql' if postgres else 'sqlite'}.sql"


def schema(revision: str, *, postgres: bool) -> list[str]:
    """The statements that make an empty database one of this revision."""
    text = schema_file(revision, postgres=postgres).read_text(encoding="utf-8")
    return text.removesuffix(_BETWEEN[:2]).split(_BETWEEN)


def written(statements: list[str]) -> str:
    """Statements as the text of a schema file."""
    return _BETWEEN.join("\n".join(line.rstrip() for line in s.splitlines()) for s in statements) + _BETWEEN[:2]
