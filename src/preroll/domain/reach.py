# SPDX-License-Identifier: Apache-2.0
"""Where a run may go: its devices say from where they can be reached, a worker says where it stands.

A label is ``name=value``, such as ``site=north``. A worker reaches a device when it has all of the device's labels; a
device without labels is reached from everywhere, and a worker may stand in several places (``site=north`` and
``site=south``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Labels = frozenset[str]
"""``name=value`` each."""

A_LABEL = "NAME=VALUE of letters, digits and . _ / -, such as site=north"
_WORD = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}"
_LABEL = re.compile(f"{_WORD}={_WORD}")


def is_label(text: str) -> bool:
    """Is it ``name=value`` of the letters that a label may have?"""
    return _LABEL.fullmatch(text) is not None


def labels_of(places: Mapping[str, str]) -> Labels:
    """The labels of a resource."""
    return frozenset(f"{name}={value}" for name, value in places.items())


def written(labels: Iterable[str]) -> str:
    """Labels as one text, always the same for the same labels."""
    return ",".join(sorted(labels))


def read(text: str) -> Labels:
    """Labels from their text."""
    return frozenset(text.split(",")) if text else frozenset()
