# SPDX-License-Identifier: Apache-2.0
"""Evidence of circuits about which every promise was kept, to be spoiled by tests."""

from __future__ import annotations

from dataclasses import replace

from preroll.client.things import Check, Round
from preroll.demo.cast import BACKUP, BOTH, GUEST, LINK, NIGHT, Link
from preroll.demo.circuit_verdicts import FAILED
from preroll.demo.evidence import Evidence, Harm, Record
from preroll.demo.ruling import WHOLE
from preroll.sdk import Audit, AuditState
from tests.demo.line_told import line
from tests.demo.told import a_change, a_run, a_step, at, evidence, news

UP_BEFORE = {"pe-1": {1: 4000}, "pe-2": {1: 4000}}
UP_AFTER = {"pe-1": {1: 4000, 3: 3000}, "pe-2": {1: 4000, 3: 3000}}
REFUSED = "change:START:plan on pe-2 port 2: connect to 127.0.0.1:830: Connection refused; nothing was written"
LIED = "change:START: verify:far on pe-2 port 4: check set failed: circuit: expected True, found False; both old"


def a_check(name: str, kind: str, state: str, expected: str = "", found: str = "", **evidence: object) -> Check:
    return Check(name, kind, state, "", expected, found, "", evidence, 1, at(0))


def a_round(link: Link, asked: str, state: str = "Up", kbit: int | None = None) -> Round:
    answered = "3 of 3 answered, mean 0.05 ms" if state == "Up" else "0 of 3 answered"
    measured = link.kbit if kbit is None else kbit
    checks = [
        a_check("reachable", "ping", state, found=answered),
        a_check("rate", "throughput", state, f"{link.kbit} kbit/s within 25%", f"{measured} kbit/s", kbit=measured),
        a_check("devices", "config", "Up", "10 values as they were left on near, far", "no difference"),
    ]
    made = checks[:1] if asked == "STOP" else checks
    return Round(f"a-{link.name}", asked, "START", at(8), at(10), state, "in sync", made)


def a_link(link: Link, states: tuple[str, ...], *runs: object) -> Record:
    booking = replace(news().booking, name=link.name, events=[])
    kinds = ["booking.created"] + ["booking.state"] * (len(states) - 1)
    changes = [a_change(kind, state) for kind, state in zip(kinds, states, strict=True)]
    return Record(booking, changes, list(runs))  # type: ignore[arg-type]


def a_change_made() -> list[object]:
    both = ("near", "far")
    return [
        *(a_step(f"change:START:verify:{label}", second=1) for label in both),
        a_step("change:START:decided:commit", second=2),
        *(a_step(f"change:START:confirm:{label}", second=3) for label in both),
        a_step("change:START:new", second=4),
    ]


def circuits() -> Evidence:
    """Beside the media half that is told elsewhere."""
    told = evidence()
    looked = a_run("l1", "start_of_pre_roll", 4, returned={"before": "Down"})
    failed = {"outcome": "failed", "message": REFUSED}
    for record in (
        a_link(LINK, WHOLE, looked, a_run("l2", "end_of_pre_roll", 5, *a_change_made())),  # type: ignore[arg-type]
        a_link(BACKUP, FAILED, a_run("k1", "end_of_pre_roll", 12, **failed)),
        a_link(NIGHT, WHOLE[:5], a_run("n1", "end_of_pre_roll", 35)),
        a_link(
            GUEST, FAILED, a_run("g1", "end_of_pre_roll", 42, a_step("change:START:old"), **failed | {"message": LIED})
        ),
    ):
        told.records[record.booking.name] = record
    told.halves, told.plane = BOTH, "real: 4 network namespaces"
    told.harms = {
        BACKUP.name: Harm(UP_BEFORE, UP_BEFORE),
        NIGHT.name: Harm(UP_BEFORE, UP_AFTER),
        GUEST.name: Harm(UP_AFTER, UP_AFTER),
    }
    told.steady = [a_round(LINK, "asked by demo") for _ in range(3)]
    told.rounds = {link.name: [a_round(link, "START"), a_round(link, "STOP", "Down")] for link in (LINK, NIGHT)}
    told.left = {"pe-1": {}, "pe-2": {}}
    told.outages[0] = replace(told.outages[0], circuit=Audit(AuditState.UP, found="3950 kbit/s"))
    return line(told)
