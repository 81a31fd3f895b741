# SPDX-License-Identifier: Apache-2.0
"""What audits find wrong with a service: differences on its devices, which of them are approved, and alarms.

Facts, orders 4.4 C03 and C05: an approved difference is no alarm until its end, or until it is another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from preroll.domain.audit import CONFIGURATION, Configuration, ConfigurationTrigger, Status, Verdict
from preroll.domain.window import DAY

LONGEST_APPROVAL = 366 * DAY
"""For so long, in microseconds, may a difference be approved at once."""


class Gap(StrEnum):
    """How a device differs."""

    CHANGED = "changed"
    """It has another value."""
    MISSING = "missing"
    """It has no such value."""
    EXTRA = "extra"
    """It has a value that nobody has given it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value of one device that is not as it was left."""

    node: str
    path: str
    gap: Gap
    expected: object = None
    """None of one that is extra."""
    found: object = None
    """None of one that is missing."""

    def __str__(self) -> str:
        match self.gap:
            case Gap.MISSING:
                return f"{self.node}: {self.path} is missing, expected {self.expected!r}"
            case Gap.EXTRA:
                return f"{self.node}: {self.path} is extra, with {self.found!r}"
        return f"{self.node}: {self.path} is {self.found!r}, expected {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Somebody has approved a difference."""

    by: str
    reason: str
    at_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Known:
    """A difference as the newest configuration audit has found it."""

    difference: Difference
    since_us: int
    """When the audit that first found it began."""
    allowance: Allowance | None = None

    def is_approved(self, now_us: int) -> bool:
        """Is it approved now?"""
        return self.allowance is not None and self.allowance.until_us > now_us


def differences_in(evidence: Iterable[Mapping[str, object]]) -> list[Difference]:
    """What the rows ``{"node", "path", "expected", "found"}`` of an audit's evidence say, each path once."""
    found = {}
    for row in evidence:
        expected, got = row.get("expected"), row.get("found")
        gap = Gap.MISSING if got is None else Gap.EXTRA if expected is None else Gap.CHANGED
        one = Difference(str(row["node"]), str(row["path"]), gap, expected, got)
        found[one.node, one.path] = one
    return [found[place] for place in sorted(found)]


def carried_over(before: Iterable[Known], found: Iterable[Difference], now_us: int) -> list[Known]:
    """What is known after an audit: what it found, with the approval of each difference that is still the same."""
    known = {_row(one.difference): one for one in before}
    return [known.get(_row(one)) or Known(one, now_us) for one in found]


def drift_hash(differences: Iterable[Difference]) -> str:
    """What somebody names who accepts or approves: another hash, other differences. Empty: there are none."""
    rows = sorted(map(_row, differences))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16] if rows else ""


def _row(d: Difference) -> tuple[str, ...]:
    """A difference in words: two are the same when they are written alike."""
    return d.node, d.path, d.gap.value, *(json.dumps(v, sort_keys=True, default=str) for v in (d.expected, d.found))


def with_approvals(verdict: Verdict, known: Sequence[Known], now_us: int) -> Verdict:
    """What is known of a service, with its approvals: out of sync, yet all of it approved, is *approved*."""
    allowed = bool(known) and all(one.is_approved(now_us) for one in known)
    match verdict.configuration:
        case Configuration.OUT_OF_SYNC if allowed:
            configuration = CONFIGURATION.fire(verdict.configuration, ConfigurationTrigger.APPROVED)
        case Configuration.APPROVED if not allowed:
            configuration = CONFIGURATION.fire(verdict.configuration, ConfigurationTrigger.LAPSED)
        case _:
            return verdict
    return replace(verdict, configuration=configuration)


class AlarmKind(StrEnum):
    """What an audit raises an alarm for."""

    DOWN = "down"
    """Its checks found the service down."""
    DRIFT = "drift"
    """Its devices are not as they were left, and not all of it is approved."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that somebody has to look at, from the audit that found it until one finds it well again."""

    kind: AlarmKind
    what: str
    since_us: int


# fmt: off
ALARM_TO_DO: Mapping[AlarmKind, str] = {
    AlarmKind.DOWN:  "see what the checks found, mend it, and audit it again",
    AlarmKind.DRIFT: "push it again (redeploy), accept what the devices have, or approve the differences for a while",
}
# fmt: on


def alarms_after(
    before: Sequence[Alarm], verdict: Verdict, what: Mapping[AlarmKind, str], now_us: int
) -> list[Alarm]:  # fmt: skip
    """The alarms of a service once this is known of it; what is not known leaves an alarm as it is, or none.

    Args:
        verdict: None in it says nothing new.
        what: kind -> what was found.
    """
    raised = {one.kind: one for one in before}
    for kind, is_bad in (
        (AlarmKind.DOWN, _STATUS_IS_BAD.get(verdict.status)),
        (AlarmKind.DRIFT, _DEVICES_ARE_BAD.get(verdict.configuration)),
    ):
        if is_bad:
            raised[kind] = Alarm(kind, what.get(kind, ""), raised[kind].since_us if kind in raised else now_us)
        elif is_bad is not None:
            raised.pop(kind, None)
    return [raised[kind] for kind in AlarmKind if kind in raised]


_STATUS_IS_BAD: Mapping[Status | None, bool] = {Status.DOWN: True, Status.UP: False}
_DEVICES_ARE_BAD: Mapping[Configuration | None, bool] = {
    Configuration.OUT_OF_SYNC: True, Configuration.IN_SYNC: False, Configuration.APPROVED: False,
}  # fmt: skip
