# SPDX-License-Identifier: Apache-2.0
"""What a form says about a booking, read into what the use cases take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from preroll.app.bookings import Bookings, Copy, Edit, Refit
from preroll.app.edits import Retime
from preroll.app.views import BookingDetails
from preroll.domain.booking import NodeChoice, Timing
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.window import MINUTE
from preroll.web.command import START_US, Asking
from preroll.web.station_time import A_TIME, Typed, instant, times, typed

TAKE = "take."
"""Before a node's label: the resource that it is to take instead."""
OLD, NEW_NAME, NEW_VALUE = "property.", "new_name", "new_value"
LONGEST_MINUTES = 527_040


@dataclass(frozen=True, slots=True)
class Asked(Asking[BookingDetails]):
    """Who wants what of which booking."""

    @property
    def bookings(self) -> Bookings:
        """What is done to it."""
        return self.app.bookings

    @property
    def ident(self) -> str:
        """Its id."""
        return self.found.booking.id

    @property
    def minutes_us(self) -> int:
        """A number of minutes, in microseconds.

        Raises:
            Invalid: it is none.
        """
        text = self.word("minutes")
        if not text.isdecimal() or not 0 < int(text[:9]) <= LONGEST_MINUTES or len(text) > len("527040"):
            raise Invalid([Mistake("minutes", f"is {text[:20]!r}", f"a whole number from 1 to {LONGEST_MINUTES}")])
        return int(text) * MINUTE

    @property
    def takes(self) -> dict[str, NodeChoice | None]:
        """The nodes that are to take another resource, by label."""
        nodes, labels = self.found.booking.nodes, [n.removeprefix(TAKE) for n in self.said if n.startswith(TAKE)]
        return {label: replace(nodes.get(label, NodeChoice()), resource=self.word(TAKE + label)) for label in labels}

    @property
    def retime(self) -> Retime | None:
        """What the form says of the times; what it leaves out stays. None: nothing.

        Raises:
            Invalid: every time and length that cannot be read.
        """
        given, mistakes = _given(self.said, self.zone)
        if mistakes:
            raise Invalid(mistakes)
        shifted = self.shifted_us
        if not given and shifted is None:
            return None
        return lambda before: _shifted(replace(before, **given), shifted)

    @property
    def edit(self) -> Edit:
        """Another resource, another time, or force: what a way out asks for."""
        return Edit(timing=self.retime, nodes=self.takes or None, force=self.force)

    @property
    def copy(self) -> Copy:
        """How a duplicate is to differ."""
        start = self.shifted_us
        if start is None and (given := Typed.of(self.said, "start")).text:
            start = instant(given, self.zone, "start")
        return Copy(name=self.word("name"), start=start, force=self.force)

    @property
    def refit(self) -> Refit:
        """What is to be on a node."""
        node = self.word("node")
        resource = self.word(TAKE + node) or self.word("resource") or None
        return Refit(node, resource, apply_now=bool(self.said.get("apply_now")), force=self.force)

    @property
    def properties(self) -> dict[str, object]:
        """The properties as they are to be; None: one that is taken away."""
        return properties_of(self.said, self.found.booking.properties)


def settled(said: Mapping[str, str], timing: Timing, zone: str) -> Mapping[str, str]:
    """What a form says, in which a way out that names another start stands in the fields of the times."""
    start = said.get(START_US, "")
    if "start" not in said or not start.isdecimal() or len(start) >= len(str(2**62)):
        return said
    there = _shifted(_typed_timing(said, timing, zone), int(start))
    times = {"start": typed(there.start, zone), "end": typed(there.end, zone)}
    words = {name: given.text for name, given in times.items() if name in said}
    which = {f"{name}.which": given.which for name, given in times.items()}
    return {**{name: value for name, value in said.items() if name != START_US}, **words, **which}


def carried(said: Mapping[str, str]) -> dict[str, str]:
    """What a form says beside its fields, and goes on saying: the ways out that were taken already."""
    return {name: value for name, value in said.items() if name.startswith(TAKE) or name == START_US}


def _typed_timing(said: Mapping[str, str], timing: Timing, zone: str) -> Timing:
    given, mistakes = _given(said, zone)
    return timing if mistakes else replace(timing, **given)


def properties_of(said: Mapping[str, str], before: Mapping[str, object]) -> dict[str, object]:
    """What a form says of properties: those that it names, and a new one. An emptied one is None.

    Raises:
        Invalid: a value has no name, or one that was no text cannot be read as what it was.
    """
    found: dict[str, object] = {}
    for name, text in said.items():
        if name.startswith(OLD):
            found[name.removeprefix(OLD)] = _value(name, text, before.get(name.removeprefix(OLD)))
    new, value = said.get(NEW_NAME, "").strip(), said.get(NEW_VALUE, "").strip()
    if value and not new:
        raise Invalid([Mistake(NEW_NAME, "is missing", "the name of the property")])
    return found | ({new: value} if new and value else {})


def written(value: object) -> str:
    """The value of a property as a form shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cell(value: object) -> str:
    """A value as a table shows it; nothing is shown where there is none."""
    return "" if value is None else written(value)


def _value(where: str, text: str, before: object) -> object:
    if not text.strip():
        return None
    if before is None or isinstance(before, str):
        return text.strip()
    try:
        return json.loads(text)
    except ValueError:
        expected = f"a {type(before).__name__} in JSON, such as {written(before)}"
        raise Invalid([Mistake(where, f"{text[:50]!r} cannot be read", expected)]) from None


def _given(said: Mapping[str, str], zone: str) -> tuple[dict[str, Any], list[Mistake]]:
    """Only the times of which the form has a field; without an end is one, without a start is none."""
    found, mistakes = times(said, zone)
    if "start" in said and not said["start"].strip():
        mistakes.append(Mistake("start", "is missing", A_TIME))
    return {name: value for name, value in found.items() if name in said}, mistakes


def _shifted(timing: Timing, start: int | None) -> Timing:
    if start is None:
        return timing
    return replace(timing, start=start, end=None if timing.end is None else timing.end + start - timing.start)
