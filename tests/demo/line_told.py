# SPDX-License-Identifier: Apache-2.0
"""Evidence of a line about which every promise was kept, to be spoiled by tests."""

from __future__ import annotations

from collections.abc import Mapping

from preroll.client.orders import Order, OrderPlan, Planned, Service
from preroll.client.things import Change, Check, Round
from preroll.demo.cast import CLEARED, LESS, LINE, MORE, PUSHED, WRONG
from preroll.demo.evidence import Checked, Evidence, Ordered
from preroll.demo.line_story import KEPT, TAMPERED
from preroll.demo.line_verdicts import DEPLOYED, REFUSED, RETRIED
from preroll.demo.plane import DEVICES
from preroll.sdk import Audit, AuditState
from tests.demo.told import BEGIN, at

EMPTY: Mapping[str, Mapping[int, int]] = {device: {} for device in DEVICES}
BAD = "plan on pe-2 port 5: next-hop: Octet 999 (> 255) not permitted; nothing was written"


def an_order(name: str, states: tuple[str, ...], why: str = "") -> Ordered:
    order = Order(
        id=name, name=name, platform="demo", state=states[-1], hold=None, due=None, together="atomic", priority=0,
        external="", why=why, revision=1, created=BEGIN, created_by="demo", changed=BEGIN, items=[], phase=None,
        checking=False, canceling=False, plan=None, approvals=[], unapproved=False, attempt=1, residue={}, run="",
        questions=[], answer_by=None,
        actions=[],
    )  # fmt: skip
    kinds = ["order.created"] + ["order.state"] * (len(states) - 1)
    changes = [
        Change("1", at(0), kind, name, 1, "", "", state, "demo", "", "")
        for kind, state in zip(kinds, states, strict=True)
    ]
    return Ordered(order, changes, [])


def a_look(kbit: int, measured: int | None = None, *, status: str = "Up", difference: str = "") -> Round:
    found = kbit if measured is None else measured
    rate, expected = f"{found} kbit/s", f"{kbit} kbit/s within 30%"
    checks = [
        Check("rate", "throughput", status, "", expected, rate, "", {"kbit": found}, 1, at(0)),
        Check("devices", "config", "Down" if difference else "Up", "", "", difference, "", {}, 1, at(0)),
    ]
    told = "out of sync" if difference else "in sync"
    return Round(f"a-{kbit}", "START", "START", at(8), at(10), status, told, checks)


def a_service(state: str) -> Service:
    return Service(
        id="1", name=LINE.name, platform="demo", state=state, runs="START", desired=3, deployed=2, last_good=2,
        revision=1, created=BEGIN, created_by="demo", changed=BEGIN, definition="Circuit", definition_version=1,
        nodes={}, properties={}, revisions=[], known=None, auditing=False, differences=[], drift="", alarms=[],
        next_audit=None, conflicts=[], orders=[], needs=[], needed_by=[], overlays=[],
    )  # fmt: skip


def line(told: Evidence) -> Evidence:
    """Beside what is told of the circuits."""
    plan = OrderPlan("h", False, BEGIN, [Planned(f"{device} port 5", [("circuit", None, True)]) for device in DEVICES])
    told.checked = Checked(plan, EMPTY, EMPTY)
    told.orders = {
        WRONG: an_order(WRONG, REFUSED, BAD),
        LESS: an_order(LESS, RETRIED),
        **{name: an_order(name, DEPLOYED) for name in (LINE.name, MORE, PUSHED, CLEARED)},
    }
    told.looks = {
        LINE.name: a_look(LINE.kbit),
        MORE: a_look(LINE.more),
        KEPT: a_look(LINE.more),
        LESS: a_look(LINE.less),
        TAMPERED: a_look(LINE.less, difference="far: rate-kbit: expected 3000, found 6000"),
        PUSHED: a_look(LINE.less),
    }
    told.kept, told.cleared = a_service("Fail Deploy"), Audit(AuditState.DOWN, found="nothing gets through")
    return told
