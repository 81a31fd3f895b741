# SPDX-License-Identifier: Apache-2.0
"""When every event was planned, when it could begin, and when it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from preroll.demo.cast import LINKS
from preroll.demo.evidence import Evidence, Outage, Record

AT_ONCE = timedelta(seconds=0.25)
"""Who takes the devices this soon after another one could have had them was there first."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One event of one booking: planned and real."""

    booking: str
    event: str
    planned: datetime
    began: datetime
    because: str
    """What it had to wait for; empty: nothing."""
    could: datetime
    """The earliest instant at which it could begin."""

    @property
    def late(self) -> timedelta:
        """Against the plan."""
        return self.began - self.planned

    @property
    def beyond(self) -> timedelta:
        """Against what was possible."""
        return max(self.began - self.could, timedelta(0))


@dataclass(frozen=True, slots=True)
class Hold:
    """Somebody else had the devices."""

    began: datetime
    ended: datetime
    holder: str


def timings(evidence: Evidence) -> list[Timing]:
    """Planned and real time of every event that ran, by plan."""
    links = {link.name for link in LINKS}
    holds = sorted(_holds(evidence), key=lambda hold: hold.began)
    found = [
        timing
        for record in evidence.orchestrated
        for timing in _of(record, evidence.outages, holds if record.booking.name in links else ())
    ]
    return sorted(found, key=lambda t: (t.planned, t.booking))


def _holds(evidence: Evidence) -> Iterator[Hold]:
    """Orders of the line use the devices of the circuits."""
    for name, ordered in evidence.orders.items():
        for run in ordered.runs:
            if run.kind == "order" and run.ended is not None:
                yield Hold(run.began, run.ended, name)


def _of(record: Record, outages: Sequence[Outage], holds: Sequence[Hold]) -> Iterator[Timing]:
    before: datetime | None = None
    for event in record.booking.events:
        runs = record.runs_of(event.kind)
        if not runs or event.event == "START_FAILURE":
            continue
        could, because = event.planned, ""
        if event.kind == "start_of_post_roll" and record.finished and record.finished > could:
            could, because = record.finished, "finished then"
        if before is not None and before > could:
            could, because = before, "the event before it"
        for outage in outages:
            if outage.killed <= could < outage.ready:
                could, because = outage.ready, "the engine was dead"
        for hold in holds:
            if hold.began <= could + AT_ONCE and could < hold.ended:
                could, because = hold.ended, f"{hold.holder} had the devices"
        yield Timing(record.booking.name, event.event, event.planned, runs[0].began, because, could)
        before = runs[-1].ended
