# SPDX-License-Identifier: Apache-2.0
"""Every promise of the demo: kept when it was kept, and broken by what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from preroll.demo.cast import BRIEFING, GALA, LIGHTS, NEWS, STADIUM, WEATHER, Part
from preroll.demo.evidence import Crash, Evidence, Record
from preroll.demo.timing import timings
from preroll.demo.verdicts import ALWAYS, MEDIA, STANDARD, judge
from preroll.sdk import Audit, AuditState
from tests.demo.told import a_change, a_node, a_run, a_step, at, evidence

Spoil = Callable[[Evidence], None]


def broken(told: Evidence) -> set[str]:
    return {verdict.promise for verdict in judge(told) if not verdict.kept}


def test_all_is_kept_when_all_went_well():
    verdicts = judge(evidence())
    assert [v for v in verdicts if not v.kept] == []
    assert len(verdicts) == len(MEDIA) + len(ALWAYS)


def test_without_any_evidence_nothing_is_kept_but_that_nothing_happened():
    verdicts = judge(Evidence())
    assert {v.promise for v in verdicts if v.kept} == {"Nothing else came in the way"}


def change_run(told: Evidence, part: Part, number: int, **changes: object) -> None:
    runs = told.records[part.name].runs
    runs[number] = replace(runs[number], **changes)


def change_booking(told: Evidence, part: Part, change: Callable[[Record], Record]) -> None:
    told.records[part.name] = change(told.records[part.name])


def skip_a_state(told: Evidence) -> None:
    del told.records[NEWS.name].changes[2]


def show_another_picture(told: Evidence) -> None:
    picture = {"state": "Up", "codec": "h264", "size": "320x180", "fps": 25.0, "audio": True}
    change_run(told, NEWS, 1, returned={"picture": picture})


def cut_the_recording(told: Evidence) -> None:
    change_run(told, NEWS, 2, returned={"recording": {"a.ts": {"seconds": 20.0}}})


def split_the_recording(told: Evidence) -> None:
    change_run(told, NEWS, 2, returned={"recording": {"a.ts": {"seconds": 34.0}, "b.ts": {"seconds": 1.0}}})


def fail_for_another_reason(told: Evidence) -> None:
    change_run(told, STADIUM, 0, message="no answer in time")


def catch_it_on_the_air(told: Evidence) -> None:
    change_run(told, STADIUM, 0, ended=at(STADIUM.on_air + 1))


def report_nothing(told: Evidence) -> None:
    change_run(told, STADIUM, 1, outcome="failed")


def stay_failed(told: Evidence) -> None:
    del told.records[STADIUM.name].changes[3]


def take_a_done_step_again(told: Evidence) -> None:
    first, again = told.records[STADIUM.name].runs[0], told.records[STADIUM.name].runs[2]
    told.records[STADIUM.name].runs[2] = replace(again, steps=[replace(first.steps[0], diff=[]), *again.steps])


def run_what_was_canceled(told: Evidence) -> None:
    told.records[GALA.name].changes.append(a_change("booking.state", "Failed"))


def take_both(told: Evidence) -> None:
    told.refusal = ""


def begin_what_is_on_hold(told: Evidence) -> None:
    told.records[WEATHER.name].changes.append(a_change("booking.state", "Pre-roll"))


def end_before_its_time(told: Evidence) -> None:
    told.closed = at(WEATHER.pre_roll - 1)


def finish_late(told: Evidence) -> None:
    told.records[BRIEFING.name].changes[-1] = a_change("booking.finished", second=42)


def leave_a_light_on(told: Evidence) -> None:
    runs = told.records[LIGHTS.name].runs
    runs[1] = replace(runs[1], steps=runs[1].steps[:1])


def stop_the_lights_twice(told: Evidence) -> None:
    told.records[LIGHTS.name].runs.append(a_run("l3", STANDARD[3], LIGHTS.off_air + 1))


def restart_an_encoder(told: Evidence) -> None:
    told.outages[0] = replace(told.outages[0], after={"enc-1": a_node(99), "dec-1": a_node(12)})


def lose_the_picture(told: Evidence) -> None:
    told.outages[0] = replace(told.outages[0], picture=Audit(AuditState.DOWN, {}, "no stream"))


def miss_nothing(told: Evidence) -> None:
    change_run(told, STADIUM, 3, began=at(STADIUM.on_air))
    told.outages[0] = replace(told.outages[0], killed=at(20))


def start_over(told: Evidence) -> None:
    run = told.records[BRIEFING.name].runs[0]
    steps = [replace(run.steps[0], began=at(34), ended=at(34.2)), run.steps[1]]
    told.records[BRIEFING.name].runs[0] = replace(run, steps=steps)


def take_over_twice(told: Evidence) -> None:
    change_run(told, BRIEFING, 0, epoch=3)


def apply_twice(told: Evidence) -> None:
    told.nodes["enc-3"] = a_node(None, 2)


def leave_it_open(told: Evidence) -> None:
    run = told.records[BRIEFING.name].runs[0]
    told.records[BRIEFING.name].runs[0] = replace(run, steps=[run.steps[0], replace(run.steps[1], state="unknown")])
    told.nodes["enc-3"] = a_node(None, 0)


def run_an_event_twice(told: Evidence) -> None:
    told.records[NEWS.name].runs.append(a_run("n5", STANDARD[3], NEWS.end, generation=2))


def miss_an_event(told: Evidence) -> None:
    del told.records[STADIUM.name].runs[5]


def touch_a_device_unseen(told: Evidence) -> None:
    told.nodes["rec-1"] = a_node(None, 1)


def forget_a_step(told: Evidence) -> None:
    told.nodes["enc-2"] = a_node(None, 0)


def be_late(told: Evidence) -> None:
    change_run(told, NEWS, 2, began=at(NEWS.off_air + 1.2))


def stumble(told: Evidence) -> None:
    told.incidents.append("the lie: TimeoutError")


def take_another_recorder(told: Evidence) -> None:
    changes = told.records[BRIEFING.name].changes
    changes[0] = replace(changes[0], why="recorder: rec-1, the best of 3 eligible by priority")


def leave_the_recorder_alone(told: Evidence) -> None:
    change_run(told, BRIEFING, 1, steps=[])


# fmt: off
SPOILED: tuple[tuple[Spoil, set[str]], ...] = (
    (skip_a_state,            {"Evening news goes from Partial to Completed"}),
    (show_another_picture,    {"Its picture is decoded on the air"}),
    (cut_the_recording,       {"Its recording is played from end to end"}),
    (split_the_recording,     {"Its recording is played from end to end"}),
    (fail_for_another_reason, {"An encoder that lies is caught in pre-roll"}),
    (catch_it_on_the_air,     {"An encoder that lies is caught in pre-roll"}),
    (report_nothing,          {"Somebody is told of the failure"}),
    (stay_failed,             {"After the repair, retry brings it on the air"}),
    (take_a_done_step_again,  {"Retry goes on at the step that failed"}),
    (run_what_was_canceled,   {"A canceled booking never runs"}),
    (take_both,               {"Its resources are free for the next one"}),
    (begin_what_is_on_hold,   {"A booking on hold lets its time pass"}),
    (end_before_its_time,     {"A booking on hold lets its time pass"}),
    (take_another_recorder,   {"A node that names no recorder takes a free one"}),
    (leave_the_recorder_alone, {"A node that names no recorder takes a free one"}),
    (finish_late,             {"Finish takes a booking off the air at once"}),
    (leave_a_light_on,        {"A list of lights: red at START, off at STOP"}),
    (stop_the_lights_twice,   {"A list of lights: red at START, off at STOP"}),
    (restart_an_encoder,      {"kill -9 on the air: the picture goes on"}),
    (lose_the_picture,        {"kill -9 on the air: the picture goes on"}),
    (miss_nothing,            {"What fell due meanwhile runs at the restart"}),
    (start_over,              {"kill -9 in a script: its run goes on"}),
    (take_over_twice,         {"kill -9 in a script: its run goes on"}),
    (apply_twice,             {"The step under way takes effect once",
                               "Every device did once what the journal says"}),
    (leave_it_open,           {"The step under way takes effect once"}),
    (run_an_event_twice,      {"Every event of every booking ran, once"}),
    (miss_an_event,           {"Every event of every booking ran, once"}),
    (touch_a_device_unseen,   {"Every device did once what the journal says"}),
    (forget_a_step,           {"Every device did once what the journal says"}),
    (be_late,                 {"Every event began on time"}),
    (stumble,                 {"Nothing else came in the way"}),
)
# fmt: on


@pytest.mark.parametrize(("spoil", "expected"), SPOILED, ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_what_breaks_a_promise_breaks_that_one(spoil, expected):
    told = evidence()
    spoil(told)
    assert broken(told) >= expected
    assert broken(told) <= expected | {"Every event began on time"}


def test_a_look_that_was_cut_off_and_taken_again_is_no_change_of_a_device():
    told = evidence()
    look = a_step("audit the picture", "id-dec-2", state="begun", second=29)
    change_run(told, STADIUM, 3, steps=[replace(look, state="done", attempts=2, ended=at(30))])
    crash = Crash(replace(told.records[STADIUM.name].runs[3], ended=None, outcome="running"), look)
    told.outages[1] = replace(told.outages[1], crashes=[*told.outages[1].crashes, crash])
    assert broken(told) == set()


@pytest.mark.parametrize("spoil", [spoil for spoil, _ in SPOILED], ids=[spoil.__name__ for spoil, _ in SPOILED])
def test_only_what_came_about_can_be_late(spoil):
    """Who looks at facts alone, on a machine that is busy, overlooks nothing but time."""
    told = evidence()
    spoil(told)
    late = {verdict.promise for verdict in judge(told) if verdict.late}
    own = {
        catch_it_on_the_air: {"An encoder that lies is caught in pre-roll"},
        finish_late: {"Finish takes a booking off the air at once"},
    }
    assert late <= broken(told)
    assert own.get(spoil, set()) <= late <= own.get(spoil, set()) | {"Every event began on time"}


def test_every_promise_can_be_broken():
    assert {promise for promise, _ in (*MEDIA, *ALWAYS)} == set().union(*(expected for _, expected in SPOILED))


class TestTimings:
    def test_an_event_that_fell_due_in_an_outage_could_begin_when_the_engine_was_back(self):
        late = next(t for t in timings(evidence()) if (t.booking, t.event) == (STADIUM.name, "START"))
        assert late.because == "the engine was dead"
        assert late.could == at(23)
        assert late.late == timedelta(seconds=4.1)
        assert late.beyond == timedelta(seconds=0.1)

    def test_an_event_waits_for_the_one_before_it(self):
        told = evidence()
        change_run(told, NEWS, 0, ended=at(NEWS.on_air + 3))
        change_run(told, NEWS, 1, began=at(NEWS.on_air + 3.1))
        waited = next(t for t in timings(told) if (t.booking, t.event) == (NEWS.name, "START"))
        assert waited.because == "the event before it"
        assert waited.beyond == timedelta(seconds=0.1)

    def test_an_event_that_was_asked_for_could_not_begin_before(self):
        asked = next(t for t in timings(evidence()) if (t.booking, t.event) == (BRIEFING.name, "STOP"))
        assert asked.because == "finished then"
        assert asked.beyond == timedelta(seconds=0.05)

    def test_they_are_in_the_order_of_the_plan_and_without_asides(self):
        found = timings(evidence())
        assert [t.planned for t in found] == sorted(t.planned for t in found)
        assert len(found) == 14


def test_a_step_without_a_diff_changed_nothing():
    told = evidence()
    told.records[NEWS.name].runs[1].steps.append(a_step("look at encoder", "id-enc-1"))
    assert broken(told) == set()


def test_a_step_that_ended_just_before_the_crash_changed_what_its_diff_says():
    told = evidence()
    run = told.records[NEWS.name].runs[1]
    run.steps.append(a_step("look at encoder", "id-enc-1"))
    told.outages[1].crashes.append(Crash(run, a_step("look at encoder", "id-enc-1", state="begun")))
    assert broken(told) == set()
