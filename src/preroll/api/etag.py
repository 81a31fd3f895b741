# SPDX-License-Identifier: Apache-2.0
"""Revisions as entity tags: what is read carries one, what is changed may name the one that it was made on."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Protocol

from fastapi import Response

from preroll.gate.statuses import BadHeader

_ONE = re.compile(r'"(\d{1,18})(-[0-9a-f]{16})?"', re.ASCII)


def tag(revision: int, body: str = "") -> str:
    """The entity tag of a revision.

    Args:
        body: of what changes though nobody edits it, all that is shown: who keeps it notices (If-None-Match), while who
            edits is only late when somebody else has edited (If-Match looks at the revision alone).
    """
    return f'"{revision}-{sha256(body.encode()).hexdigest()[:16]}"' if body else f'"{revision}"'


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


def unchanged(if_none_match: str | None, revision: int, body: str = "") -> bool:
    """Does the client already have this revision, as it is shown now?"""
    tags = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    return tag(revision, body) in tags or "*" in tags


class Tagged(Protocol):
    """A document as it is shown, with its revision."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def revision(self) -> int:
        """Counts its changes."""
        ...

    def model_dump_json(self) -> str:
        """As JSON."""
        ...


def answered(shown: Tagged, folder: str, status: int = 200) -> Response:
    """A document that nobody on the way keeps, with its entity tag; with 201 also where it is, in this folder."""
    headers = {"ETag": tag(shown.revision), "Cache-Control": "no-store"}
    if status == 201:
        headers["Location"] = f"{folder}/{shown.id}"
    return Response(shown.model_dump_json(), status, headers, media_type="application/json")
