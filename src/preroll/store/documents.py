# SPDX-License-Identifier: Apache-2.0
"""JSON columns: a domain object, and the version of the shape that it was written in. No pickles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from preroll.domain.booking import Carries, NodeChoice

T = TypeVar("T")
VERSION = 1


class Document(msgspec.Struct, Generic[T]):
    """What stands in a JSON column."""

    v: int
    data: T


class Codec(Generic[T]):
    """Reads and writes one kind of JSON column."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(Document[kind])
        self._encoder = msgspec.json.Encoder()

    def encode(self, data: T) -> str:
        """The column's text."""
        return self._encoder.encode(Document(VERSION, data)).decode()

    def decode(self, text: str, **beside: object) -> T:
        """What the column's text says.

        Args:
            beside: fields whose values stand in columns of their own.
        """
        data: T = self._decoder.decode(text).data
        for name, value in beside.items():
            object.__setattr__(data, name, value)  # frozen for everybody but who makes it
        return data


class Body(msgspec.Struct, omit_defaults=True):
    """The part of a booking that only people and scripts look into."""

    nodes: Mapping[str, NodeChoice]
    properties: Mapping[str, object]
    leaving: Mapping[str, NodeChoice] = {}
    carries: Carries = Carries.BOOKING
    finished: bool = False
    overlays: str = ""


BODY: Codec[Body] = Codec(Body)
VALUES: Codec[Mapping[str, object]] = Codec(dict[str, object])
ANYTHING: Codec[object] = Codec(object)
DIFF: Codec[tuple[tuple[str, object, object], ...]] = Codec(tuple[tuple[str, object, object], ...])
NO_VALUES = VALUES.encode({})


def clean(text: str) -> str:
    """Text that both databases take: no NUL, no half of a surrogate pair."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
