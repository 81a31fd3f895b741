# SPDX-License-Identifier: Apache-2.0
"""When services are audited by themselves: by an interval and by the week, through changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.auditing import PLANNED, audit_again, audit_planned, is_audited_soon, is_planned
from preroll.domain.boundaries import Boundary, BoundaryState, Kind
from preroll.domain.window import DAY, HOUR, MINUTE, SECOND

BRUSSELS = "Europe/Brussels"
B = BoundaryState


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        (AuditSchedule(MINUTE, "daily 03:00; mon,fri 12:30"), []),
        (AuditSchedule(), []),
        (AuditSchedule(MINUTE - 1), ["s.every"]),
        (AuditSchedule(367 * DAY, "sometimes"), ["s.every", "s.weekly"]),
        (AuditSchedule(None, "mon 24:00; tues 03:00; daily"), ["s.weekly"] * 3),
    ],
)
def test_what_is_wrong_is_told(schedule, wrong):
    assert [m.where for m in schedule.mistakes("s")] == wrong


@pytest.mark.parametrize(
    ("schedule", "last", "now", "due"),
    [
        (AuditSchedule(HOUR), "2026-03-01 10:00", "2026-03-01 10:20", "2026-03-01 11:00"),
        (AuditSchedule(HOUR), "2026-03-01 10:00", "2026-03-03 10:20", "2026-03-03 10:20"),
        (AuditSchedule(None, "daily 03:00"), "2026-03-01 10:00", "2026-03-01 02:00", "2026-03-02 02:00"),
        (AuditSchedule(None, "Sun 03:00; mon 12:30"), "2026-03-01 10:00", "2026-03-01 10:00", "2026-03-02 11:30"),
        (AuditSchedule(None, "mon 12:30"), "2026-03-01 10:00", "2026-03-02 11:30", "2026-03-09 11:30"),
        (AuditSchedule(DAY, "mon 12:30"), "2026-03-01 10:00", "2026-03-01 10:00", "2026-03-02 10:00"),
        # the clocks go on at 02:00 on 29 March, and back at 03:00 on 25 October
        (AuditSchedule(None, "sun 02:30"), "2026-03-22 10:00", "2026-03-23 10:00", "2026-03-29 01:30"),
        (AuditSchedule(None, "sun 02:30"), "2026-10-18 10:00", "2026-10-19 10:00", "2026-10-25 00:30"),
    ],
)
def test_the_next_one(schedule, last, now, due):
    assert schedule.next_us(us(last), us(now), BRUSSELS) == us(due)


def audit(state: BoundaryState, due: int, message: str) -> Boundary:
    return Boundary(7, 3, Kind.AUDIT, due, state, planned_us=due, message=message)


def test_what_is_planned_gives_way_to_who_asks_and_comes_after_what_runs():
    said = f"{PLANNED}every 1h"
    (planned,) = audit_planned([], 3, HOUR, said)
    assert is_planned(planned, 0)
    assert not is_audited_soon([planned], 0)
    assert not is_planned(planned, HOUR)
    (asked,) = audit_again([audit(B.ARMED, HOUR, said)], 3, 5, "asked by eve")
    assert (asked.due_us, asked.message, asked.key) == (5, "asked by eve", 7)
    assert audit_planned([asked], 3, HOUR, said) == []
    assert audit_planned([audit(B.RUNNING, 0, "START")], 3, HOUR, said) == []
    assert audit_planned([audit(B.ARMED, HOUR, said)], 3, 2 * HOUR, said) == []
    (moved,) = audit_planned([audit(B.ARMED, HOUR, said)], 3, 2 * HOUR, f"{PLANNED}every 2h")
    assert (moved.due_us, moved.state) == (2 * HOUR, B.ARMED)
    (dropped,) = audit_planned([audit(B.ARMED, HOUR, said)], 3, None, "")
    assert dropped.state is B.DROPPED
    (again,) = audit_planned([audit(B.DONE, 0, "START")], 3, HOUR, said)
    assert (again.key, again.generation, again.state) == (7, 2, B.ARMED)
    assert audit_planned([audit(B.DONE, 0, "START")], 3, None, "") == []
