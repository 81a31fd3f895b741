# SPDX-License-Identifier: Apache-2.0
"""The promises about the circuits: each a rule from evidence to a verdict, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from preroll.client.things import Round, Step
from preroll.demo.cast import BACKUP, GUEST, LINK, NIGHT, Link
from preroll.demo.circuit_story import LATE
from preroll.demo.evidence import Evidence
from preroll.demo.network import Configured
from preroll.demo.plane import DEVICES
from preroll.demo.ruling import UNTOUCHED, WHOLE, Finding, Promises, check, count, glyphs, life
from preroll.sdk import AuditState

NEAR, FAR = DEVICES
FAULTS = 3
FAILED = (*UNTOUCHED, "Pre-roll", "Failed Service Active")
START, STOP = "end_of_pre_roll", "start_of_post_roll"


def carried(evidence: Evidence) -> Finding:
    """Who carries the traffic."""
    return Finding("namespaces, else a relay", evidence.plane or "nobody", bool(evidence.plane))


def link_lives(evidence: Evidence) -> Finding:
    """The states of its change log."""
    return life(evidence, LINK, WHOLE)


def gets_through(evidence: Evidence) -> Finding:
    """Looked at before, by the script of pre-roll, and after START, as the service definition asks for it."""
    before = evidence.records[LINK.name].runs_of("start_of_pre_roll")[-1].returned["before"]
    after = check(_round(evidence, LINK, "START"), "reachable")
    found = f"{before}, then {after.state}: {after.found.partition(', ')[0]}"
    return Finding("Down, then Up", found, (before, after.state) == ("Down", "Up"))


def has_its_rate(evidence: Evidence) -> Finding:
    """Measured after START."""
    rate = check(_round(evidence, LINK, "START"), "rate")
    return Finding(rate.expected, rate.found, rate.state == "Up" and rate.evidence["kbit"] > 0)


def changed_as_one(evidence: Evidence) -> Finding:
    """In the journal the decision stands after both devices were read back, and before the first was confirmed."""
    steps = {s.name: s for s in evidence.records[LINK.name].runs_of(START)[-1].steps if s.state == "done"}
    decided = steps["change:START:decided:commit"]
    verified = [step for step in _both(steps, "verify") if step.ended and step.ended <= decided.began]
    confirmed = [step for step in _both(steps, "confirm") if decided.ended and step.began >= decided.ended]
    found = f"{len(verified)} read back, decided, {len(confirmed)} confirmed"
    return Finding("2 read back, decided, 2 confirmed", found, len(verified) == len(confirmed) == len(DEVICES))


def devices_as_left(evidence: Evidence) -> Finding:
    """What the devices say they have, against what was applied."""
    devices = check(_round(evidence, LINK, "START"), "devices")
    return Finding(devices.expected, devices.found, devices.state == "Up")


def down_fails(evidence: Evidence) -> Finding:
    """A booking over a device that is down."""
    return _fails(evidence, BACKUP, FAR, "nothing was written")


def down_harms_nobody(evidence: Evidence) -> Finding:
    """The other device is as before."""
    harm = evidence.harms[BACKUP.name]
    before, after = ({NEAR: configured[NEAR]} for configured in (harm.before, harm.after))
    return Finding(_shown(before), _shown(after), before == after)


def slow_is_right(evidence: Evidence) -> Finding:
    """It came up on both devices, later by what the device took."""
    run, harm = evidence.records[NIGHT.name].runs_of(START)[-1], evidence.harms[NIGHT.name]
    took = ((run.ended or run.began) - run.began) / timedelta(seconds=1)
    both = all(device.get(NIGHT.port) == NIGHT.kbit for device in harm.after.values())
    round_ = _round(evidence, NIGHT, "START")
    return Finding(
        f"after {LATE:g} s or more, up on both, Up",
        f"after {took:.1f} s, {'up' if both else 'not up'} on both, {round_.status}",
        took >= LATE and both and round_.status == "Up" and run.outcome == "ok",
    )


def lie_found(evidence: Evidence) -> Finding:
    """The check set of the change."""
    return _fails(evidence, GUEST, "check set failed", "both old")


def lie_taken_back(evidence: Evidence) -> Finding:
    """Neither device has it, and the journal says so."""
    harm, run = evidence.harms[GUEST.name], evidence.records[GUEST.name].runs_of(START)[-1]
    old = any(step.name == "change:START:old" and step.state == "done" for step in run.steps)
    return Finding(
        f"both old: {_shown(harm.before)}",
        f"{'both old' if old else 'not told'}: {_shown(harm.after)}",
        old and harm.before == harm.after,
    )


def link_unharmed(evidence: Evidence) -> Finding:
    """What was found of the circuit after each of the three faults."""
    found = evidence.steady
    up = [r for r in found if r.status == "Up" and r.configuration == "in sync"]
    rates = [str(check(r, "rate").evidence["kbit"]) for r in found]
    expected = f"Up after {count(FAULTS, 'fault')}"
    told = f"Up after {count(len(up), 'fault')}: {', '.join(rates)} kbit/s"
    return Finding(expected, told, len(up) == len(found) == FAULTS)


def nothing_gets_through(evidence: Evidence) -> Finding:
    """Looked at after STOP."""
    checks = [c for link in (LINK, NIGHT) for c in _round(evidence, link, "STOP").checks if c.kind != "config"]
    downs = [c for c in checks if c.state == "Down"]
    found = f"{len(downs)} of {len(checks)} Down"
    return Finding("2 of 2 Down", found, found == "2 of 2 Down")


def nothing_is_left(evidence: Evidence) -> Finding:
    """On either device."""
    empty = {device: {} for device in DEVICES}  # type: Mapping[str, Configured]
    return Finding(_shown(empty), _shown(evidence.left), evidence.left == empty)


def goes_on_without_engine(evidence: Evidence) -> Finding:
    """Measured while the engine was dead."""
    seen = [outage.circuit for outage in evidence.outages if outage.circuit is not None]
    found = ", ".join(f"{audit.state.value}, {audit.found}" for audit in seen) or "not measured"
    return Finding("Up", found, bool(seen) and all(audit.state is AuditState.UP for audit in seen))


# fmt: off
CIRCUIT: Promises = (
    ("A network of two devices and two sites",        carried),
    ("Studio link goes from Partial to Completed",    link_lives),
    ("Something gets through, from START on",         gets_through),
    ("At the rate that was booked",                   has_its_rate),
    ("Two devices are one change",                    changed_as_one),
    ("They have what the journal says",               devices_as_left),
    ("A device is down: the booking fails",           down_fails),
    ("The other device is as before",                 down_harms_nobody),
    ("A device is slow: late, and right",             slow_is_right),
    ("A device that lies is caught",                  lie_found),
    ("And the change taken back from both",           lie_taken_back),
    ("None of that harms the circuit that is up",     link_unharmed),
    ("After STOP nothing gets through",               nothing_gets_through),
    ("Nothing is left on the devices",                nothing_is_left),
)
BESIDE_THE_MEDIA: Promises = (
    ("kill -9: the circuit goes on",                  goes_on_without_engine),
)
# fmt: on


def _round(evidence: Evidence, link: Link, event: str) -> Round:
    """The checks that were made after an event. Raises LookupError."""
    for found in evidence.rounds[link.name]:
        if found.asked == event:
            return found
    raise LookupError(f"no audit of {link.name} after {event}")


def _both(steps: Mapping[str, Step], phase: str) -> list[Step]:
    return [steps[f"change:START:{phase}:{label}"] for label in ("near", "far")]


def _fails(evidence: Evidence, link: Link, *because: str) -> Finding:
    """It failed at START, and its run tells why in these words."""
    record = evidence.records[link.name]
    message = record.runs_of(START)[-1].message
    said = [word for word in because if word in message]
    return Finding(
        f"{glyphs(FAILED)} {', '.join(because)}",
        f"{glyphs(record.states)} {', '.join(said) or message}",
        record.states == FAILED and len(said) == len(because),
    )


def _shown(devices: Mapping[str, Configured]) -> str:
    """``pe-1 port 1 3, pe-2 nothing``."""
    ports = {name: " ".join(map(str, sorted(configured))) for name, configured in devices.items()}
    return ", ".join(f"{name} {f'port {found}' if found else 'nothing'}" for name, found in ports.items())
