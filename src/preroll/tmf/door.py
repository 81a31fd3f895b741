# SPDX-License-Identifier: Apache-2.0
"""What the routes of both specifications share: the clock, what was made, pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Path, Request, Response

from preroll.gate.repeats import REPLAYED
from preroll.ports.clock import Clock
from preroll.tmf.lists import Listing, page_headers, selected


async def clock(request: Request) -> Clock:
    """What time it is."""
    found: Clock = request.app.state.clock
    return found


class Document(Response):
    """Documents as JSON."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """As bytes."""
        return msgspec.json.encode(content)


TheClock = Annotated[Clock, Depends(clock)]
Ident = Annotated[str, Path(alias="id")]


def made(document: Mapping[str, Any], href: str, *, replayed: bool = False) -> Response:
    """Something that was made, and where it is."""
    again = {REPLAYED: "true"} if replayed else {}
    return Document(document, 201, {"Location": href, **again})


def page(request: Request, asked: Listing, total: int, found: Sequence[Mapping[str, Any]]) -> Response:
    """A page of a list."""
    headers = page_headers(request.url.path, request.query_params.multi_items(), asked, total, len(found))
    return Document([selected(one, asked.fields) for one in found], headers=headers)
