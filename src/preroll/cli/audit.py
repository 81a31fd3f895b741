# SPDX-License-Identifier: Apache-2.0
"""``preroll audit``: is a booking's service really up? Looks now, and shows what every check found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Client
    from preroll.client.things import Audits

EVERY = 0.2
"""Seconds between two questions whether it is over."""
HEAD = ("check", "state", "what", "expected", "found", "when")


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, audit)
    option = parser.add_argument
    option("booking", metavar="BOOKING", help="its id, or its whole name")
    option("--last", action="store_true", help="only show what the last audit found")
    option("--wait", metavar="LENGTH", default="2m", help="how long to wait for the checks; default: 2m")
    parser.asks_server()
    return parser


def audit(booking: str, server: str, *, last: bool, wait: str, as_json: bool) -> None:
    """Make all checks of a running booking now, and show what each looked at, expected and found."""
    from preroll.cli import words
    from preroll.cli.connect import booking_id, connected
    from preroll.cli.exits import NOT_WELL, Failure
    from preroll.client import calls

    patience = words.seconds(wait, "--wait")
    with connected(server) as client:
        ident = booking_id(client, booking)
        if not last:
            client.send(calls.audit_booking(ident))
        found = client.send(calls.booking_audits(ident)) if last else _when_over(client, ident, patience)
    show(found, as_json=as_json)
    if not last and not found.rounds:
        raise Failure(NOT_WELL, "no check was made: the booking has gone on meanwhile", "preroll booking show tells")
    newest = found.rounds[0] if found.rounds else None
    if newest is not None and (newest.status in ("Down", "Pending") or newest.configuration == "out of sync"):
        raise Failure(NOT_WELL, _verdict(found), "the table tells what each check expected and found")


def _when_over(client: Client, ident: str, patience: int) -> Audits:
    import time

    from preroll.cli.exits import UNAVAILABLE, Failure
    from preroll.client import calls

    until = time.monotonic() + patience
    while (found := client.send(calls.booking_audits(ident))).waiting:
        if time.monotonic() >= until:
            hint = "preroll audit BOOKING --last shows it when it is over; is the engine running? preroll doctor"
            raise Failure(UNAVAILABLE, f"the checks are not over after {patience} s", hint)
        time.sleep(EVERY)
    return found


def show(found: Audits, *, as_json: bool) -> None:
    """What the newest round found, check by check."""
    from preroll.cli import output

    if as_json:
        output.as_json(found)
        return
    if not found.rounds:
        output.table(HEAD, (), empty="nothing was audited yet")
        return
    newest = found.rounds[0]
    rows = [(c.name, c.state or "waits", c.what, c.expected, c.message or c.found, c.at) for c in newest.checks]
    output.table(HEAD, rows, empty="no check was made")
    output.fields(
        [
            ("service", newest.status), ("devices", newest.configuration), ("in state", newest.service_state),
            ("asked", newest.asked), ("run", newest.run),
            ("now", "" if found.known is None else f"{found.known.status}, devices {found.known.configuration}"),
        ]
    )  # fmt: skip


def _verdict(found: Audits) -> str:
    newest = found.rounds[0]
    words = [f"the service is {newest.status}" if newest.status else ""]
    words += [f"its devices are {newest.configuration}" if newest.configuration else ""]
    return ", ".join(word for word in words if word)
