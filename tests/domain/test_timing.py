# SPDX-License-Identifier: Apache-2.0
"""When a booking is: what it holds, which boundaries follow, what an edit moves, and every mistake in a timing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from preroll.domain.booking import MAX_ROLL, Timing, Trigger
from preroll.domain.boundaries import (
    BEGUN,
    EVENTS,
    STANDARD,
    Boundary,
    BoundaryState,
    Kind,
    begun_kinds,
    derive,
    retime,
)
from preroll.domain.edits import timing_mistakes
from preroll.domain.window import DAY, MINUTE, SECOND, Window
from tests.builders import NOON, boundary, timing

rolls = st.integers(0, MAX_ROLL // SECOND).map(lambda n: n * SECOND)
starts = st.integers(1, 4_000_000_000).map(lambda n: n * SECOND)
lengths = st.integers(1, 400 * 86_400).map(lambda n: n * SECOND)


@st.composite
def timings(draw):
    start = draw(starts)
    if draw(st.booleans()):
        return Timing(start, None, draw(rolls), 0)
    return Timing(start, start + draw(lengths), draw(rolls), draw(rolls))


# ── what is held, and when it acts ───────────────────────────────────────────


def test_resources_are_held_through_both_rolls():
    assert timing().held == Window(NOON - 5 * MINUTE, NOON + 65 * MINUTE)
    assert timing(end=None, post_roll=0).held == Window(NOON - 5 * MINUTE, None)


def test_the_four_boundaries_of_a_booking():
    assert derive(timing()) == [
        (Kind.START_OF_PRE_ROLL, NOON - 5 * MINUTE),
        (Kind.END_OF_PRE_ROLL, NOON),
        (Kind.START_OF_POST_ROLL, NOON + 60 * MINUTE),
        (Kind.END_OF_POST_ROLL, NOON + 65 * MINUTE),
    ]


def test_with_rolls_of_no_length_all_four_are_still_there_back_to_back():
    dues = dict(derive(timing(pre_roll=0, post_roll=0)))
    assert len(dues) == 4
    assert dues[Kind.START_OF_PRE_ROLL] == dues[Kind.END_OF_PRE_ROLL] == NOON
    assert dues[Kind.START_OF_POST_ROLL] == dues[Kind.END_OF_POST_ROLL] == NOON + 60 * MINUTE


def test_a_permanent_booking_has_no_down_events():
    assert [kind for kind, _ in derive(timing(end=None, post_roll=0))] == [Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL]


@given(timings())
def test_boundaries_come_in_order_and_lie_on_the_held_window(it):
    assert not it.mistakes()
    derived = derive(it)
    assert [kind for kind, _ in derived] == list(STANDARD[: len(derived)])
    assert [due for _, due in derived] == sorted(due for _, due in derived)
    assert derived[0][1] == it.held.start
    assert it.end is None or derived[-1][1] == it.held.end


# ── mistakes ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"end": NOON}, "end", "is not after start"),
        ({"end": NOON - SECOND}, "end", "is not after start"),
        ({"start": NOON + 1}, "start", "has a part of a second"),
        ({"end": NOON + 60 * MINUTE + 1}, "end", "has a part of a second"),
        ({"pre_roll": -SECOND}, "pre_roll", "is -1 s"),
        ({"pre_roll": 7 * DAY + SECOND}, "pre_roll", "is 604801 s"),
        ({"post_roll": 7 * DAY + SECOND}, "post_roll", "is 604801 s"),
        ({"post_roll": SECOND + 1}, "post_roll", "has a part of a second"),
        ({"end": None}, "post_roll", "is set without an end"),
    ],
)
def test_a_mistake_names_its_field_and_what_is_wrong(changes, field, said):
    (mistake,) = timing(**changes).mistakes()
    assert (mistake.where, mistake.what) == (field, said)
    assert mistake.expected


def test_the_longest_rolls_are_no_mistake():
    assert timing(pre_roll=7 * DAY, post_roll=7 * DAY).mistakes() == []


def test_all_mistakes_are_found_at_once():
    assert [m.where for m in timing(start=NOON + 1, end=NOON, pre_roll=-SECOND, post_roll=8 * DAY).mistakes()] == [
        "start", "pre_roll", "post_roll", "end",
    ]  # fmt: skip


# ── edits ────────────────────────────────────────────────────────────────────


def stored(it: Timing, *begun: Kind, state: BoundaryState = BoundaryState.ARMED) -> list[Boundary]:
    return [
        boundary(
            kind, key=n, due_us=due, planned_us=due, state=BoundaryState.DONE if kind in begun else state, generation=3
        )
        for n, (kind, due) in enumerate(derive(it), start=1)
    ]


def test_the_boundaries_of_a_new_booking_are_written_with_their_triggers():
    written = retime([], 7, timing(), armed=True)
    assert [(b.booking, b.kind, b.due_us, b.planned_us, b.state, b.generation, b.trigger) for b in written] == [
        (7, kind, due, due, BoundaryState.ARMED, 1, EVENTS[kind].trigger) for kind, due in derive(timing())
    ]


def test_what_is_not_to_be_orchestrated_is_written_disarmed():
    assert {b.state for b in retime([], 7, timing(), armed=False)} == {BoundaryState.DISARMED}


def test_an_edit_moves_only_what_has_not_begun_each_to_its_next_generation():
    longer = timing(end=NOON + 90 * MINUTE)
    written = retime(stored(timing(), Kind.START_OF_PRE_ROLL, Kind.END_OF_PRE_ROLL), 1, longer, armed=True)
    assert [(b.kind, b.due_us, b.generation) for b in written] == [
        (Kind.START_OF_POST_ROLL, NOON + 90 * MINUTE, 4),
        (Kind.END_OF_POST_ROLL, NOON + 95 * MINUTE, 4),
    ]


def test_arming_again_is_no_move():
    written = retime(stored(timing(), state=BoundaryState.DISARMED), 1, timing(), armed=True)
    assert {(b.state, b.generation) for b in written} == {(BoundaryState.ARMED, 3)}


def test_an_edit_that_changes_nothing_writes_nothing():
    assert retime(stored(timing()), 1, timing(), armed=True) == []


def test_a_booking_that_becomes_permanent_disarms_its_down_events_and_takes_them_back():
    forever = timing(end=None, post_roll=0)
    disarmed = retime(stored(timing()), 1, forever, armed=True)
    assert {(b.kind, b.state) for b in disarmed} == {
        (Kind.START_OF_POST_ROLL, BoundaryState.DISARMED),
        (Kind.END_OF_POST_ROLL, BoundaryState.DISARMED),
    }
    back = retime([*stored(forever), *disarmed], 1, timing(), armed=True)
    assert {(b.kind, b.state) for b in back} == {
        (Kind.START_OF_POST_ROLL, BoundaryState.ARMED),
        (Kind.END_OF_POST_ROLL, BoundaryState.ARMED),
    }


def test_what_was_dropped_never_comes_back():
    assert retime(stored(timing(), state=BoundaryState.DROPPED), 1, timing(start=NOON + MINUTE), armed=True) == []


def test_an_abort_stands_whatever_is_edited():
    aborted = boundary(Kind.END_OF_POST_ROLL, due_us=NOON, state=BoundaryState.ARMED, trigger=Trigger.FINISH)
    assert retime([aborted], 1, timing(), armed=True) == []


def test_an_event_that_waits_for_its_retry_has_begun_all_the_same():
    retried = boundary(Kind.END_OF_PRE_ROLL, state=BoundaryState.ARMED, try_=1)
    assert begun_kinds([retried]) == {Kind.END_OF_PRE_ROLL}


def test_a_start_failure_script_is_no_event_of_the_timing():
    aside = boundary(Kind.START_FAILURE, state=BoundaryState.DONE)
    assert begun_kinds([aside]) == set()
    assert aside not in retime([aside], 1, timing(), armed=True)


@given(timings(), timings(), st.integers(0, 4), st.booleans())
def test_no_edit_touches_what_has_begun(before, after, count, armed):
    rows = [replace(b, state=sorted(BEGUN)[n % 3]) if n < count else b for n, b in enumerate(stored(before))]
    begun = begun_kinds(rows)
    written = retime(rows, 1, after, armed=armed)
    assert not begun & {b.kind for b in written}
    kept = {b.kind: b for b in rows} | {b.kind: b for b in written}
    for kind, due in derive(after):
        assert kind in begun or kept[kind].due_us == due
    assert retime(list(kept.values()), 1, after, armed=armed) == [], "an edit is idempotent"


@given(timings(), st.integers(0, 4))
def test_an_edit_that_keeps_the_timing_is_never_a_mistake(it, count):
    assert timing_mistakes(it, it, set(STANDARD[:count]), now_us=it.start) == []


@pytest.mark.parametrize(
    ("begun", "changes", "fields"),
    [
        (0, {"start": NOON + MINUTE, "pre_roll": 0}, []),
        (1, {"start": NOON + MINUTE}, ["start"]),
        (1, {"pre_roll": MINUTE}, ["pre_roll"]),
        (1, {"end": NOON + 90 * MINUTE}, []),
        (2, {"end": NOON + MINUTE}, ["end"]),
        (2, {"post_roll": 0}, []),
        (3, {"end": NOON + 90 * MINUTE}, ["end"]),
        (3, {"post_roll": 90 * MINUTE}, []),
        (4, {"post_roll": 90 * MINUTE}, ["post_roll"]),
    ],
)
def test_while_it_runs_only_the_end_side_moves(begun, changes, fields):
    now = NOON + 30 * MINUTE
    mistakes = timing_mistakes(timing(), timing(**changes), set(STANDARD[:begun]), now)
    assert [m.where for m in mistakes] == fields


@given(timings(), timings(), st.integers(1, 4))
def test_once_begun_the_start_is_frozen(before, after, count):
    assume((before.start, before.pre_roll) != (after.start, after.pre_roll))
    assert timing_mistakes(before, after, set(STANDARD[:count]), now_us=0)
