# SPDX-License-Identifier: Apache-2.0
"""Beside libres, NEMO and Blazar from PyPI, each in an environment of its own: check one resource, check and write.

100,000 bookings everywhere, 20,000 when it is to be quick: theirs on 100 resources, ours on 10,000. Who is slow takes
as many turns as go into a minute, or into ten seconds.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.alternating import alternating
from bench.databases import Databases, databases
from bench.figures import Figure, middle
from bench.filled import Fill, Filled
from bench.measures.booking import Desk

UV = str(Path(sys.executable).with_name("uv"))
"""Makes an environment in a second, from what it has fetched once; the development environment is its own work."""
DRIVERS = Path(__file__).parents[1] / "peers"
PEERS = {
    "libres": (("libres", "psycopg2-binary"), "postgresql"),
    "nemo": (("nemo",), "sqlite"),
    "blazar": (("blazar",), "sqlite"),
}
"""Name -> what is installed, and the database that it works on."""
BETTER = 10.0
WORDS = {"check": "checking one resource", "write": "check one resource and write"}

Seconds = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    bookings: int
    turns: int
    longest: float
    """Seconds of turns for each of them; the last may take longer."""


FULL, QUICK = Size(100_000, 200, 60), Size(20_000, 60, 10)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Medians of wall-clock time; at least ten times as fast as the best of them."""
    size = QUICK if quick else FULL
    with databases() as places:
        found: dict[str, Seconds] = {}
        for name in PEERS:
            try:
                found[name] = _peer(places, name, size)
            except subprocess.CalledProcessError as error:
                said = (error.stderr or "").strip().splitlines()[-1:] or ["it ended without a word"]
                yield Figure(f"peers.{name}", 0, "", note=f"not driven: {said[0][:160]}")
        own = asyncio.run(_own(Fill(places).make("sqlite", size.bookings), size.turns))
    for what, words in WORDS.items():
        note = f"{words}; {size.bookings:,} bookings"
        medians = {name: middle(seconds[what]) for name, seconds in found.items()}
        for name, seconds in medians.items():
            yield Figure(f"peers.{name}.{what}", seconds * 1e3, "ms", note=f"{note}, {len(found[name][what])} turns")
        if medians:
            best = min(medians, key=lambda name: medians[name])
            value, reference = middle(own[what]), medians[best]
            yield Figure(
                f"peers.{what}", value * 1e3, "ms", f"<= {1 / BETTER:g}x", value * BETTER <= reference,
                reference * 1e3, best, f"{note}, {len(own[what])} turns; SQLite, the use case and its durable commit",
            )  # fmt: skip


def _peer(places: Databases, name: str, size: Size) -> Seconds:
    """Install one, and take its times.

    Raises:
        CalledProcessError: it cannot be installed, or not be driven.
    """
    packages, kind = PEERS[name]
    home = places.folder / name
    home.mkdir()
    python = str(home / "bin" / "python")
    _carried_out(home, UV, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home))
    _carried_out(home, UV, "pip", "install", "--quiet", "--python", python, *packages)
    place = places.fresh(kind).removeprefix("sqlite:///")
    asked = place, str(size.bookings), str(size.turns), str(size.longest)
    said = _carried_out(home, python, "-W", "ignore", str(DRIVERS / f"{name}_driver.py"), *asked)
    taken: Seconds = json.loads(said.splitlines()[-1])
    return taken


def _carried_out(home: Path, *command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=home).stdout


async def _own(filled: Filled, turns: int) -> Seconds:
    with closing(Desk(filled)) as desk:
        return await alternating({"check": desk.check, "write": desk.single}, turns)
