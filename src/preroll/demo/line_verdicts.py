# SPDX-License-Identifier: Apache-2.0
"""The promises about the line that was ordered: each a rule from evidence to a verdict, and nothing else."""

from __future__ import annotations

from preroll.client.things import Check
from preroll.demo.cast import CLEARED, LESS, LINE, MORE, PUSHED, WRONG
from preroll.demo.evidence import Evidence
from preroll.demo.line_story import KEPT, TAMPERED
from preroll.demo.plane import DEVICES
from preroll.demo.ruling import Finding, Promises, check, count
from preroll.sdk import AuditState

DEPLOYED = ("Requested", "Scheduled", "In Progress", "Completed")
RETRIED = (*DEPLOYED[:3], "Failed Deploy", *DEPLOYED[1:])
REFUSED = ("Requested", "Invalid")


def wrong_is_invalid(evidence: Evidence) -> Finding:
    """The device said so when the order was checked."""
    order = evidence.orders[WRONG]
    found = f"{order.states[-1]}: {order.order.why}"
    return Finding("Invalid, by the check", found, order.states == REFUSED and "next-hop" in order.order.why)


def checked_first(evidence: Evidence) -> Finding:
    """The plan of the check, and what the devices had after it."""
    checked = evidence.checked
    if checked is None or checked.plan is None:
        raise LookupError("no plan")
    devices = [device for device in checked.plan.devices if device.changes]
    written = checked.before != checked.after
    found = f"changes on {count(len(devices), 'device')}, {'written' if written else 'nothing written'}"
    expected = f"changes on {count(len(DEVICES), 'device')}, nothing written"
    return Finding(expected, found, found == expected)


def provisioned(evidence: Evidence) -> Finding:
    """Its order, and what its audit measured."""
    return _deployed(evidence, LINE.name, LINE.kbit)


def modified(evidence: Evidence) -> Finding:
    """The order of more, and what was measured after it."""
    return _deployed(evidence, MORE, LINE.more)


def down_fails(evidence: Evidence) -> Finding:
    """The order of less, while a device was down, and the line after it."""
    failed = "Failed Deploy" in evidence.orders[LESS].states
    service = evidence.kept.state if evidence.kept else "none"
    look = evidence.looks[KEPT]
    rate = check(look, "rate")
    found = f"{'Failed Deploy' if failed else 'not failed'}, {look.status}: {rate.found}, {look.configuration}"
    kept = failed and service == "Fail Deploy" and (look.status, look.configuration) == ("Up", "in sync")
    return Finding(f"Failed Deploy, Up: {LINE.more} kbit/s, in sync", found, kept and _about(rate, LINE.more))


def deployed_again(evidence: Evidence) -> Finding:
    """The same order, when the device was back."""
    return _deployed(evidence, LESS, LINE.less, RETRIED)


def found_out(evidence: Evidence) -> Finding:
    """What was changed by hand, by the audit, and by the one after the line had been deployed again."""
    before, after = evidence.looks[TAMPERED], evidence.looks[PUSHED]
    changed = check(before, "devices")
    found = f"{before.configuration}: {changed.found}, then {after.configuration}"
    told = "rate-kbit" in changed.found or "rate-kbit" in changed.message
    kept = told and (before.configuration, after.configuration) == ("out of sync", "in sync")
    return Finding("out of sync: rate-kbit, then in sync", found, kept and evidence.orders[PUSHED].states == DEPLOYED)


def decommissioned(evidence: Evidence) -> Finding:
    """Its order, and what got through after it."""
    state = evidence.orders[CLEARED].states[-1]
    cleared = evidence.cleared.state if evidence.cleared else AuditState.UNKNOWN
    found = f"{state}, {cleared.value}"
    return Finding("Completed, Down", found, found == "Completed, Down")


# fmt: off
LINE_ORDERED: Promises = (
    ("An order that is wrong touches nothing",        wrong_is_invalid),
    ("A check makes the plan, and writes nothing",    checked_first),
    ("Ordered: Campus line is up at its rate",        provisioned),
    ("Changed: it is up at its new rate",             modified),
    ("A device is down: it is as it was",             down_fails),
    ("The device is back: deployed once more",        deployed_again),
    ("Changed by hand: found, and pushed away",       found_out),
    ("Decommissioned: nothing gets through",          decommissioned),
)
# fmt: on


def _deployed(evidence: Evidence, name: str, kbit: int, states: tuple[str, ...] = DEPLOYED) -> Finding:
    """An order came about, and what is there has its rate."""
    found, look = evidence.orders[name].states, evidence.looks[name]
    rate = check(look, "rate")
    kept = found == states and (look.status, look.configuration) == ("Up", "in sync") and _about(rate, kbit)
    return Finding(f"{states[-1]}, Up: {kbit} kbit/s", f"{found[-1]}, {look.status}: {rate.found}", kept)


def _about(rate: Check, kbit: int) -> bool:
    """Was it this rate that was looked for, and was something measured?"""
    return rate.state == "Up" and rate.expected.startswith(f"{kbit} kbit/s") and rate.evidence["kbit"] > 0
