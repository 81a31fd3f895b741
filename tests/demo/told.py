# SPDX-License-Identifier: Apache-2.0
"""Evidence of a demo in which every promise was kept, to be spoiled by tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from preroll.client.things import Booking, Change, Event, Run, Step
from preroll.client.things import Node as Chosen
from preroll.demo.cast import BRIEFING, GALA, LAMPS, LIGHTS, NEWS, STADIUM, WEATHER, Half, Part
from preroll.demo.evidence import Crash, Evidence, Node, Outage, Record
from preroll.demo.ruling import WHOLE
from preroll.demo.verdicts import MENDED, STANDARD
from preroll.sdk import Audit, AuditState

BEGIN = datetime(2026, 3, 1, 18, tzinfo=UTC)
NAMES = dict(zip(STANDARD, ("START_BOOKING_WITH_PREROLL", "START", "STOP", "STOP_BOOKING_WITH_POSTROLL"), strict=True))
PICTURE = {"state": "Up", "codec": "h264", "size": "640x360", "fps": 25.0, "audio": True}
FINISHED = 44.4
"""When the briefing was asked to end."""


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def a_step(name: str, resource: str = "", *, state: str = "done", second: float = 0, **more: object) -> Step:
    ended = at(second + 0.2) if state != "begun" else None
    fields = {"attempts": 1, "began": at(second), "ended": ended, "result": None, "diff": [], "error": ""}
    return Step(name=name, resource=resource, state=state, **fields | more)  # type: ignore[arg-type]


def a_run(ident: str, kind: str, second: float, *steps: Step, **more: object) -> Run:
    fields = {
        "booking": "", "event": NAMES.get(kind, "START_FAILURE"), "script": "script", "version": "1", "target": "",
        "previous": "", "generation": 1, "retry": 0, "epoch": 1, "config_version": 1, "worker": "demo",
        "began": at(second), "ended": at(second + 2), "outcome": "ok", "reason": "", "message": "", "returned": {},
    }  # fmt: skip
    return Run(id=ident, kind=kind, steps=list(steps), **fields | more)  # type: ignore[arg-type]


def a_record(part: Part, states: tuple[str, ...], runs: list[Run], *, off_air: float | None = None) -> Record:
    end = at(part.off_air if off_air is None else off_air)
    instants = (at(part.pre_roll), at(part.on_air), end, end + timedelta(seconds=part.end - part.off_air))
    events = [
        Event(NAMES[kind], kind, "done", due, due, None, None, 1, 0, "", "")
        for kind, due in zip(STANDARD, instants, strict=True)
    ]
    booking = Booking(
        id=part.name, name=part.name, platform="demo", state=states[-1], phase="ended", entering="", service_state="",
        start=at(part.on_air), end=end, pre_roll=part.on_air - part.pre_roll, post_roll=part.end - part.off_air,
        priority=0, zone="UTC", not_reset=False, revision=1, changed=BEGIN, definition=None, nodes={}, properties={},
        created=BEGIN, created_by="demo", events=events, waiting=[], actions=[], late=0, warnings=[],
        scopes=[], owner="",
    )  # fmt: skip
    kinds = ["booking.created"] + ["booking.state"] * (len(states) - 1)
    return Record(booking, [a_change(k, s) for k, s in zip(kinds, states, strict=True)], runs)


def a_change(kind: str, after: str = "", second: float = 0) -> Change:
    return Change("1", at(second), kind, "", 1, "", "", after, "demo", "", "")


def news() -> Record:
    on_air = {"picture": PICTURE}
    recording = {"recording": {"evening-news-1.ts": {"seconds": 34.9}}}
    return a_record(NEWS, WHOLE, [
        a_run("n1", STANDARD[0], NEWS.pre_roll, a_step("apply encoder", "id-enc-1", diff=[("enabled", False, True)])),
        a_run("n2", STANDARD[1], NEWS.on_air, returned=on_air),
        a_run("n3", STANDARD[2], NEWS.off_air, returned=recording),
        a_run("n4", STANDARD[3], NEWS.end, a_step("reset encoder", "id-enc-1", diff=[("enabled", True, False)])),
    ])  # fmt: skip


def stadium() -> Record:
    lie = "check set failed: enabled: expected True, found False (3 attempts)"
    decoder = a_step("apply decoder", "id-dec-2", diff=[("enabled", False, True)])
    encoder = a_step("apply encoder", "id-enc-2", diff=[("enabled", False, True)])
    return a_record(STADIUM, MENDED, [
        a_run("s1", STANDARD[0], 4, decoder, replace(encoder, state="failed"), outcome="failed", message=lie),
        a_run("s2", "start_failure", 6, script="report_failure"),
        a_run("s3", STANDARD[0], 7, encoder, retry=1),
        a_run("s4", STANDARD[1], 23.1),
        a_run("s5", STANDARD[2], STADIUM.off_air),
        a_run("s6", STANDARD[3], STADIUM.end),
    ])  # fmt: skip


def briefing() -> Record:
    decoder = a_step("apply decoder", "id-dec-3", second=28, diff=[("enabled", False, True)])
    encoder = a_step("apply encoder", "id-enc-3", second=33, attempts=2)
    recorder = a_step("apply recorder", "id-rec-3", second=BRIEFING.on_air)
    record = a_record(BRIEFING, WHOLE, [
        a_run("b1", STANDARD[0], BRIEFING.pre_roll, decoder, encoder, epoch=2),
        a_run("b2", STANDARD[1], BRIEFING.on_air, recorder),
        a_run("b3", STANDARD[2], FINISHED + 0.05),
        a_run("b4", STANDARD[3], 47.5),
    ], off_air=44)  # fmt: skip
    record.booking.nodes["recorder"] = Chosen("id-rec-3", "rec-3", "Recorder behind dec-3", {})
    record.changes[0] = replace(record.changes[0], why="recorder: rec-3, the best of 1 eligible by priority")
    record.changes.append(a_change("booking.finished", second=FINISHED))
    return record


def lights() -> Record:
    part = Part(LIGHTS.name, 0, LIGHTS.on_air - 2, LIGHTS.on_air, LIGHTS.off_air, LIGHTS.off_air + 1)
    up = [a_step(f"load:{name}", f"id-{name}", diff=[("lamp", "off", "red")]) for name in LAMPS]
    down = [a_step(f"load:{name}", f"id-{name}", diff=[("lamp", "red", "off")]) for name in LAMPS]
    return a_record(part, WHOLE, [
        a_run("l1", STANDARD[1], LIGHTS.on_air, *up),
        a_run("l2", STANDARD[2], LIGHTS.off_air, *down),
    ])  # fmt: skip


def a_node(pid: int | None, activations: int = 0) -> Node:
    return Node(pid, 0, activations, ())


def evidence() -> Evidence:
    records = [
        news(),
        stadium(),
        briefing(),
        lights(),
        a_record(GALA, ("Partial", "Confirmed", "Canceled"), []),
        a_record(WEATHER, ("Partial", "Confirmed", "On-Hold"), []),
    ]
    under_way = Crash(
        a_run("b1", STANDARD[0], BRIEFING.pre_roll, briefing().runs[0].steps[0], ended=None, outcome="running"),
        a_step("apply encoder", "id-enc-3", state="begun", second=29),
    )
    on_air = {"enc-1": a_node(11), "dec-1": a_node(12)}
    return Evidence(
        halves=frozenset({Half.MEDIA}),
        records={r.booking.name: r for r in records},
        outages=[
            Outage(at(18.2), at(23), on_air, on_air, [], Audit(AuditState.UP)),
            Outage(at(29), at(33), on_air, on_air, [under_way]),
        ],
        nodes={
            "enc-1": a_node(None, 2),
            "enc-2": a_node(None, 1),
            "dec-2": a_node(None, 1),
            "dec-3": a_node(None, 1),
            "enc-3": a_node(None, 1),
            "rec-1": a_node(None, 0),
        },
        resources={
            f"id-{name}": name for name in ("enc-1", "enc-2", "enc-3", "dec-1", "dec-2", "dec-3", "rec-1", "rec-3")
        },
        refusal=f"held by {GALA.name}",
        closed=at(50),
    )
