# SPDX-License-Identifier: Apache-2.0
"""Can the process do its work?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Health:
    """Can the process do its work? ``parts`` says of each part ``ok``, or what is wrong with it."""

    ready: bool
    parts: Mapping[str, str] = field(default_factory=dict)
