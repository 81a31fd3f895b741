# SPDX-License-Identifier: Apache-2.0
"""A figure: what was measured, beside what, and whether it reaches what was asked for."""

from __future__ import annotations

import json
import math
import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Protocol

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str
    target: str = ""
    """What was asked for, in words."""
    held: bool | None = None
    """Is it reached? None: nothing was asked for."""
    reference: float | None = None
    beside: str = ""
    """What the reference is."""
    note: str = ""
    command: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over reference."""
        return self.value / self.reference if self.reference else None

    def __str__(self) -> str:
        mark = {True: "holds", False: "SHORT", None: "-"}[self.held]
        beside = f"  {self.ratio:.2f}x of {short(self.reference)} {self.beside}" if self.ratio is not None else ""
        note = f"  ({self.note})" if self.note else ""
        return f"{self.name:<34} {short(self.value):>9} {self.unit:<4} {mark:<6} {self.target}{beside}{note}"


class Measure(Protocol):
    """Yields its figures as they are known."""

    def __call__(self, *, quick: bool) -> Iterable[Figure]: ...


def short(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def middle(values: Iterable[float]) -> float:
    """The median."""
    return float(median(values))


def machine() -> dict[str, object]:
    """What it was measured on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }


def with_command(figure: Figure, measure: str) -> Figure:
    """The figure, with what to type to take it again."""
    return replace(figure, command=f"python -m bench {measure}")


def keep(figures: Sequence[Figure], *, quick: bool) -> None:
    """Write results.json; a run of some measures keeps the others' last figures."""
    try:
        stored = json.loads(RESULTS.read_text())["figures"]
    except (FileNotFoundError, KeyError, ValueError):
        stored = []
    fresh = [asdict(figure) | {"ratio": figure.ratio, "quick": quick} for figure in figures]
    names = {row["name"] for row in fresh}
    rows = [row for row in stored if row["name"] not in names] + fresh
    document = {"machine": machine(), "figures": sorted(rows, key=lambda row: str(row["name"]))}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
