# SPDX-License-Identifier: Apache-2.0
"""Eight processes want the same at the same moment: nothing is overbooked, and without the lock it would be.

What is held is read from the rows themselves, with nothing of the product in between, and counted instant by instant.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.context import ForkServerContext
from typing import Any

import psycopg
import pytest

from preroll.domain.capacity import UNIT
from tests.stampede import crowd

MEMBERS, ROUNDS, ATTEMPTS = 8, 6, 8
HELD = """
    select s.name, coalesce(d.name, ''), r.start_us, r.end_us, r.amount, r.agreed, k.name, k.state
    from reservation r join booking k on k.key = r.booking join resource s on s.key = r.resource
    left join dimension d on d.key = r.dimension where r.live = 1
"""


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Makes processes from one that has imported what they need and runs no thread."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.stampede.crowd"])
    return made


@contextmanager
def running(processes: ForkServerContext, target: Any, many: list[tuple[Any, ...]]) -> Iterator[None]:
    """Processes, ended when they are no longer wanted."""
    made = [processes.Process(target=target, args=args, daemon=True) for args in many]
    for process in made:
        process.start()
    try:
        yield
    finally:
        for process in made:
            process.join(0 if target is crowd.serve else 20)
            process.terminate()
            process.join(20)
            process.kill()
            process.join(20)


def stampede(
    processes: ForkServerContext, url: str, *, http: bool, unlocked: bool = False, acts: crowd.Acts = crowd.ACTS,
    attempt: int = 0,
) -> Counter[Any]:  # fmt: skip
    """Let the crowd loose; returns how often what was done, or refused."""
    rounds = range(attempt * ROUNDS, (attempt + 1) * ROUNDS)
    barrier, told = processes.Barrier(MEMBERS), processes.Queue()
    meet = processes.Barrier(2) if unlocked else None
    if not http:
        members = [(url, n, acts, rounds, barrier, told, meet) for n in range(MEMBERS)]
        with running(processes, crowd.through_units, members):
            return _heard(told)
    servers = 1 if url.startswith("sqlite") else 2
    ports = processes.Queue()
    with running(processes, crowd.serve, [(url, ports, meet)] * servers):
        known = [ports.get(timeout=60) for _ in range(servers)]
        members = [(known[n % servers], n, acts, rounds, barrier, told) for n in range(MEMBERS)]
        with running(processes, crowd.through_http, members):
            return _heard(told)


def _heard(told: Any) -> Counter[Any]:
    said = [told.get(timeout=100) for _ in range(MEMBERS)]
    assert not [words for words in said if isinstance(words, str)]
    return sum(said, Counter())


def rows(url: str) -> list[tuple[Any, ...]]:
    """What is held, as it is stored."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(HELD).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(HELD).fetchall()  # type: ignore[arg-type]


def overbooked(held: list[tuple[Any, ...]]) -> list[tuple[str, str, int]]:
    """(resource, dimension, instant) of each start at which there is too much, or no agreement."""
    found = []
    lines = defaultdict(list)
    for resource, dimension, start, end, amount, agreed, *_ in held:
        lines[resource, dimension].append((start, end, amount, agreed))
    for (resource, dimension), spans in lines.items():
        limit = crowd.LIMITS.get((resource, dimension))
        for instant in {start for start, *_ in spans}:
            here = [(amount, agreed) for start, end, amount, agreed in spans if start <= instant < end]
            total = sum(amount for amount, _ in here) / (UNIT if dimension else 1)
            if (limit is not None and total > limit) or len({agreed for _, agreed in here}) > 1:
                found.append((resource, dimension, instant))
    return found


def halves(held: list[tuple[Any, ...]]) -> dict[str, set[Any]]:
    """Bookings of what everybody wants that have something of it and not all, without being Quarantined."""
    whole = {("hot-1", ""), ("hot-1", "rate"), ("hot-2", ""), ("hot-2", "rate"), ("hot-2", "pol")}
    found = defaultdict(set)
    for resource, dimension, *_, name, state in held:
        if resource.startswith("hot") and state != "Quarantined":
            found[name].add((resource, dimension))
    return {name: parts for name, parts in found.items() if parts != whole}


@pytest.mark.parametrize("http", [False, True], ids=["units", "http"])
def test_nothing_is_overbooked(processes, url, http):
    done = stampede(processes, url, http=http)
    assert sum(done.values()) == MEMBERS * ROUNDS
    assert done["create", True] + done["move", True] + done["swap", True], done
    assert done["create", False] > done["create", True], done
    assert not done["force", False], "who is weaker is saved Quarantined"
    held = rows(url)
    assert overbooked(held) == []
    assert halves(held) == {}
    assert {state for *_, state in held} == {"Partial", "Quarantined"}


def test_everybody_gets_what_is_free(processes, url):
    """All choose the same best ones at once; who is overtaken gets others, as long as there are any."""
    done = stampede(processes, url, http=False, acts=crowd.TAKERS)
    assert done == {("take", True): MEMBERS * ROUNDS}
    held = Counter((start, resource) for resource, _, start, *_ in rows(url))
    assert len(held) == MEMBERS * ROUNDS * 2
    assert set(held.values()) == {1}


@pytest.mark.parametrize("http", [False, True], ids=["units", "http"])
def test_without_the_lock_it_would_be(processes, url, http):
    """The control: the same crowd, the same count; it may be let loose again, as it is a matter of luck."""
    for attempt in range(ATTEMPTS):
        stampede(processes, url, http=http, unlocked=True, attempt=attempt)
        if overbooked(rows(url)):
            return
    pytest.fail(f"nothing was overbooked in {ATTEMPTS} stampedes without the lock: the test would not find it")
