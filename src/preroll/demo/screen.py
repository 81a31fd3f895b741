# SPDX-License-Identifier: Apache-2.0
"""The demo's picture in the terminal: a live table, or plain lines where nobody watches; and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from preroll.client.things import BookingSummary
from preroll.demo.board import Board, Engine, Line, Voice
from preroll.demo.palette import look
from preroll.demo.ruling import Verdict
from preroll.demo.timing import Timing

LINES = 9
"""How many of the last lines stand below the table."""
MINUTES = 180
"""From so many seconds on they are told in minutes."""
SERVICE_STYLES = {"START": "bold green", "STANDBY": "cyan", "PAUSE": "magenta", "FAILED": "bold red"}
OK, LATE, FAILED = Text("OK", "bold green"), Text("LATE", "bold yellow"), Text("FAILED", "bold red")
ENGINE_STYLES = {Engine.STARTING: "yellow", Engine.RUNNING: "green", Engine.DEAD: "bold red"}


@contextmanager
def shown(board: Board, console: Console, *, plain: bool) -> Iterator[Callable[[], None]]:
    """Show the board while the story goes on: live, or line by line. What is yielded ends that: the picture stays."""
    if plain:
        board.tell = lambda line: console.print(plain_line(line), soft_wrap=True, highlight=False)
        yield lambda: None
        return
    live = Live(get_renderable=lambda: picture(board), console=console, refresh_per_second=4)
    live.start()
    try:
        yield live.stop
    finally:
        live.stop()


def picture(board: Board, now: datetime | None = None) -> RenderableType:
    """The whole picture: head, bookings, last lines."""
    now = now or datetime.now(UTC)
    lines = [_line(line) for line in sorted(board.lines, key=lambda line: line.seconds)[-LINES:]]
    return Group(_head(board), _bookings(board, now), Padding(Group(*lines), (0, 0, 1, 1)))


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Each promise: what was expected, what was found."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, whole in (("", True), ("promise", True), ("expected", False), ("found", False)):
        table.add_column(name, no_wrap=whole)
    for v in verdicts:
        mark, style = (OK, "") if v.kept else (LATE, "yellow") if v.late else (FAILED, "red")
        table.add_row(mark, v.promise, Text(v.expected, "dim"), Text(v.found, style))
    return table


def timing_table(timings: Sequence[Timing]) -> Table:
    """Each event: planned, real, and by how much it was late."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("booking", "event", "planned", "began"):
        table.add_column(name)
    table.add_column("late, ms", justify="right")
    table.add_column("because")
    for t in timings:
        late = f"{t.late / timedelta(milliseconds=1):.0f}"
        began = f"{t.began:%H:%M:%S}.{t.began.microsecond // 1000:03}"
        table.add_row(t.booking, t.event, f"{t.planned:%H:%M:%S}", began, late, Text(t.because, "dim"))
    return table


def plain_line(line: Line) -> Text:
    """A line for a log."""
    return Text(f"{line.seconds:6.1f} s  ").append_text(_said(line))


def _head(board: Board) -> Text:
    engine = Text(f"● engine {board.engine.value}", ENGINE_STYLES[board.engine])
    pid = f" (process {board.pid})" if board.pid else ""
    return Text.assemble(("Preroll", "bold"), f"  {board.seconds:5.1f} s  ", engine, (f"{pid}  {board.url}", "dim"))


def _bookings(board: Board, now: datetime) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=True)
    for name, width in (("booking", 14), ("life cycle", 28), ("service", 7), ("next event", 21)):
        table.add_column(name, width=width, no_wrap=True)
    table.add_column("now", ratio=1, no_wrap=True)
    for booking in board.bookings:
        table.add_row(
            booking.name,
            chip(booking.state),
            Text(booking.service_state, SERVICE_STYLES.get(booking.service_state, "dim")),
            next_event(booking, now),
            _now(board, booking),
        )
    for order in board.orders[::-1]:
        due = Text(f"due in {_span(order.due - now)}" if order.due and order.due > now else "-", "dim")
        table.add_row(order.name, chip(order.state), Text("order", "dim"), due, Text(order.why))
    return table


def chip(state: str) -> Text:
    """A life cycle state: fill, glyph and text."""
    return Text.assemble((f" {look(state).glyph} {state} ", look(state).style))


def next_event(booking: BookingSummary, now: datetime) -> Text:
    """The next event of the timing, and how long it is until then."""
    if booking.phase == "ended":
        return Text("-", "dim")
    roll = timedelta(seconds=booking.pre_roll)
    events = [("pre-roll", booking.start - roll), ("on the air", booking.start)]
    if booking.end is not None:
        events += [("off the air", booking.end), ("end", booking.end + timedelta(seconds=booking.post_roll))]
    idle = booking.state not in ("Confirmed",) and booking.phase == "waiting"
    for name, at in events:
        if at > now:
            return Text(f"{name} in {_span(at - now)}", "dim" if idle else "")
    return Text("lapsed" if idle else "due", "dim" if idle else "yellow")


def _span(left: timedelta) -> str:
    seconds = left.total_seconds()
    return f"{seconds:.0f} s" if seconds < MINUTES else f"{seconds / 60:.0f} min"


def _now(board: Board, booking: BookingSummary) -> Text:
    if board.engine is Engine.DEAD and booking.phase == "running":
        return Text(f"nobody is there: {note}" if (note := board.notes.get(booking.name)) else "nobody is there", "red")
    if booking.entering:
        step = board.steps.get(booking.id, "")
        return Text(f"entering {booking.entering}" + (f": {step}" if step else ""), "yellow")
    return Text(board.notes.get(booking.name, ""))


def _line(line: Line) -> Text:
    return Text.assemble((f"{line.seconds:6.1f}  ", "dim"), _said(line), no_wrap=True, overflow="ellipsis")


def _said(line: Line) -> Text:
    who = f"{line.booking:<16}"
    match line.voice:
        case Voice.STORY:
            return Text(line.text, "bold")
        case Voice.STATE:
            before = [f"{look(line.before).glyph} {line.before} → "] if line.before else []
            after = f"{look(line.after).glyph} {line.after}"
            return Text.assemble(who, *before, (after, "bold"), (f"  ({line.text})", "dim"))
        case Voice.ACTION:
            return Text.assemble(who, line.text)
    return Text.assemble(who, (line.text, "yellow"))
