# SPDX-License-Identifier: Apache-2.0
"""Lists as the TM Forum's design guidelines have them (TMF630): ``fields``, ``offset``, ``limit``, filters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from preroll.domain.errors import Invalid, Mistake

DEFAULT, MOST = 100, 500
"""Items of a page."""
FARTHEST = 1_000_000
ALWAYS = ("id", "href", "@type")
"""Attributes that are told whatever ``fields`` says."""
OWN = frozenset({"fields", "offset", "limit"})


@dataclass(frozen=True, slots=True)
class Listing:
    """What a client asks of a list."""

    offset: int
    limit: int
    fields: frozenset[str] | None
    """First-level attributes; None: all."""
    where: Mapping[str, str]
    """Attribute -> the value that it has; of a state, values with commas."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are asked for; none: any."""
        return tuple(part.strip() for part in self.where.get("state", "").split(",")) if "state" in self.where else ()


def listing(query: Sequence[tuple[str, str]], filters: Collection[str]) -> Listing:
    """What a query asks for.

    Args:
        filters: the attributes by which this list can be filtered.

    Raises:
        Invalid: every mistake.
    """
    said, mistakes = dict(query), list[Mistake]()
    for name, _ in query:
        if name not in OWN and name not in filters:
            mistakes.append(Mistake(name, "is no filter of this list", ", ".join(sorted({*filters, *OWN}))))
    if len(said) < len(query):
        mistakes.append(Mistake("query", "has a name twice", "each name once"))
    offset = _number(said, "offset", 0, FARTHEST, mistakes)
    limit = _number(said, "limit", DEFAULT, None, mistakes)
    if mistakes:
        raise Invalid(mistakes)
    where = {name: _bare(value) for name, value in said.items() if name in filters}
    return Listing(offset, min(limit, MOST), fields_of(said.get("fields")), where)


def fields_of(said: str | None) -> frozenset[str] | None:
    """The attributes that ``fields`` names; None: all. ``none`` is none but those that are always told."""
    if not said:
        return None
    return frozenset(part.strip() for part in said.split(",") if part.strip())


def page_headers(path: str, query: Sequence[tuple[str, str]], asked: Listing, total: int, count: int) -> dict[str, str]:
    """How many there are, how many of them are told, and where the pages beside this one are (RFC 8288)."""
    counts = {"X-Total-Count": str(total), "X-Result-Count": str(count)}
    beside = {"first": 0, "prev": max(asked.offset - asked.limit, 0), "next": asked.offset + asked.limit}
    there = {"first": bool(asked.offset), "prev": bool(asked.offset), "next": asked.offset + asked.limit < total}
    kept = [(name, value) for name, value in query if name not in ("offset", "limit")]
    links = [
        f'<{path}?{urlencode([*kept, ("offset", offset), ("limit", asked.limit)])}>; rel="{rel}"'
        for rel, offset in beside.items() if there[rel] and asked.limit
    ]  # fmt: skip
    return counts | ({"Link": ", ".join(links)} if links else {})


def selected(document: Mapping[str, Any], fields: frozenset[str] | None) -> dict[str, Any]:
    """The attributes that were asked for."""
    if fields is None:
        return dict(document)
    return {name: value for name, value in document.items() if name in fields or name in ALWAYS}


def _bare(value: str) -> str:
    """A value without the quotes that some clients put around it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _number(
    said: Mapping[str, str], name: str, default: int, most: int | None, mistakes: list[Mistake]
) -> int:  # fmt: skip
    value = said.get(name, str(default))
    if not (value.isascii() and value.isdigit() and len(value) < 10) or (most is not None and int(value) > most):
        mistakes.append(Mistake(name, f"is {value[:50]!r}", "a whole number from 0 on"))
        return default
    return int(value)
