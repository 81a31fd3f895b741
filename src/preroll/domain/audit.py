# SPDX-License-Identifier: Apache-2.0
"""Audits of a service: which checks its definition asks for, and what a round of them says about it.

Two verdicts, independent of each other (SPEC 7): is it up, and are the devices as they were left?
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.errors import Mistake
from preroll.domain.machine import Machine, Outcome
from preroll.domain.window import SECOND

CONFIG = "config"
"""The kind of check that reads devices; all others look at the service."""
BEFORE_COMMIT = "VERIFY"
"""Where ``after`` names it, a deployment makes the check before it is decided: its devices may still go back."""
REFERENCE = re.compile(r"\$\{([^{}]+)\}")
"""A value of the booking inside a parameter: ``${encoder.address.port}``, ``${booking.name}``."""
LONGEST_WINDOW = 600 * SECOND
OF_NODE = ("address", "values", "properties")
OF_BOOKING = ("id", "name", "platform", "properties")


class Status(StrEnum):
    """What is known of a service."""

    PENDING = "Pending"
    """Not audited since it was last changed."""
    UP = "Up"
    DOWN = "Down"


class AuditTrigger(StrEnum):
    """What can happen to what is known."""

    AUDITED = "audited"
    UNDECIDED = "undecided"
    CHANGED = "changed"


_S, _T = Status, AuditTrigger
# fmt: off
AUDIT: Machine[Status, AuditTrigger] = Machine("audit", _S.PENDING, (
    # from                          trigger       ok          failed    why
    ({_S.PENDING, _S.UP, _S.DOWN},  _T.AUDITED,   _S.UP,      _S.DOWN,  "all checks Up; failed: one Down, or not made"),
    ({_S.PENDING, _S.UP, _S.DOWN},  _T.UNDECIDED, _S.PENDING, None,     "one not made, and its policy leaves it open"),
    ({_S.UP, _S.DOWN},              _T.CHANGED,   _S.PENDING, None,     "an event has begun since"),
), states=Status)
# fmt: on


class Configuration(StrEnum):
    """What is known of the devices of a service."""

    UNKNOWN = "unknown"
    IN_SYNC = "in sync"
    OUT_OF_SYNC = "out of sync"
    APPROVED = "approved"
    """It differs, and somebody has approved every difference."""


class ConfigurationTrigger(StrEnum):
    """What can happen to what is known of the devices."""

    AUDITED = "audited"
    UNDECIDED = "undecided"
    APPROVED = "approved"
    LAPSED = "approval ended"
    CHANGED = "changed"


_C, _CT = Configuration, ConfigurationTrigger
# fmt: off
CONFIGURATION: Machine[Configuration, ConfigurationTrigger] = Machine("configuration", _C.UNKNOWN, (
    # from                                                   trigger         ok            failed           why
    ({_C.UNKNOWN, _C.IN_SYNC, _C.OUT_OF_SYNC, _C.APPROVED},  _CT.AUDITED,    _C.IN_SYNC,   _C.OUT_OF_SYNC,  "as they were left; failed: one differs"),
    ({_C.UNKNOWN, _C.IN_SYNC, _C.OUT_OF_SYNC, _C.APPROVED},  _CT.UNDECIDED,  _C.UNKNOWN,   None,            "one could not be read, none differs"),
    ({_C.OUT_OF_SYNC},                                       _CT.APPROVED,   _C.APPROVED,  None,            "somebody has approved every difference, each until its end"),
    ({_C.APPROVED},                                          _CT.LAPSED,     _C.OUT_OF_SYNC, None,          "an approval has ended, or a difference is another one"),
    ({_C.IN_SYNC, _C.OUT_OF_SYNC, _C.APPROVED},              _CT.CHANGED,    _C.UNKNOWN,   None,            "an event has begun since"),
), states=Configuration)
# fmt: on


class OnUnknown(StrEnum):
    """What a check that could not be made counts as (SPEC 11)."""

    DOWN = "Down"
    PENDING = "Pending"


class Finding(StrEnum):
    """What one check found."""

    UP = "Up"
    DOWN = "Down"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class AuditSpec:
    """One check that a service definition asks for."""

    name: str
    kind: str
    """``tcp``, ``http``, ``ping``, ``stream``, ``throughput`` or ``config``."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Of the kind; a text may refer to the booking: ``${encoder.address.port}``."""
    after: tuple[str, ...] = ("START",)
    """Events after whose success it is made; empty: only when somebody asks."""
    within_us: int = 5 * SECOND
    """For so long it is looked at again before it counts as Down."""
    unknown: OnUnknown = OnUnknown.DOWN

    def mistakes(self, labels: Collection[str]) -> list[Mistake]:
        """Every reference that leads nowhere, and a window that is too long.

        Args:
            labels: those of the definition's nodes.
        """
        longest = f"0 s to {LONGEST_WINDOW // SECOND} s"
        long = [Mistake("within", f"is {self.within_us // SECOND} s", longest)] * (self.within_us > LONGEST_WINDOW)
        return long + [
            Mistake(f"parameters.{name}", f"refers to {text}", _expected(labels))
            for name, value in self.parameters.items()
            for text in references(value)
            if not _leads_somewhere(text, labels)
        ]


def made_after(checks: Sequence[AuditSpec], event: str) -> tuple[AuditSpec, ...]:
    """Those that are made after the success of an event; all for the empty name (somebody asks)."""
    return tuple(check for check in checks if not event or event in check.after)


def references(value: object) -> list[str]:
    """What a parameter refers to, wherever in it."""
    match value:
        case str():
            return REFERENCE.findall(value)
        case Mapping():
            return [text for one in value.values() for text in references(one)]
        case list() | tuple():
            return [text for one in value for text in references(one)]
    return []


def split(text: str, labels: Collection[str]) -> tuple[str, str, str] | None:
    """A reference as (node label, what of it, name of the value); the longest label wins, as labels may hold dots."""
    for label in sorted(labels, key=len, reverse=True):
        part, _, name = text[len(label) + 1 :].partition(".")
        if text.startswith(f"{label}.") and part in OF_NODE and name:
            return label, part, name
    return None


def _leads_somewhere(text: str, labels: Collection[str]) -> bool:
    owner, _, rest = text.partition(".")
    part, _, name = rest.partition(".")
    of_booking = owner == "booking" and part in OF_BOOKING and bool(name) == (part == "properties")
    return of_booking or split(text, labels) is not None


def _expected(labels: Collection[str]) -> str:
    nodes = ", ".join(labels) or "none"
    return f"booking.name, booking.properties.NAME or NODE.{{{','.join(OF_NODE)}}}.NAME with a node of: {nodes}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a round of checks says."""

    status: Status | None
    """None: no check of it looks at the service."""
    configuration: Configuration | None
    """None: no check of it reads devices."""


def judge(checks: Sequence[AuditSpec], found: Mapping[str, Finding]) -> Verdict:
    """The verdicts of a round; a check without a finding could not be made."""
    of_service = [c for c in checks if c.kind != CONFIG]
    of_devices = [found.get(c.name, Finding.UNKNOWN) for c in checks if c.kind == CONFIG]
    return Verdict(_status(of_service, found) if of_service else None, _sync(of_devices) if of_devices else None)


def _status(checks: Sequence[AuditSpec], found: Mapping[str, Finding]) -> Status:
    seen = [(found.get(c.name, Finding.UNKNOWN), c.unknown) for c in checks]
    if any(f is Finding.DOWN or (f is Finding.UNKNOWN and policy is OnUnknown.DOWN) for f, policy in seen):
        return AUDIT.fire(Status.PENDING, AuditTrigger.AUDITED, Outcome.FAILED)
    if any(f is Finding.UNKNOWN for f, _ in seen):
        return AUDIT.fire(Status.PENDING, AuditTrigger.UNDECIDED)
    return AUDIT.fire(Status.PENDING, AuditTrigger.AUDITED)


def _sync(found: Sequence[Finding]) -> Configuration:
    if Finding.DOWN in found:
        return CONFIGURATION.fire(Configuration.UNKNOWN, ConfigurationTrigger.AUDITED, Outcome.FAILED)
    trigger = ConfigurationTrigger.UNDECIDED if Finding.UNKNOWN in found else ConfigurationTrigger.AUDITED
    return CONFIGURATION.fire(Configuration.UNKNOWN, trigger)


@dataclass(frozen=True, slots=True)
class Round:
    """A round of checks that has ended, and what it was made on."""

    began_us: int
    service_state: str
    verdict: Verdict


def standing(rounds: Sequence[Round], service_state: str, changed_us: int) -> Verdict:
    """What is known now: the newest verdicts that were found in this service state since it was last changed.

    Args:
        rounds: newest first.
        changed_us: when an event of the booking last began or ended.
    """
    valid = [r.verdict for r in rounds if r.service_state == service_state and r.began_us >= changed_us]
    status = next((v.status for v in valid if v.status is not None), Status.PENDING)
    configuration = next((v.configuration for v in valid if v.configuration is not None), Configuration.UNKNOWN)
    return Verdict(status, configuration)
