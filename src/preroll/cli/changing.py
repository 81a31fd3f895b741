# SPDX-License-Identifier: Apache-2.0
"""``preroll booking``: commands that change when a booking is, what it is called, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from preroll.cli.parser import A_LENGTH, A_TIME, Parser

if TYPE_CHECKING:
    from preroll.client.calls import Call
    from preroll.client.things import Booking

A_CLOCK = f"{A_TIME}, or 21:30 on the clocks of the booking's zone"
FORCE = "do it in spite of conflicts; who must yield is quarantined"


def define(parser: Parser) -> None:
    """Add the commands to ``preroll booking``."""
    start_now_ = command(parser, "start-now", start_now)
    start_now_.add_argument("--pre-roll", metavar="LENGTH", help=f"another length of it: {A_LENGTH}")
    extend_ = command(parser, "extend", extend)
    extend_.add_argument("--by", metavar="LENGTH", help=A_LENGTH)
    extend_.add_argument("--until", metavar="TIME", help=A_CLOCK)
    adjust_ = command(parser, "adjust", adjust)
    adjust_.add_argument("--start", metavar="TIME", help=A_CLOCK)
    adjust_.add_argument("--end", metavar="TIME", help=f"{A_CLOCK}, or never: permanent")
    adjust_.add_argument("--pre-roll", metavar="LENGTH", help=A_LENGTH)
    adjust_.add_argument("--post-roll", metavar="LENGTH", help=A_LENGTH)
    move_ = command(parser, "move", move)
    move_.add_argument("--by", metavar="LENGTH", help=f"later, or earlier with a minus (--by=-15m): {A_LENGTH}")
    move_.add_argument("--start", metavar="TIME", help=A_CLOCK)
    duplicate_ = command(parser, "duplicate", duplicate)
    duplicate_.add_argument("--name", metavar="NAME", help="its name; default: the original's with Copy")
    duplicate_.add_argument("--start", metavar="TIME", help=A_CLOCK)
    duplicate_.add_argument("--id", dest="ident", metavar="UUID", help="a UUID of your own")
    for timed in (start_now_, extend_, adjust_, move_, duplicate_):
        timed.add_argument("--force", action="store_true", help=FORCE)
    command(parser, "rename", rename).add_argument("name", metavar="NAME", help="its new name")
    setting = command(parser, "set", set_)
    setting.add_argument("prop", metavar="NAME=VALUE", nargs="+", help="a property; null takes it away")
    command(parser, "delete", delete)


def command(parser: Parser, word: str, does: Callable[..., None], about: str = "") -> Parser:
    """Add one that is about a booking, on a revision of it if one is named."""
    added = parser.command(word, does, about)
    added.add_argument("booking", metavar="BOOKING", help="its id, or its whole name")
    added.is_guarded()
    return added


def start_now(booking: str, *, pre_roll: str | None, force: bool, **where: Any) -> None:
    """Begin a confirmed booking's pre-roll now; the end stays."""
    from preroll.cli import words

    body = {"pre_roll": words.seconds(pre_roll, "--pre-roll")} if pre_roll else {}
    act(booking, lambda _: ("start-now", {**body, "force": force}), **where)


def extend(booking: str, *, by: str | None, until: str | None, force: bool, **where: Any) -> None:
    """Have a running booking end later; in post-roll, post-roll is prolonged."""
    from preroll.cli import words
    from preroll.cli.exits import USAGE, Failure

    if (by is None) == (until is None):
        raise Failure(USAGE, "either --by or --until is needed", "such as --by 15m, or --until 21:30")

    def asked(b: Booking) -> tuple[str, dict[str, Any]]:
        if by is not None:
            return "extend", {"by": words.seconds(by, "--by"), "force": force}
        return "extend", {"until": words.clock(until or "", b.zone, b.end or b.start, "--until"), "force": force}

    act(booking, asked, **where)


def adjust(
    booking: str,
    *,
    start: str | None,
    end: str | None,
    pre_roll: str | None,
    post_roll: str | None,
    force: bool,
    **where: Any,
) -> None:
    """Change its times; while it runs only the end, and in post-roll only how long that lasts."""
    from preroll.cli import words

    def asked(b: Booking) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"force": force}
        begins = b.start - timedelta(seconds=b.pre_roll)
        if start is not None:
            body["start"] = words.clock(start, b.zone, begins, "--start")
        if end is not None:
            body["end"] = None if end == "never" else words.clock(end, b.zone, b.start, "--end")
        if pre_roll is not None:
            body["pre_roll"] = words.seconds(pre_roll, "--pre-roll")
        if post_roll is not None:
            body["post_roll"] = words.seconds(post_roll, "--post-roll")
        return "adjust", body

    act(booking, asked, **where)


def move(booking: str, *, by: str | None, start: str | None, force: bool, **where: Any) -> None:
    """Move it in time, with all its lengths: by so much, or to another start."""
    from datetime import datetime

    from preroll.cli import words
    from preroll.cli.exits import USAGE, Failure

    if (by is None) == (start is None):
        raise Failure(USAGE, "either --by or --start is needed", "such as --by 15m, or --start 21:30")

    def asked(b: Booking) -> tuple[str, dict[str, Any]]:
        if by is not None:
            away = timedelta(seconds=words.seconds(by.lstrip("+-"), "--by")) * (-1 if by.startswith("-") else 1)
        else:
            to = words.clock(start or "", b.zone, b.start - timedelta(seconds=b.pre_roll), "--start")
            away = datetime.fromisoformat(to) - b.start
        moved = {"start": b.start + away} | ({} if b.end is None else {"end": b.end + away})
        return "adjust", {**moved, "force": force}

    act(booking, asked, guarded=True, **where)


def duplicate(
    booking: str, *, name: str | None, start: str | None, ident: str | None, force: bool, **where: Any
) -> None:
    """Book the same once more; prints the new booking."""
    from preroll.cli import words

    def asked(b: Booking) -> tuple[str, dict[str, Any]]:
        when = words.clock(start, b.zone, b.start, "--start") if start else None
        return "duplicate", {"name": name, "start": when, "id": ident, "force": force}

    act(booking, asked, **where)


def rename(booking: str, name: str, **where: Any) -> None:
    """Give it another name."""
    act(booking, lambda _: ("rename", {"name": name}), **where)


def set_(booking: str, prop: list[str], *, revision: int | None, server: str, as_json: bool) -> None:
    """Change properties, leave the others; NAME=null takes one away. In every state."""
    from preroll.cli import words
    from preroll.client import calls

    values = words.values(prop, "NAME=VALUE")
    _send(booking, lambda ident: calls.set_properties(ident, values, seen=revision), server, as_json=as_json)


def delete(booking: str, *, revision: int | None, server: str, as_json: bool) -> None:
    """Hide a booking that has ended and is reset; its runs, log and changes can still be read by its id."""
    from preroll.client import calls

    _send(booking, lambda ident: calls.delete_booking(ident, seen=revision), server, as_json=as_json)


def _send(booking: str, call: Callable[[str], Call[Booking]], server: str, *, as_json: bool) -> None:
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected

    with connected(server) as client:
        found = client.send(call(booking_id(client, booking)))
    shown.show(found, as_json=as_json)


def act(
    booking: str,
    asked: Callable[[Booking], tuple[str, dict[str, Any]]],
    *,
    revision: int | None,
    server: str,
    as_json: bool,
    guarded: bool = False,
) -> None:
    """Carry out an action that is put together from the booking as it is.

    Args:
        guarded: refused when the booking was changed in between.
    """
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        seen = client.send(calls.get_booking(booking_id(client, booking)))
        action, body = asked(seen)
        revision = seen.revision if guarded and revision is None else revision
        found = client.send(calls.command(seen.id, action, body, seen=revision))
    shown.show(found, as_json=as_json)
