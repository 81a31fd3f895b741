# SPDX-License-Identifier: Apache-2.0
"""A second, small and slow engine: what one booking on a resource of its own must do, second by second.

It is written from the contract (SPEC 3.1, 3.2, 5, 11), knows nothing of boundaries, tables or tasks, and is asked what
the real one must answer. Times are seconds from the full hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

SLOW = 30.37
"""Seconds of a slow script: never a whole one, so that its end meets no event."""
LIMIT = 600.11
"""Time-out of a script."""
UP, DOWN = ("warm-up", "on-air"), ("wind-down", "reset")
SCRIPTS = (*UP, *DOWN)
REACHED = {"warm-up": "Pre-roll", "on-air": "Service Active", "wind-down": "Post-roll", "reset": "Completed"}
FAILED = {
    "warm-up": "Failed Service Pre-Roll",
    "on-air": "Failed Service Active",
    "wind-down": "Failed Service Post-Roll",
    "reset": "Failed Completed",
}
WAITING = ("Partial", "Confirmed", "On-Hold")
OVER = ("Completed", "Canceled", "Failed", "Failed Completed")


class No(Exception):
    """The contract refuses it."""


@dataclass
class Event:
    """One of the four."""

    script: str
    state: str = "open"
    """open, running, done, failed, or never."""
    retry: str = ""
    """Why it is open again: ``retry``, or ``mend`` on the way to a later one."""
    since: float = 0.0
    """It cannot begin before; of a retry."""


@dataclass
class Run:
    """A script under way."""

    event: Event
    ends: float
    ok: bool
    conduct: str


@dataclass
class Model:
    """One booking."""

    start: float
    end: float | None
    pre: float
    post: float
    conduct: dict[str, str]
    """Script -> ok, fail, slow or hang."""
    now: float
    state: str = "Partial"
    began: bool = False
    aborted: float | None = None
    """When it was finished in pre-roll."""
    finished: bool = False
    """It was finished later: its post-roll ends with what is done in it."""
    events: list[Event] = field(default_factory=lambda: [Event(script) for script in SCRIPTS])
    run: Run | None = None
    up: bool = True
    """Is there an engine?"""
    history: list[tuple[float, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Scripts that were called, in order; one that is resumed is called again."""

    def __post_init__(self) -> None:
        self.history.append((self.now, self.state))

    # time

    def due(self, event: Event) -> float | None:
        """When an event is to begin; None: never."""
        if event.retry:
            return event.since
        if event.script == "reset" and self.aborted is not None:
            return self.aborted
        times = {"warm-up": self.start - self.pre, "on-air": self.start}
        if self.end is not None:
            times |= {"wind-down": self.end, "reset": self.end + self.post}
        return times.get(event.script)

    def play(self, until: float) -> None:
        """All that happens up to an instant."""
        while self.up and (at := self._next()) is not None and at <= until:
            self.now = max(self.now, at)
            if self.run is not None:
                self._end(self.run)
            else:
                self._begin(self._first())
        self.now = until

    def _first(self) -> Event:
        return next(e for e in self.events if e.state == "open")

    def _next(self) -> float | None:
        if self.run is not None:
            return min(filter(lambda t: t is not None, (self.run.ends, self._cut(self.run))))
        if not any(e.state == "open" for e in self.events):
            return None
        event = self._first()
        if not event.retry and (self.state in ("Partial", "On-Hold") or self.state in OVER):
            return None
        return self.due(event)

    def _cut(self, run: Run) -> float | None:
        """When a down event stops an up run."""
        if run.event.script in DOWN:
            return None
        downs = [self.due(e) for e in self.events if e.script in DOWN and e.state == "open"]
        return min((d for d in downs if d is not None), default=None)

    def _begin(self, event: Event) -> None:
        late = event.script in UP and self.end is not None and self.now >= self.end
        if late:
            if event.script == "warm-up" and not event.retry:
                self._move("Failed")
                self.began = True
                for other in self.events:
                    other.state = "never"
                event.state = "failed"
                return
            self._settle(event, ok=False)
            return
        self.began = True
        event.state = "running"
        self._call(event, resumed=False)

    def _call(self, event: Event, *, resumed: bool) -> None:
        self.calls.append(event.script)
        conduct = self.conduct[event.script]
        if conduct == "hang" and resumed:
            self.run = Run(event, self.now, ok=False, conduct=conduct)
        else:
            lasts = {"slow": SLOW, "hang": LIMIT}.get(conduct, 0.0)
            self.run = Run(event, self.now + lasts, ok=conduct in ("ok", "slow"), conduct=conduct)

    def _end(self, run: Run) -> None:
        cut = self._cut(run)
        stopped = cut is not None and cut <= self.now and self.now < run.ends
        self.run = None
        self._settle(run.event, ok=run.ok and not stopped)

    def _settle(self, event: Event, *, ok: bool) -> None:
        retry, event.retry = event.retry, ""
        event.state = "done" if ok else "failed"
        if retry == "mend":
            if not ok:
                for other in self.events:
                    if other.retry:
                        other.state, other.retry = "failed", ""
            return
        self._move(REACHED[event.script] if ok else self.state if retry else FAILED[event.script])

    def _move(self, state: str) -> None:
        if state == "Post-roll" and self.finished and self.end is not None:
            self.post = min(self.post, max(0.0, float(ceil(self.now)) - self.end))
        self.state = state
        self.history.append((round(self.now, 6), state))

    # the engine

    def crash(self) -> None:
        """The engine dies; scripts die with it."""
        self.up = False

    def restart(self) -> None:
        """Another one goes on: what was under way is called again, unless its down event is due."""
        self.up = True
        if self.run is None:
            return
        cut = self._cut(self.run)
        if cut is not None and cut <= self.now:
            run, self.run = self.run, None
            self._settle(run.event, ok=False)
        else:
            self._call(self.run.event, resumed=self.run.conduct == "hang")

    # people

    def _is(self, script: str, *states: str) -> bool:
        return next(e for e in self.events if e.script == script).state in states

    @property
    def running(self) -> bool:
        """From the first event to the last."""
        return self.began and self.state not in OVER

    def confirm(self) -> None:
        if self.began or self.state not in ("Partial", "On-Hold") or (self.end is not None and self.now >= self.end):
            raise No
        self._move("Confirmed")

    def hold(self) -> None:
        if self.began or self.state not in ("Partial", "Confirmed"):
            raise No
        self._move("On-Hold")

    def cancel(self) -> None:
        if self.began or self.state not in WAITING:
            raise No
        self._move("Canceled")
        for event in self.events:
            event.state = "never"

    def finish(self) -> None:
        if not self.running or self._leaving():
            raise No
        self.finished = self._begun("on-air")
        if self._begun("wind-down"):
            assert self.end is not None
            self.post = self._whole() - self.end
        elif self._begun("on-air"):
            end = max(self._whole(), self.start + 1)
            self.end = end if self.end is None else min(self.end, end)
        else:
            self.aborted = self.now
            for event in self.events[1:3]:
                event.state = "never"
            for event in self.events:
                if event.retry and event.state == "open":
                    event.state, event.retry = "failed", ""

    def _leaving(self) -> bool:
        if self.aborted is not None or self._begun("reset"):
            return True
        last = self.post if self._begun("wind-down") or not self.finished else 0
        return self.end is not None and self.end + last <= self._whole()

    def _whole(self) -> float:
        return float(self.now // 1)

    def _begun(self, script: str) -> bool:
        event = next(e for e in self.events if e.script == script)
        return event.state in ("running", "done", "failed") or bool(event.retry)

    def retime(self, start: float, end: float | None, post: float) -> None:
        """Edit start, end and length of the post-roll."""
        moved = (start, end, post) != (self.start, self.end, self.post)
        frozen = [
            end is not None and end <= start,
            self._begun("warm-up") and start != self.start,
            self._begun("wind-down") and end != self.end,
            self._begun("reset") and post != self.post,
            self._begun("warm-up") and end is not None and end != self.end and end < self.now
            and not self._begun("wind-down"),
            end is None and post > 0,
            self.aborted is not None and moved,
            self.state in OVER,
        ]  # fmt: skip
        if any(frozen):
            raise No
        self.start, self.end, self.post = start, end, post
        self.finished &= not moved
        if moved and self.state == "Confirmed" and not self.began and end is not None and end <= self.now:
            self._move("Partial")

    def retry(self) -> None:
        failed = self._failed()
        over = self.end is not None and self.now >= self.end
        if over and failed[-1].script in UP:
            raise No
        for event in failed:
            if over and event.script in UP:
                continue
            event.state, event.since = "open", self.now
            event.retry = "retry" if event is failed[-1] else "mend"

    def acknowledge(self) -> None:
        failed = self._failed()
        for event in failed:
            event.state = "done"
        self._move(REACHED[failed[-1].script])

    def _failed(self) -> list[Event]:
        if not self.state.startswith("Failed ") or self.run is not None or any(e.retry for e in self.events):
            raise No
        return [e for e in self.events if e.state == "failed"]
