# SPDX-License-Identifier: Apache-2.0
"""The promises and whether they were kept: each a rule from evidence to a verdict, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from preroll.client.things import Run, Step
from preroll.demo import circuit_verdicts
from preroll.demo.cast import BOTH, BRIEFING, GALA, LAMPS, LIGHTS, LINKS, NEWS, STADIUM, WEATHER, Half, Part, lasting
from preroll.demo.evidence import Crash, Evidence, Node, Outage, Record
from preroll.demo.line_verdicts import LINE_ORDERED
from preroll.demo.ruling import (
    UNTOUCHED,
    WHOLE,
    Finding,
    Promises,
    Verdict,
    count,
    fields,
    glyphs,
    judged,
    life,
    ms,
    timed,
)
from preroll.demo.timing import timings
from preroll.sdk import AuditState

ON_TIME = timedelta(seconds=1)
"""An event begins no later than this after it could begin."""
EDGE = timedelta(seconds=1.5)
"""What a recording may lack of the time on the air: the way to the first key picture, and the last group."""
PICTURE = "h264, 640x360, 25 fps, sound"
STANDARD = ("start_of_pre_roll", "end_of_pre_roll", "start_of_post_roll", "end_of_post_roll")
ON_STAGE = (NEWS, STADIUM, BRIEFING)
"""The bookings that run."""
MENDED = (*UNTOUCHED, "Failed Service Pre-Roll", "Pre-roll", "Service Active", "Post-roll", "Completed")


def judge(evidence: Evidence) -> list[Verdict]:
    """Every promise of what was told, in the order of the story."""
    promises = [
        *(MEDIA if Half.MEDIA in evidence.halves else ()),
        *((*circuit_verdicts.CIRCUIT, *LINE_ORDERED) if Half.CIRCUIT in evidence.halves else ()),
        *(circuit_verdicts.BESIDE_THE_MEDIA if evidence.halves == BOTH else ()),
        *ALWAYS,
    ]
    return [judged(promise, rule, evidence) for promise, rule in promises]


def told(evidence: Evidence) -> Finding:
    """Nothing came in the way of the story."""
    found = "; ".join(evidence.incidents) or "no incident"
    return Finding("no incident", found, not evidence.incidents)


def news_lives(evidence: Evidence) -> Finding:
    """The states of its change log."""
    return life(evidence, NEWS, WHOLE)


def picture_on_air(evidence: Evidence) -> Finding:
    """What the script of the on-air event found when it decoded the stream."""
    run = evidence.records[NEWS.name].runs_of("end_of_pre_roll")[-1]
    seen = fields(run.returned["picture"])
    sound = ["sound"] if seen["audio"] else []
    found = ", ".join([str(seen["codec"]), str(seen["size"]), f"{float(str(seen['fps'])):.0f} fps", *sound])
    return Finding(PICTURE, found, found == PICTURE and seen["state"] == "Up")


def recording_whole(evidence: Evidence) -> Finding:
    """What the script of post-roll found when it played the recording."""
    record = evidence.records[NEWS.name]
    files = fields(record.runs_of("start_of_post_roll")[-1].returned["recording"])
    lasted = [float(str(fields(audit)["seconds"])) for audit in files.values()]
    least = (_recorded(record) - EDGE).total_seconds()
    return Finding(
        f"1 file, {least:.1f} s or more",
        f"{count(len(lasted), 'file')}, {' + '.join(f'{s:.1f}' for s in lasted)} s",
        len(lasted) == 1 and lasted[0] >= least,
    )


def lie_caught(evidence: Evidence) -> Finding:
    """The first run of pre-roll failed, by the check set, before the on-air time."""
    record = evidence.records[STADIUM.name]
    first = record.runs_of("start_of_pre_roll")[0]
    caught = first.outcome == "failed" and "check set failed" in first.message
    in_time = first.ended is not None and first.ended < record.booking.start
    return timed(
        "the check set fails, before the air",
        _mismatch(first.message) if caught else f"{first.outcome}: {first.message}",
        came_about=caught,
        in_time=in_time,
    )


def failure_reported(evidence: Evidence) -> Finding:
    """The platform's start failure script ran."""
    runs = evidence.records[STADIUM.name].runs_of("start_failure")
    found = ", ".join(f"{r.script}: {r.outcome}" for r in runs) or "it did not run"
    return Finding("report_failure: ok", found, found == "report_failure: ok")


def retry_mends(evidence: Evidence) -> Finding:
    """The states of its change log."""
    return life(evidence, STADIUM, MENDED)


def retry_repeats_nothing(evidence: Evidence) -> Finding:
    """Steps that were done in the first try are not taken in the second."""
    first, again = evidence.records[STADIUM.name].runs_of("start_of_pre_roll")
    done = {s.name for s in first.steps if s.state == "done"}
    repeated = done & {s.name for s in again.steps}
    expected = f"{count(len(done), 'step')} kept, 0 repeated"
    found = f"{count(len(done - repeated), 'step')} kept, {len(repeated)} repeated"
    return Finding(expected, found, bool(done) and not repeated and again.outcome == "ok")


def gala_canceled(evidence: Evidence) -> Finding:
    """The states of its change log, and no run."""
    return _never_ran(evidence, GALA, "Canceled")


def window_freed(evidence: Evidence) -> Finding:
    """Another booking was refused before the cancel, and taken after it."""
    refused, booked = GALA.name in evidence.refusal, WEATHER.name in evidence.records
    found = f"{'refused' if refused else 'not refused'}, then {'booked' if booked else 'not booked'}"
    return Finding("refused, then booked", found, refused and booked)


def weather_held(evidence: Evidence) -> Finding:
    """The states of its change log, and no run, although its time has come."""
    finding = _never_ran(evidence, WEATHER, "On-Hold")
    booking = evidence.records[WEATHER.name].booking
    due = booking.start - timedelta(seconds=booking.pre_roll)
    passed = evidence.closed is not None and due < evidence.closed
    return finding if passed else Finding(finding.expected, "its time has not come", kept=False)


def recorder_found(evidence: Evidence) -> Finding:
    """What the change log says of the node that was left open; and the resource that it took was set up."""
    record = evidence.records[BRIEFING.name]
    (created,) = (change for change in record.changes if change.kind == "booking.created")
    taken = record.booking.nodes["recorder"].name
    set_up = {
        evidence.resources.get(step.resource) for run in record.runs for step in run.steps if step.state == "done"
    }
    expected = f"rec-{BRIEFING.chain}, the best of 1 eligible by priority"
    found = created.why.removeprefix("recorder: ") or "nothing was chosen"
    return Finding(
        expected,
        found if taken in set_up else f"{found}; {taken} was never set up",
        found == expected and taken in set_up,
    )


def briefing_finished(evidence: Evidence) -> Finding:
    """It went off the air long before its end, when that was asked for."""
    record = evidence.records[BRIEFING.name]
    asked = record.finished
    if asked is None:
        return Finding("finished", "it was not asked for", kept=False)
    early = _planned_on_air(BRIEFING, evidence.tempo) - _on_air(record)
    began = record.runs_of("start_of_post_roll")[0].began
    whole = record.states == WHOLE
    told_of = f"{ms(began - asked)} after it, {early.total_seconds():.0f} s early"
    return timed(
        f"within {ms(ON_TIME)} of the order",
        told_of if whole else glyphs(record.states),
        came_about=whole and early > timedelta(0),
        in_time=began - asked <= ON_TIME,
    )


def lights_follow(evidence: Evidence) -> Finding:
    """The runs of START and STOP, and what their steps changed on each light; no other event ran anything."""
    record = evidence.records[LIGHTS.name]
    turns = [f"{run.event} {run.outcome}" + "".join(f" {old}→{new}" for step in run.steps for _, old, new in step.diff)
             for run in sorted(record.runs, key=lambda run: run.began)]  # fmt: skip
    expected = ", ".join(("START ok" + " off→red" * len(LAMPS), "STOP ok" + " red→off" * len(LAMPS)))
    found = ", ".join(turns) or "nothing ran"
    return Finding(expected, found, found == expected and record.states == WHOLE)


def picture_goes_on(evidence: Evidence) -> Finding:
    """The FFmpeg of every node that was on the air is the same process at the end of an outage as before it."""
    pairs = [pair for outage in evidence.outages for pair in _on_the_air(outage)]
    restarted = [name for name, before, after in pairs if (before.pid, before.restarts) != (after.pid, after.restarts)]
    pictures = [o.picture for o in evidence.outages if o.picture is not None]
    up = bool(pictures) and all(p.state is AuditState.UP for p in pictures)
    seen = ", ".join(f"{p.state.value} {p.message}".strip() for p in pictures) or "not looked at"
    found = f"{len(restarted)} of {len(pairs)} restarted {' '.join(restarted)}".strip()
    kept = bool(pairs) and not restarted and up
    return Finding(f"0 of {len(pairs)} restarted, picture Up", f"{found}, picture {seen}", kept)


def missed_event_runs(evidence: Evidence) -> Finding:
    """Events that were planned for the first outage began when the engine was back."""
    first = evidence.outages[0]
    missed = [t for t in timings(evidence) if first.killed <= t.planned < first.ready]
    found = ", ".join(f"{t.booking} {t.event}, {ms(t.late)} late" for t in missed) or "nothing fell due"
    in_time = all(t.beyond <= ON_TIME for t in missed)
    return timed("when the engine is back", found, came_about=bool(missed), in_time=in_time)


def run_goes_on(evidence: Evidence) -> Finding:
    """The run that was under way was taken over; what it had done was not done again."""
    before, after = _crashed(evidence)
    steps = {s.name: s for s in after.steps}
    done = [s for s in before.run.steps if s.state == "done"]
    repeated = [s for s in done if _trace(steps[s.name]) != _trace(s)]
    kept, taken = count(len(done), "step"), after.epoch - before.run.epoch
    expected = f"ok, taken over 1 x, {kept} not repeated"
    found = f"{after.outcome}, taken over {taken} x, {count(len(done) - len(repeated), 'step')} not repeated"
    return Finding(expected, found, bool(done) and found == expected)


def open_step_once(evidence: Evidence) -> Finding:
    """The step that was under way is done, and the device has put its values into force once."""
    crash, after = _crashed(evidence)
    step = next((s for s in after.steps if s.name == crash.step.name), crash.step)
    node = evidence.resources[step.resource]
    others = sum(1 for run, other in _done(evidence, node) if run.id != after.id and other.diff)
    effects = evidence.nodes[node].activations - others
    expected, found = f"done, 1 x in force on {node}", f"{step.state}, {effects} x in force on {node}"
    return Finding(expected, found, found == expected and step.attempts > crash.step.attempts)


def events_once(evidence: Evidence) -> Finding:
    """Each of the four events of each booking that ran has one run that ended well."""
    others = [part.name for part in (*LINKS, LIGHTS)]
    good = [
        sum(1 for run in record.runs_of(kind) if run.outcome == "ok")
        for record in evidence.orchestrated
        for kind in STANDARD
        if record.booking.name not in others
    ]
    expected = len(STANDARD) * len(ON_STAGE)
    once, missed = good.count(1), good.count(0)
    return Finding(
        f"{expected} of {expected} once, 0 missed, 0 repeated",
        f"{once} of {len(good)} once, {missed} missed, {len(good) - once - missed} repeated",
        once == len(good) == expected,
    )


def devices_agree(evidence: Evidence) -> Finding:
    """Every node has put values into force as often as steps of the journal changed it.

    Of a step that was under way at a kill the journal knows only that it is done now: it changed its node once, or had
    nothing to change.
    """
    journal = {name: _changes(evidence, name) for name in evidence.nodes}
    wrong = [f"{name} did {node.activations}, journal {journal[name][0]}"
             for name, node in evidence.nodes.items() if node.activations not in journal[name]]  # fmt: skip
    total = sum(node.activations for node in evidence.nodes.values())
    agreed = f"{count(total, 'change')} on {count(len(journal), 'device')}"
    return Finding(
        "as many as in the journal" if wrong else agreed, "; ".join(wrong) or agreed, total > 0 and not wrong
    )


def on_time(evidence: Evidence) -> Finding:
    """No event began much later than it could."""
    found = timings(evidence)
    slowest = max((t.beyond for t in found), default=timedelta.max)
    return timed(
        f"within {ms(ON_TIME)} of when it could",
        f"{count(len(found), 'event')}, the slowest {ms(slowest)}",
        came_about=bool(found),
        in_time=slowest <= ON_TIME,
    )


# fmt: off
MEDIA: Promises = (
    ("Evening news goes from Partial to Completed",   news_lives),
    ("Its picture is decoded on the air",             picture_on_air),
    ("Its recording is played from end to end",       recording_whole),
    ("An encoder that lies is caught in pre-roll",    lie_caught),
    ("Somebody is told of the failure",               failure_reported),
    ("After the repair, retry brings it on the air",  retry_mends),
    ("Retry goes on at the step that failed",         retry_repeats_nothing),
    ("A canceled booking never runs",                 gala_canceled),
    ("Its resources are free for the next one",       window_freed),
    ("A booking on hold lets its time pass",          weather_held),
    ("A node that names no recorder takes a free one", recorder_found),
    ("Finish takes a booking off the air at once",    briefing_finished),
    ("A list of lights: red at START, off at STOP",     lights_follow),
    ("kill -9 on the air: the picture goes on",       picture_goes_on),
    ("What fell due meanwhile runs at the restart",   missed_event_runs),
    ("kill -9 in a script: its run goes on",          run_goes_on),
    ("The step under way takes effect once",          open_step_once),
    ("Every event of every booking ran, once",        events_once),
    ("Every device did once what the journal says",   devices_agree),
)
ALWAYS: Promises = (
    ("Every event began on time",                     on_time),
    ("Nothing else came in the way",                  told),
)
# fmt: on


def _never_ran(evidence: Evidence, part: Part, last: str) -> Finding:
    record, expected = evidence.records[part.name], (*UNTOUCHED, last)
    return Finding(
        f"{glyphs(expected)}, 0 runs",
        f"{glyphs(record.states)}, {count(len(record.runs), 'run')}",
        record.states == expected and not record.runs,
    )


def _on_the_air(outage: Outage) -> Iterator[tuple[str, Node, Node]]:
    return ((name, node, outage.after[name]) for name, node in outage.before.items() if node.pid is not None)


def _crashed(evidence: Evidence) -> tuple[Crash, Run]:
    """The run of the press briefing that was under way, as it was and as it became. Raises LookupError."""
    runs = {run.id: run for run in evidence.records[BRIEFING.name].runs}
    crashes = [crash for outage in evidence.outages for crash in outage.crashes if crash.run.id in runs]
    return crashes[0], runs[crashes[0].run.id]


def _trace(step: Step) -> tuple[object, ...]:
    """What changes when a step is taken again."""
    return step.state, step.attempts, step.began, step.ended


def _changes(evidence: Evidence, node: str) -> range:
    """How often a node was changed, as the journal has it."""
    certain = sum(1 for _, step in _done(evidence, node) if step.diff)
    crashed = {(crash.run.id, crash.step.name) for outage in evidence.outages for crash in outage.crashes}
    open_ = sum(1 for run, step in _done(evidence, node) if not step.diff and (run.id, step.name) in crashed)
    return range(certain, certain + open_ + 1)


def _done(evidence: Evidence, node: str) -> Iterator[tuple[Run, Step]]:
    """Steps on a node that are done."""
    for record in evidence.records.values():
        for run in record.runs:
            for step in run.steps:
                if step.state == "done" and evidence.resources.get(step.resource) == node:
                    yield run, step


def _recorded(record: Record) -> timedelta:
    """From the end of the script that begins a recording to the beginning of the one that ends it."""
    begun, ending = record.runs_of("end_of_pre_roll")[-1], record.runs_of("start_of_post_roll")[-1]
    if begun.ended is None:
        raise LookupError("a recording that began")
    return ending.began - begun.ended


def _on_air(record: Record) -> timedelta:
    end = record.booking.end
    if end is None:
        raise LookupError("an end")
    return end - record.booking.start


def _planned_on_air(part: Part, tempo: float) -> timedelta:
    return lasting(part.off_air, tempo) - lasting(part.on_air, tempo)


def _mismatch(message: str) -> str:
    """The last value that the check set found different, and how many more."""
    *more, last = (message.partition("check set failed: ")[2].partition(" (")[0] or message).split("; ")
    return last + (f", and {len(more)} more" if more else "")
