# SPDX-License-Identifier: Apache-2.0
"""Differences that audits find: which are the same, what an approval makes of them, and which alarms follow."""

from __future__ import annotations

from itertools import product

import pytest

from preroll.domain.audit import Configuration, Status, Verdict
from preroll.domain.differences import (
    Alarm,
    AlarmKind,
    Allowance,
    Difference,
    Gap,
    Known,
    alarms_after,
    carried_over,
    differences_in,
    drift_hash,
    with_approvals,
)

CHANGED = Difference("A", "if.mtu", Gap.CHANGED, 1500, 9000)
OTHER = Difference("A", "if.mtu", Gap.CHANGED, 1500, 9001)
LIST = Difference("B", "acl", Gap.EXTRA, None, ["a", {"b": 1}])
YES = Allowance("eve", "agreed", 5, 100)
S, C = Status, Configuration


def test_evidence_is_read_row_by_row():
    rows = [
        {"node": "B", "path": "x", "expected": 1, "found": None},
        {"node": "A", "path": "y", "expected": None, "found": 2},
        {"node": "A", "path": "y", "expected": 1, "found": 2},
    ]
    assert differences_in(rows) == [Difference("A", "y", Gap.CHANGED, 1, 2), Difference("B", "x", Gap.MISSING, 1)]
    assert [str(one) for one in (CHANGED, LIST, Difference("A", "x", Gap.MISSING, 1))] == [
        "A: if.mtu is 9000, expected 1500", "B: acl is extra, with ['a', {'b': 1}]", "A: x is missing, expected 1",
    ]  # fmt: skip


def test_an_approval_stays_with_the_same_difference_alone():
    before = [Known(CHANGED, 3, YES), Known(LIST, 4)]
    assert carried_over(before, [CHANGED, LIST], 9) == before
    assert carried_over(before, [OTHER], 9) == [Known(OTHER, 9)]
    assert drift_hash([CHANGED, LIST]) == drift_hash([LIST, CHANGED]) != drift_hash([OTHER, LIST])
    assert drift_hash([]) == ""


@pytest.mark.parametrize(
    ("known", "now", "configuration"),
    [
        ([Known(CHANGED, 3, YES)], 99, C.APPROVED),
        ([Known(CHANGED, 3, YES)], 100, C.OUT_OF_SYNC),
        ([Known(CHANGED, 3, YES), Known(LIST, 3)], 9, C.OUT_OF_SYNC),
        ([], 9, C.OUT_OF_SYNC),
    ],
)
def test_out_of_sync_is_approved_as_long_as_all_of_it_is(known, now, configuration):
    for found in (C.OUT_OF_SYNC, C.APPROVED):
        assert with_approvals(Verdict(S.UP, found), known, now) == Verdict(S.UP, configuration)
    for found in (C.UNKNOWN, C.IN_SYNC, None):
        assert with_approvals(Verdict(None, found), known, now) == Verdict(None, found)


@pytest.mark.parametrize(
    ("status", "configuration", "had"),
    list(product([*Status, None], [*Configuration, None], [(), (AlarmKind.DOWN, AlarmKind.DRIFT)])),
)
def test_alarms_follow_what_is_known_and_keep_their_beginning(status, configuration, had):
    before = [Alarm(kind, "before", 1) for kind in had]
    after = {a.kind: a for a in alarms_after(before, Verdict(status, configuration), {AlarmKind.DOWN: "now"}, 9)}
    down = {S.DOWN: True, S.UP: False}.get(status, AlarmKind.DOWN in had)
    drift = {C.OUT_OF_SYNC: True, C.IN_SYNC: False, C.APPROVED: False}.get(configuration, AlarmKind.DRIFT in had)
    assert (AlarmKind.DOWN in after, AlarmKind.DRIFT in after) == (down, drift)
    assert all(one.since_us == (1 if had else 9) for one in after.values())
