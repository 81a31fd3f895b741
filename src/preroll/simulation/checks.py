# SPDX-License-Identifier: Apache-2.0
"""What must hold at every instant, whatever people, devices and crashes do.

The checker sees three things and trusts none: what the journal has taken, as it takes it; the rows of all bookings that
are alive, after every move of the world; and what the devices and the scripts say was done to them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from preroll.bootstrap.inline import InlineSet
from preroll.domain.booking import ENDED, LIFE_CYCLE, ORCHESTRATED, Booking, Phase, State, Trigger
from preroll.domain.boundaries import BEGUN, OPEN, STANDARD, Boundary, BoundaryState, Direction, Run
from preroll.domain.changes import Change
from preroll.domain.free_list import FREE_LIST
from preroll.domain.machine import Outcome
from preroll.domain.service import STOP
from preroll.ports.rows import Claimed, Settlement, StepBegin, StepEnd, StepState
from preroll.ports.store import Tx
from preroll.simulation.story import Story

EDGES = frozenset((e.source.value, after.value) for e in LIFE_CYCLE for after in (e.ok, e.failed) if after is not None)
Life = tuple[Booking, list[Boundary]]
_NOT_EARLY = "nothing runs before it is due"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold."""

    rule: str
    what: str
    subject: str = ""
    """Id of the booking, or name of the device."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


@dataclass(slots=True)
class _Open:
    """A run between claim and settlement."""

    claimed: Claimed
    engine: str
    devices: frozenset[str]
    began_us: int
    ended_us: int | None = None
    done: set[str] = field(default_factory=set)
    scripts: list[bool] = field(default_factory=list)
    """How each execution of its script ended: returned or not."""

    @property
    def booking(self) -> Booking:
        return self.claimed.judged.booking

    @property
    def boundary(self) -> Boundary:
        return self.claimed.judged.boundary


class Checker:
    """Collects violations; the first one is the one to look at."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.violations: list[Violation] = []
        self._runs: dict[tuple[int, int, int], _Open] = {}
        self._open: dict[int, _Open] = {}
        self._owners: dict[str, Booking] = {}
        self._canceled: set[str] = set()
        self._up: set[str] = set()
        """Free lists of which a load has begun and no STOP has succeeded since."""
        self._states: dict[str, str] = {}
        self._live: set[str] = set()
        self._begun: dict[tuple[str, str], Boundary] = {}
        self._devices: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._cursor = ""
        self._now = 0
        self.awake: Callable[[], Collection[str]] = frozenset
        """Names of the engines that are neither dead nor frozen."""
        self.bound = 100
        """Scripts at once, as the platform is set."""
        self.stirred: set[int] = set()
        """Instants at which something happened that lets a late event begin."""

    def know(self, devices: Mapping[str, str]) -> None:
        """Resource id -> name of its device."""
        self._devices.update(devices)

    def broken(self, rule: str, what: str, subject: str = "") -> None:
        """A rule does not hold."""
        self.violations.append(Violation(rule, what, subject))
        self.story.tell("BROKEN", f"{rule}: {what}", *filter(None, [subject]))

    # what the journal has taken

    def heard(self, engine: str, what: str, row: object, now_us: int) -> None:
        """The journal has taken a claim, the begin or end of a step, or a settlement.

        Of an engine that was killed right behind a commit it is not told; the tables tell.
        """
        self._now = now_us
        match row:
            case Claimed():
                self._claimed(engine, row)
            case StepBegin() | StepEnd() | Settlement():
                run = self._open.get(row.fence.boundary)
                if run is None or run.claimed.run != row.run or run.ended_us is not None:
                    self.broken("a write belongs to an open run", f"{what} of {row.run} by {engine}")
                elif run.engine != engine or run.claimed.epoch != row.fence.epoch:
                    text = f"{what} by {engine}, epoch {row.fence.epoch}; it belongs to {run.engine}"
                    self.broken("who has lost a run is fenced", text, run.booking.id)
                else:
                    self._written(run, row)

    def _claimed(self, engine: str, claimed: Claimed) -> None:
        boundary, booking = claimed.judged.boundary, claimed.judged.booking
        place = boundary.key, boundary.generation, boundary.try_
        text = f"{booking.name} {boundary.event.name} try {boundary.try_} epoch {claimed.epoch} by {engine}"
        self.story.tell("resume" if claimed.resumed else "claim", text, booking.id)
        known = self._runs.get(place)
        aside = boundary.event.direction is Direction.ASIDE
        devices = frozenset() if aside else frozenset(self._devices.get(r, r) for r in booking.resources)
        if claimed.resumed and known is not None:
            if known.ended_us is not None or known.claimed.run != claimed.run:
                self.broken("a resumed run is one that was under way", text, booking.id)
            known.claimed, known.engine = claimed, engine
            return
        if known is not None:
            self.broken("one run per boundary, generation and try", text, booking.id)
        if not aside and not claimed.resumed:
            self._may_begin(claimed, devices, text)
        if _loads(claimed):
            self._up.add(booking.id)
        run = _Open(claimed, engine, devices, claimed.began_us)
        self._runs[place] = self._open[boundary.key] = run

    def _may_begin(self, claimed: Claimed, devices: frozenset[str], text: str) -> None:
        boundary, booking = claimed.judged.boundary, claimed.judged.booking
        if booking.id in self._canceled:
            self.broken("what was canceled never runs", text, booking.id)
        if boundary.try_ == 0 and booking.state not in ORCHESTRATED:
            self.broken("only a confirmed booking runs", f"{text} in {booking.state}", booking.id)
        if claimed.began_us < boundary.due_us:
            self.broken(_NOT_EARLY, text, booking.id)
        if self._now > boundary.due_us and self._now not in self.stirred:
            late = (self._now - boundary.due_us) / 1e6
            self.broken("what is due and free is claimed at once", f"{text} {late:g} s late for no reason", booking.id)
        for other in list(self._open.values()):
            shared = devices & other.devices
            if other.boundary.event.direction is Direction.ASIDE or not (shared or other.booking.id == booking.id):
                continue
            if other.engine not in self.awake():
                self._taken_over(other)
            elif other.booking.id == booking.id:
                self.broken("one run at a time per booking", f"{text} while {other.boundary.event.name}", booking.id)
            else:
                where = f"{text} on {', '.join(sorted(shared))}, where {other.booking.name} runs"
                self.broken("one owner at a time per device", where, booking.id)

    def _taken_over(self, run: _Open) -> None:
        """Its engine is gone and another run is in its place: the claim has settled it, or ``look`` will find it."""
        run.ended_us = self._now
        del self._open[run.boundary.key]

    def _written(self, run: _Open, row: StepBegin | StepEnd | Settlement) -> None:
        if self._now < run.boundary.due_us:
            self.broken(_NOT_EARLY, f"{run.booking.name} {run.boundary.event.name}", run.booking.id)
        match row:
            case StepBegin():
                if row.name in run.done:
                    self.broken("what is done is not repeated", f"{run.booking.name} step {row.name}", run.booking.id)
            case StepEnd():
                if row.state is StepState.DONE:
                    run.done.add(row.name)
            case Settlement():
                self._settled(run, row)

    def _settled(self, run: _Open, row: Settlement) -> None:
        run.ended_us = self._now
        self.stirred.add(self._now)
        del self._open[run.boundary.key]
        text = f"{run.booking.name} {run.boundary.event.name} {row.outcome.value} {row.message}".rstrip()
        self.story.tell("settle", text, run.booking.id)
        if _loads(run.claimed):
            if row.outcome is Outcome.OK and isinstance(row.decision, Run) and row.decision.target == STOP:
                self._up.discard(run.booking.id)
        elif row.outcome is Outcome.OK and run.scripts[-1:] != [True]:
            self.broken("a success is a script that returned", text, run.booking.id)

    def played(self, event: str, booking: str, *, returned: bool) -> None:
        """A script has ended; told by the script itself."""
        for run in self._open.values():
            if run.booking.id == booking and run.boundary.event.name == event:
                run.scripts.append(returned)

    # what the tables say

    async def look(self, rig: InlineSet) -> None:
        """Look at all that is alive. To be called when all of an instant has happened."""
        self._now = rig.clock.now_us()
        while changes := await rig.store.feed.read(self._cursor, 500):
            for change in changes:
                self._changed(change)
            self._cursor = changes[-1].position
        lives = await rig.store.read(self._lives)
        if rig.engine is not None:
            self._look_for_stuck(lives)
        for booking, boundaries in lives:
            self._look_at(booking, boundaries)
        self._live = {booking.id for booking, boundaries in lives if not _over(booking, boundaries)}

    def _changed(self, change: Change) -> None:
        if not change.kind.startswith("booking."):
            return
        self._live.add(change.subject)
        if change.kind not in ("booking.created", "booking.state"):
            return
        ident, before = change.subject, self._states.get(change.subject, "")
        self._states[ident] = change.after
        self.story.tell("state", f"{ident[-6:]} {change.before} -> {change.after} ({change.cause}) {change.why}", ident)
        if change.kind == "booking.created":
            if change.after != LIFE_CYCLE.initial:
                self.broken("a booking begins Partial", change.after, ident)
            return
        if change.before != before:
            self.broken("the change log is a chain", f"{before}, then {change.before} -> {change.after}", ident)
        if (change.before, change.after) not in EDGES:
            self.broken("what the table does not list cannot happen", f"{change.before} -> {change.after}", ident)
        if change.after == State.COMPLETED and ident in self._up and change.cause != Trigger.ACKNOWLEDGE:
            self.broken("a list that is Completed is down", f"{change.cause} {change.why}".rstrip(), ident)
        if change.after == State.CANCELED:
            self._canceled.add(ident)

    def _lives(self, tx: Tx) -> list[Life]:
        found = []
        for ident in sorted(self._live):
            booking = tx.bookings.get(ident)
            found.append((booking, tx.boundaries.of(booking.key)))
        return found

    def _look_at(self, booking: Booking, boundaries: list[Boundary]) -> None:
        if self._states.get(booking.id) != booking.state:
            text = f"{self._states.get(booking.id)} in the log, {booking.state} in the table"
            self.broken("every change of state is in the change log", text, booking.id)
        ran = [b for b in boundaries if b.kind in STANDARD and b.began_us is not None and b.try_ == 0]
        if [b.began_us for b in ran] != sorted(b.began_us or 0 for b in ran):
            self.broken("events run in order", ", ".join(b.kind for b in ran), booking.id)
        for boundary in boundaries:
            if boundary.kind in STANDARD:
                self._look_at_boundary(booking, boundary)

    def _look_at_boundary(self, booking: Booking, boundary: Boundary) -> None:
        before = self._begun.get((booking.id, boundary.kind))
        if before is not None:
            fixed = (boundary.planned_us, boundary.generation) == (before.planned_us, before.generation)
            if not fixed or (before.try_ == boundary.try_ and boundary.state not in BEGUN):
                text = f"{boundary.kind}: {before.state} {before.planned_us} -> {boundary.state} {boundary.planned_us}"
                self.broken("an event that ran never moves nor runs again", text, booking.id)
            if before.state is BoundaryState.DONE and boundary.state is not BoundaryState.DONE:
                self.broken("what is done stays done", f"{boundary.kind} is {boundary.state}", booking.id)
        if boundary.state in BEGUN:
            self._begun[booking.id, boundary.kind] = boundary

    def _look_for_stuck(self, lives: list[Life]) -> None:
        every = {b.key: b for _, boundaries in lives for b in boundaries}
        running = [b for b in every.values() if b.state is BoundaryState.RUNNING]
        for boundary in running:
            run = self._open.get(boundary.key)
            if run is None or run.engine not in self.awake():
                text = f"{boundary.kind} of booking {boundary.booking} belongs to {run.engine if run else 'nobody'}"
                self.broken("what runs is carried out", text, run.booking.id if run else "")
        if len(running) >= self.bound:
            return
        for booking, boundaries in lives:
            first = next((b for b in boundaries if b.kind in STANDARD and b.state in OPEN), None)
            waits = first is not None and first.state is BoundaryState.ARMED and first.due_us <= self._now
            due = waits and (booking.state in ORCHESTRATED or (first is not None and first.try_ > 0))
            if due and first is not None and not self._excused(first, every):
                text = f"{booking.name} {first.kind}, due {first.due_us}, now {self._now}, waits for {first.waits_for}"
                self.broken("what is due and free is claimed at once", text, booking.id)

    def _excused(self, boundary: Boundary, every: Mapping[int, Boundary]) -> bool:
        """Does a chain of waiting end at something that runs?"""
        seen = set()
        while boundary.waits_for is not None and boundary.key not in seen:
            seen.add(boundary.key)
            rival = every.get(boundary.waits_for)
            if rival is None:
                return False
            if rival.state is BoundaryState.RUNNING:
                return True
            boundary = next(b for b in every.values() if b.booking == rival.booking and b.state in OPEN)
            if boundary.state is BoundaryState.RUNNING:
                return True
        return False

    # what the devices and the scripts say

    def look_at_devices(self, rig: InlineSet, names: Iterable[str]) -> None:
        """Each effect on a device belongs to a run that was under way, of the booking that its key names."""
        for name in names:
            entries = rig.devices.applied(name)
            for entry in entries[self._seen.get(name, 0) :]:
                boundary, generation, try_, _ = entry.key.split(":", 3)
                run = self._runs.get((int(boundary), int(generation), int(try_)))
                late = entry.what == "arrived"
                if run is None or (not late and not run.began_us <= entry.at_us <= (run.ended_us or self._now)):
                    self.broken("a device is touched by a run alone", f"{name}: {entry}", name)
            self._seen[name] = len(entries)

    def look_at_switches(self, keys: Mapping[str, int]) -> None:
        """A step with a probe took effect once."""
        for key, times in keys.items():
            if times > 1:
                self.broken("a step with a probe takes effect once", f"{key} {times} times")

    def look_at_the_end(self, lives: Iterable[Booking]) -> None:
        """Nothing is left over."""
        for booking in lives:
            if booking.phase is Phase.RUNNING or booking.state is State.CONFIRMED:
                self.broken("every life comes to its end", f"{booking.name} is {booking.state}", booking.id)


def _loads(claimed: Claimed) -> bool:
    """Is it the load of a free list, which no script of the cast carries out?"""
    return isinstance(claimed.decision, Run) and claimed.decision.script == FREE_LIST


def _over(booking: Booking, boundaries: list[Boundary]) -> bool:
    return booking.state in ENDED and not any(b.state in OPEN for b in boundaries)
