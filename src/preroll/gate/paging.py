# SPDX-License-Identifier: Apache-2.0
"""Cursors of lists: the sort key of the last item and a digest of the filter, opaque to the client."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import fields, is_dataclass

from preroll.domain.errors import Invalid, Mistake

DEFAULT, MOST = 100, 500
"""Items a page (SPEC 11)."""
_CONTROL = {chr(code) for code in (*range(32), 127, *range(0xD800, 0xE000))}


Place = tuple[int | str, str]
"""What a list is sorted by, then an id."""


def encode(key: Place, where: object) -> str:
    """The cursor that follows an item of the list with this filter."""
    return urlsafe_b64encode(json.dumps([*key, _digest(where)]).encode()).decode().rstrip("=")


def decode(cursor: str | None, where: object) -> tuple[int, str] | None:
    """The sort key in a cursor of a list that is sorted by a number; None without one.

    Raises:
        Invalid: it is no cursor, or one of a list with another filter.
    """
    found = place(cursor, where, int)
    return None if found is None else (int(found[0]), found[1])


def place(cursor: str | None, where: object, kind: type[int] | type[str]) -> Place | None:
    """The same of a list that is sorted by whatever it is.

    Args:
        kind: of what it is sorted by.

    Raises:
        Invalid: it is no cursor, or one of a list with another filter.
    """
    if cursor is None:
        return None
    try:
        key, ident, digest = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        key, ident, digest = None, None, None
    words = [word for word in (key, ident) if isinstance(word, str)]
    sound = isinstance(key, kind) and isinstance(ident, str) and not any(set(word) & _CONTROL for word in words)
    large = isinstance(key, int) and abs(key) >= 2**63
    if not sound or large or digest != _digest(where):
        raise Invalid([Mistake("query.cursor", "is no cursor of this list", "`next` of a page with the same filter")])
    return key, ident


def _digest(where: object) -> str:
    return hashlib.blake2s(json.dumps(where, default=_plain).encode(), digest_size=6).hexdigest()


def _plain(value: object) -> object:
    """The same in every process: the order of a set is another in each."""
    if isinstance(value, frozenset):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return repr(value)
