# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: the bookings as they are now, and what has happened, read over the API."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from preroll.client import AsyncClient, Call, Problem, Unreachable, calls, orders
from preroll.client.orders import OrderSummary
from preroll.client.things import BookingSummary, Change, Run
from preroll.client.things import Line as LogLine
from preroll.demo.cast import PLATFORM

PACE = 0.3
"""Seconds between two looks."""
KEPT = 200
"""How many lines are remembered."""


class Engine(StrEnum):
    """What the server does, as the demo knows."""

    STARTING = "starting"
    RUNNING = "running"
    DEAD = "killed with SIGKILL"


class Voice(StrEnum):
    """Who says a line."""

    STORY = "story"
    """The demo: what it does next."""
    STATE = "state"
    """The change log: a booking has another state."""
    ACTION = "action"
    """The change log: somebody did something."""
    LOG = "log"
    """The action log: a script or the engine tells."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened."""

    seconds: float
    """Since the demo began."""
    voice: Voice
    text: str
    booking: str = ""
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Board:
    """Everything on the screen."""

    url: str
    tell: Callable[[Line], None] = lambda _: None
    """Called with each new line."""
    engine: Engine = Engine.STARTING
    pid: int = 0
    bookings: list[BookingSummary] = field(default_factory=list)
    orders: list[OrderSummary] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)
    """Booking id -> the step that it takes now."""
    notes: dict[str, str] = field(default_factory=dict)
    """Booking's name -> what the demo has to say about it now."""
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=KEPT))
    began: float = field(default_factory=time.monotonic)
    turned: asyncio.Condition = field(default_factory=asyncio.Condition)
    _position: str = ""
    _logged: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        """Tell what the demo does."""
        self._add(Line(self.seconds, Voice.STORY, text))

    def booking(self, name: str) -> BookingSummary | None:
        """As it was at the last look."""
        return next((b for b in self.bookings if b.name == name), None)

    async def until(self, name: str, *states: str, within: float) -> BookingSummary:
        """Wait until a booking has one of these states.

        Raises:
            TimeoutError: it does not, in so many seconds; tells which state it has.
        """

        def there() -> bool:
            return (found := self.booking(name)) is not None and found.state in states

        try:
            async with asyncio.timeout(within), self.turned:
                await self.turned.wait_for(there)
        except TimeoutError:
            found = self.booking(name)
            state = found.state if found else "not there"
            raise TimeoutError(f"{name} is {state} and not {' or '.join(states)} after {within:.0f} s") from None
        found = self.booking(name)
        assert found is not None  # noqa: S101 - it is there
        return found

    async def watch(self, client: AsyncClient) -> None:
        """Look, again and again."""
        while True:
            with suppress(Unreachable, Problem):  # the engine is dead, or on its way
                await self.look(client)
            async with self.turned:
                self.turned.notify_all()
            await asyncio.sleep(PACE)

    async def look(self, client: AsyncClient) -> None:
        """Read what is new."""
        self.bookings = (await client.send(calls.list_bookings(platform=PLATFORM))).items
        self.orders = (await client.send(orders.list_orders(platform=PLATFORM))).items
        names = {b.id: b.name for b in self.bookings} | {order.id: order.name for order in self.orders}
        page = await client.send(calls.list_changes(after=self._position, platform=PLATFORM))
        for change in page.items:
            self._changed(change, names.get(change.id, ""))
        self._position = page.next or self._position
        self.steps = {b.id: _step(await client.send(calls.booking_runs(b.id))) for b in self.bookings if b.entering}
        for booking in self.bookings:
            if booking.phase == "running" or booking.entering or booking.id in self._logged:
                await self._read_log(client, booking, calls.booking_log(booking.id))
        for order in self.orders:
            if order.state != "Requested" or order.id in self._logged:
                await self._read_log(client, order, orders.order_log(order.id))

    async def _read_log(
        self, client: AsyncClient, logged: BookingSummary | OrderSummary, call: Call[list[LogLine]]
    ) -> None:
        lines = await client.send(call)
        for line in lines[self._logged.get(logged.id, 0) :]:
            if line.severity != "debug":
                self._add(Line(self._when(line.at), Voice.LOG, line.text, logged.name))
        self._logged[logged.id] = len(lines)

    def _changed(self, change: Change, name: str) -> None:
        if not name:
            return
        seconds = self._when(change.at)
        if change.kind in ("booking.created", "booking.state"):
            cause = change.cause.split(" ")[0] or "book"  # an event's run is named behind it
            line = Line(seconds, Voice.STATE, cause, name, change.before, change.after)
        else:
            turn = f" {change.before} → {change.after}" if change.after else ""
            line = Line(seconds, Voice.ACTION, change.kind.removeprefix("booking.").replace(".", " ") + turn, name)
        self._add(line)

    def _when(self, at: datetime) -> float:
        return self.seconds - (datetime.now(UTC) - at).total_seconds()

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        self.tell(line)


def _step(runs: list[Run]) -> str:
    """The step that the latest run takes."""
    open_steps = [s.name for run in runs[-1:] for s in run.steps if s.state == "begun"]
    return open_steps[-1] if open_steps else ""
