# SPDX-License-Identifier: Apache-2.0
"""Cursors of lists: the sort key of the last item and a digest of the filter, opaque to the client."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from preroll.domain.errors import Invalid, Mistake

DEFAULT, MOST = 100, 500
"""Items a page (SPEC 11)."""
_CONTROL = {chr(code) for code in (*range(32), 127, *range(0xD800, 0xE000))}


def encode(key: tuple[int, str], where: object) -> str:
    """The cursor that follows an item of the list with this filter."""
    return urlsafe_b64encode(json.dumps([*key, _digest(where)]).encode()).decode().rstrip("=")


def decode(cursor: str | None, where: object) -> tuple[int, str] | None:
    """The sort key in a cursor; None without one.

    Raises:
        Invalid: it is no cursor, or one of a list with another filter.
    """
    if cursor is None:
        return None
    try:
        start, ident, digest = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        start, ident, digest = None, None, None
    sound = isinstance(start, int) and abs(start) < 2**63 and isinstance(ident, str) and not set(ident) & _CONTROL
    if not sound or digest != _digest(where):
        raise Invalid([Mistake("query.cursor", "is no cursor of this list", "`next` of a page with the same filter")])
    return start, ident


def _digest(where: object) -> str:
    return hashlib.blake2s(repr(where).encode(), digest_size=6).hexdigest()
