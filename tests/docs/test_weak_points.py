# SPDX-License-Identifier: Apache-2.0
"""The page about weak points leaves none out, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/explanations/weak-points.md"
ROW = re.compile(r"^\| (\d+) \|.*`([\w/]+\.py)::(\w+)` \|$", re.MULTILINE)
ALL = {*range(1, 30), *range(45, 56)}
"""Races, times and failures of the facts: sections 5.1, 5.2 and 5.4."""


def test_every_weak_point_has_a_test_that_exists():
    rows = ROW.findall(PAGE.read_text())
    assert {int(number) for number, _, _ in rows} >= ALL
    missing = [(file, name) for _, file, name in rows if f"def {name}(" not in (TESTS / file).read_text()]
    assert missing == []


def test_every_numbered_test_is_on_the_page():
    told = {name for _, _, name in ROW.findall(PAGE.read_text())}
    here = re.findall(r"def (test_\d\w+)\(", (TESTS / "system/test_weak_points.py").read_text())
    assert set(here) <= told
