# SPDX-License-Identifier: Apache-2.0
"""What many ask for is made once: answers that stay as long as what they were made from."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import inf

from fastapi import Request, Response

ROOM = 64
"""Answers that are kept; the one that was asked for least lately goes first."""
FRESH_S = 10
"""What time alone changes, such as that an event is late, is seen after so many seconds."""
LEVEL = 5
"""Of compression."""


@dataclass(frozen=True, slots=True)
class Body:
    """An answer, ready to be sent."""

    plain: bytes
    packed: bytes
    """Empty: it cannot be made smaller."""
    tag: str

    @classmethod
    def of(cls, plain: bytes) -> Body:
        """From its bytes."""
        packed = gzip.compress(plain, LEVEL, mtime=0)
        return cls(plain, packed if len(packed) < len(plain) else b"", f'"{sha256(plain).hexdigest()[:16]}"')

    def answer(self, request: Request, media_type: str = "application/json") -> Response:
        """To whoever asks; short, if it has it already."""
        headers = {"ETag": self.tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match", "").removeprefix("W/") == self.tag:
            return Response(status_code=304, headers=headers)
        if not self.packed or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.plain, headers=headers, media_type=media_type)
        return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)


class Shelf:
    """Answers by what they were made from. Who asks for one that is being made waits for it.

    Args:
        room: how many are kept.
        ticks: seconds that have gone by, from any beginning.
    """

    def __init__(self, room: int = ROOM, ticks: Callable[[], float] = time.monotonic) -> None:
        self._room, self._ticks = room, ticks
        self._kept: OrderedDict[Hashable, tuple[asyncio.Future[Body], float]] = OrderedDict()
        self.made = 0
        """Answers that were made so far."""

    async def get(self, key: Hashable, make: Callable[[], Awaitable[bytes]], fresh_s: float = inf) -> Body:
        """The answer of that key.

        Args:
            key: all that it depends on, who may see it included.
            make: what makes it.
            fresh_s: seconds for which it is good.
        """
        now = self._ticks()
        known, good_until = self._kept.get(key, (None, -inf))
        if known is not None and now < good_until:
            self._kept.move_to_end(key)
            return await asyncio.shield(known)
        making = asyncio.ensure_future(self._make(make))
        self._kept[key] = making, now + fresh_s
        self._kept.move_to_end(key)
        making.add_done_callback(partial(self._judge, key))
        while len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return await asyncio.shield(making)

    def _judge(self, key: Hashable, made: asyncio.Future[Body]) -> None:
        """What could not be made is not kept."""
        if made.cancelled() or made.exception():
            known, _ = self._kept.get(key, (None, 0.0))
            if known is made:
                del self._kept[key]

    async def _make(self, make: Callable[[], Awaitable[bytes]]) -> Body:
        self.made += 1
        return Body.of(await make())
