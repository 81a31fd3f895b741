# SPDX-License-Identifier: Apache-2.0
"""Flat paths and nested JSON: ``{"profile.size": 1}`` and ``{"profile": {"size": 1}}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ACTIVATION = "activation"
"""The part of a document that says when, not what."""


def nested(values: Mapping[str, object]) -> dict[str, Any]:
    """Flat paths as nested objects."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *branches, leaf = path.split(".")
        place = tree
        for branch in branches:
            place = place.setdefault(branch, {})
        place[leaf] = value
    return tree


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Nested objects as flat paths; a list is a value. Nulls and the activation are left out."""
    return dict(_leaves({key: value for key, value in tree.items() if key != ACTIVATION}, prefix))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def stamp(us: int) -> str:
    """Microseconds of UTC as the API writes an instant: ``seconds:nanoseconds``."""
    return f"{us // 1_000_000}:{us % 1_000_000 * 1000}"


def instant(text: str) -> int:
    """Microseconds of UTC from ``seconds:nanoseconds``. Raises ValueError."""
    seconds, _, nanoseconds = text.partition(":")
    return int(seconds) * 1_000_000 + int(nanoseconds) // 1000
