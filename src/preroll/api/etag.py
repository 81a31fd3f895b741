# SPDX-License-Identifier: Apache-2.0
"""Revisions as entity tags: what is read carries one, what is changed may name the one that it was made on."""

from __future__ import annotations

import re

from preroll.api.problems import BadHeader

_ONE = re.compile(r'"(\d{1,18})"', re.ASCII)


def tag(revision: int) -> str:
    """The entity tag of a revision."""
    return f'"{revision}"'


def seen(if_match: str | None) -> int | None:
    """The revision that a change was made on; None when the client does not say, or says ``*``.

    Raises:
        BadHeader: the header is not one entity tag of this API.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ONE.fullmatch(if_match.strip())
    if found is None:
        raise BadHeader(
            "If-Match is not an entity tag of this API",
            hint='send the ETag of the booking as it was read, such as "3", or * to change it as it is',
        )
    return int(found[1])


def unchanged(if_none_match: str | None, revision: int) -> bool:
    """Does the client already have this revision?"""
    tags = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    return tag(revision) in tags or "*" in tags
