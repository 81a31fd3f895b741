# SPDX-License-Identifier: Apache-2.0
"""Which indexes SQLite reads: nothing that asks for a few rows walks all that a platform has, or ever had."""

from __future__ import annotations

import re

import pytest

from tests.store.world import PRE_ROLL

ASKED = {
    "some resources by id": lambda tx, key: tx.catalogue.resources(key, ids=["enc-1", "enc-2"]),
    "some resources by name": lambda tx, key: tx.catalogue.resources(key, names=["enc-1"]),
    "some bookings of a timeline": lambda tx, key: tx.timeline.several(key, ["one", "two"], None),
    "what is due": lambda tx, key: tx.timeline.due(key),
    "bookings that use a profile": lambda tx, key: tx.bookings.revisions_using(key, ["HD"], [1]),
    "bookings that chose a profile": lambda tx, key: tx.bundles.choosers(key, ["HD"]),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_what_asks_for_a_few_rows_does_not_walk_a_platform(world, asked):
    if world.store._backend.version is None:
        pytest.skip("the plan is read from SQLite")
    await world.book("News", on=["enc-1"])
    await world.claim(PRE_ROLL)
    plans = await world.store.write(lambda tx: _plans(tx, lambda: asked(tx, world.platform.key)))
    assert plans
    walked = r"\b(booking|boundary|resource|k)\b.*\(platform=\?\)$|^SCAN (booking|boundary|resource|k)\b"
    assert [line for line in plans if re.search(walked, line)] == []


def _plans(tx, ask) -> list[str]:
    """How SQLite would carry out each statement that is sent meanwhile."""
    db = tx._work.db
    execute, sent = db._execute, []
    db._execute = lambda sql, *values: sent.append(sql) or execute(sql, *values)
    try:
        ask()
    finally:
        db._execute = execute
    return [row[3] for sql in sent for row in execute(f"explain query plan {sql}", [None] * sql.count("?")).fetchall()]
