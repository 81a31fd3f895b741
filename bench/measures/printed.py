# SPDX-License-Identifier: Apache-2.0
"""How long does each ``preroll ... --help`` take, beside ``python -c pass``? And what does it import?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figures import Figure, middle

ALLOWED = 10.0
HEAVY = ("fastapi", "sqlalchemy", "alembic", "httpx")
_LOADED = (
    "import sys\nsys.argv = ['preroll', *sys.argv[1:], '--help']\n"
    "from preroll.__main__ import main\n"
    "try:\n    main()\nexcept SystemExit:\n    pass\n"
    f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
)


def measure(*, quick: bool) -> Iterator[Figure]:
    """The slowest and the median command, and what none of them may import."""
    rounds = 3 if quick else 9
    taken: dict[tuple[str, ...], list[float]] = {command: [] for command in commands()}
    bare: list[float] = []
    for _ in range(rounds):
        for command, times in taken.items():
            times.append(_took([sys.executable, "-m", "preroll", *command, "--help"]))
            bare.append(_took([sys.executable, "-c", "pass"]))
    reference = middle(bare) * 1e3
    medians = {command: middle(times) * 1e3 for command, times in taken.items()}
    slowest = max(medians, key=lambda command: medians[command])
    note = f"preroll {' '.join(slowest)} --help is the slowest of {len(medians)}, median of {rounds}"
    value = medians[slowest]
    yield Figure(
        "help.slowest", value, "ms", f"<= {ALLOWED:g}x", value <= ALLOWED * reference, reference, "python -c pass", note
    )
    yield Figure("help.median", middle(medians.values()), "ms", "", None, reference, "python -c pass")
    heavy = {command: names for command in taken if (names := _heavy(command))}
    told = "; ".join(f"preroll {' '.join(command)}: {', '.join(names)}" for command, names in heavy.items())
    yield Figure("help.heavy", len(heavy), "", "0 import " + ", ".join(HEAVY), not heavy, note=told)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and group, by its words."""
    from preroll.cli import parsers

    for parser in parsers():
        yield tuple(parser.prog.split()[1:])


def _took(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _heavy(command: tuple[str, ...]) -> list[str]:
    said = subprocess.run(
        [sys.executable, "-c", _LOADED, *command], check=True, capture_output=True, text=True
    ).stdout.splitlines()[-1]
    return said.split()[1:]
