# SPDX-License-Identifier: Apache-2.0
"""What became of a spreadsheet of resources, as typed values."""

from __future__ import annotations

from dataclasses import dataclass

from preroll.client.things import Difference


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """What became of one line of a spreadsheet: ``added``, ``changed`` or ``unchanged``."""

    line: int
    name: str
    change: str
    fields: list[Difference]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a spreadsheet; ``stored`` False: it was a dry run."""

    platform: str
    stored: bool
    lines: list[ImportedLine]
