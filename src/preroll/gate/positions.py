# SPDX-License-Identifier: Apache-2.0
"""Positions in the change log, as both doors take them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from preroll.domain.changes import A_POSITION

_POSITION = re.compile(r"(\d{1,18}(\.\d{1,18})?)?", re.ASCII)


def _position(text: str) -> str:
    if not _POSITION.fullmatch(text):
        told = {"what": f"is {text[:60]!r}, which is no cursor of the change log", "expected": A_POSITION}
        raise PydanticCustomError("position", "{what} (expected {expected})", told)
    return text


Position = Annotated[
    str,
    AfterValidator(_position),
    WithJsonSchema({"type": "string", "pattern": f"^{_POSITION.pattern}$", "examples": ["1042", "7391.1042"]}),
]
"""As the feed gave it, or empty: from the beginning."""
