# SPDX-License-Identifier: Apache-2.0
"""10,000 bookings due at one instant, 100 scripts at once: from due to the last durable settlement.

Beside a bare group-commit loop that writes the same rows, and two engines from PyPI with fewer runs (their rate holds).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import jobs
from bench.databases import KINDS, Databases, databases
from bench.figures import Figure, middle

NOTHING = {"sqlite": 8_000.0, "postgresql": 4_000.0}
"""Runs a second that a no-op is to reach."""
SHARE = 0.5
"""Of the bare loop's rate, for three durable steps."""
BETTER = 20.0
"""Times the better of the other two."""
ENGINE_MB, HOST_MB = 150.0, 80.0


def measure(*, quick: bool) -> Iterator[Figure]:
    """Rates for each database, and the memory after each burst."""
    count, rounds, few = (2_000, 1, 100) if quick else (10_000, 3, 500)
    with databases() as places:
        for kind in KINDS:
            samples = [_round(places, kind, count, few) for _ in range(rounds)]
            yield from _figures(kind, samples, count)


def _round(places: Databases, kind: str, count: int, few: int) -> dict[str, Any]:
    """Everything once, one after the other."""
    return {
        "nothing": jobs.run("burst", url=places.fresh(kind), count=count, script="bench-nothing"),
        "bare 0": jobs.run("bare burst", url=places.fresh(kind), count=count, steps=0),
        "unscripted": jobs.run("burst", url=places.fresh(kind), count=count, script=""),
        "steps": jobs.run("burst", url=places.fresh(kind), count=count, script="bench-three-steps"),
        "bare 3": jobs.run("bare burst", url=places.fresh(kind), count=count, steps=3),
        "apscheduler": jobs.run("apscheduler", url=places.fresh(kind), count=few, steps=3),
        "dbos": jobs.run("dbos", url=places.fresh(kind), count=few, steps=3),
    }


def _figures(kind: str, samples: list[dict[str, Any]], count: int) -> Iterator[Figure]:
    def rate(name: str) -> float:
        return middle(s[name]["rate"] if isinstance(s[name], dict) else s[name] for s in samples)

    def figure(
        name: str,
        value: float,
        unit: str,
        *,
        target: str = "",
        held: bool | None = None,
        beside: tuple[float | None, str] = (None, ""),
        note: str = "",
    ) -> Figure:
        return Figure(f"burst.{kind}.{name}", value, unit, target, held, *beside, note)

    failures = sum(s[name]["failures"] for s in samples for name in ("nothing", "unscripted", "steps"))
    size = f"n = {count}, median of {len(samples)}"
    noop, steps, target = rate("nothing"), rate("steps"), NOTHING[kind]
    bare = {number: (rate(f"bare {number}"), "the bare loop's rate") for number in (0, 3)}
    yield figure("noop", noop, "/s", target=f">= {target:,.0f}/s", held=noop >= target, beside=bare[0], note=size)
    yield figure("unscripted", rate("unscripted"), "/s", beside=bare[0], note=size)
    yield figure(
        "steps", steps, "/s", target=f">= {SHARE:g}x bare", held=steps >= SHARE * bare[3][0], beside=bare[3], note=size
    )
    for other in ("apscheduler", "dbos"):
        yield figure(f"steps.{other}", steps, "/s", beside=(rate(other), f"{other}'s rate"))
    better = max(rate("apscheduler"), rate("dbos"))
    yield figure(
        "steps.others", steps, "/s", target=f">= {BETTER:g}x", held=steps >= BETTER * better,
        beside=(better, "the better of the two"),
    )  # fmt: skip
    scripted = [s[name] for s in samples for name in ("nothing", "steps")]
    engine, host = max(s["engine"] for s in scripted), max(max(s["hosts"]) for s in scripted)
    yield figure("memory.engine", engine, "MB", target=f"<= {ENGINE_MB:g} MB", held=engine <= ENGINE_MB)
    yield figure("memory.host", host, "MB", target=f"<= {HOST_MB:g} MB", held=host <= HOST_MB)
    yield figure("failures", failures, "", target="0", held=failures == 0)
