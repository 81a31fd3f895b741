# SPDX-License-Identifier: Apache-2.0
"""A secret: it can be used, and it is not shown."""

from __future__ import annotations

import hashlib
from typing import NoReturn


class Secret:
    """A password, a key or a community: of an address, or a value of a secret parameter. Printing it shows nothing.

    It is no string on purpose: what formats, logs, compares with JSON or pickles it by mistake gives nothing away.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._value

    @property
    def digest(self) -> str:
        """Tells whether two are the same, and little else: the first 12 hex digits of the SHA-256."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")
