# SPDX-License-Identifier: Apache-2.0
"""What a verdict is: a promise, a rule from the evidence to a finding, and the words in which findings are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from preroll.client.things import Check, Round
from preroll.demo.cast import Lights, Link, Part
from preroll.demo.evidence import Evidence
from preroll.demo.palette import look

UNTOUCHED = ("Partial", "Confirmed")
WHOLE = (*UNTOUCHED, "Pre-roll", "Service Active", "Post-roll", "Completed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise."""

    promise: str
    expected: str
    found: str
    kept: bool
    late: bool = False
    """All came about, but not in the time that was promised: a busy machine, or a slow Preroll."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule expected, what it found, and whether that is good."""

    expected: str
    found: str
    kept: bool
    late: bool = False
    """It is good but for the time that it took."""


Rule = Callable[[Evidence], Finding]
Promises = tuple[tuple[str, Rule], ...]


def judged(promise: str, rule: Rule, evidence: Evidence) -> Verdict:
    """A promise held against the evidence; without evidence it is not kept."""
    try:
        finding = rule(evidence)
    except (LookupError, TypeError, ValueError) as missing:
        return Verdict(promise, "evidence", f"there is none: {missing}", kept=False)
    return Verdict(promise, finding.expected, finding.found, finding.kept, finding.late)


def timed(expected: str, found: str, *, came_about: bool, in_time: bool) -> Finding:
    """What had to come about, and in time."""
    return Finding(expected, found, came_about and in_time, late=came_about and not in_time)


def life(evidence: Evidence, part: Part | Lights | Link, expected: tuple[str, ...]) -> Finding:
    """The states of a booking's change log."""
    found = evidence.records[part.name].states
    return Finding(glyphs(expected), glyphs(found), found == expected)


def glyphs(states: tuple[str, ...]) -> str:
    """Life cycle states in short."""
    return " ".join(look(state).glyph for state in states)


def ms(span: timedelta) -> str:
    """A time in milliseconds."""
    return f"{span.total_seconds() * 1000:.0f} ms"


def count(number: int, noun: str) -> str:
    """``1 step``, ``2 steps``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


def check(looks: Round, name: str) -> Check:
    """One check of a round. Raises LookupError."""
    for found in looks.checks:
        if found.name == name:
            return found
    raise LookupError(f"no check {name}")


def fields(value: object) -> dict[str, object]:
    """What an audit found. Raises LookupError when it is none."""
    if not isinstance(value, dict):
        raise LookupError("an audit")
    return value
