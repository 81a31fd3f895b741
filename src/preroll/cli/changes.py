# SPDX-License-Identifier: Apache-2.0
"""``preroll changes``: the change log, once or as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client.things import Change

RESTART_S = 120.0
"""How long a follower waits for a server that was there."""
HEAD = ("at", "what", "name", "from", "to", "who", "why")


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, changes)
    told = "go on as changes happen, until Ctrl-C"
    parser.add_argument("--follow", "-f", action="store_true", help=told)
    told = "a position; empty: from the beginning; left out: with --follow from now on"
    parser.add_argument("--after", metavar="POSITION", help=told)
    parser.add_argument("--platform", metavar="NAME", help="only of this platform")
    parser.asks_server()
    return parser


def changes(after: str | None, platform: str | None, server: str, *, follow: bool, as_json: bool) -> None:
    """Who changed what, when and why; with --follow as it happens, one line each."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    if follow:
        with connected(server) as client:
            client.send(calls.ready())
        with connected(server, patience=RESTART_S) as client:
            for change in client.follow(after, platform=platform):
                output.line_of_json(change) if as_json else output.line(row(change))
    with connected(server) as client:
        page = client.send(calls.list_changes(after=after or "", platform=platform, limit=500))
        found = list(page.items)
        while page.items:
            page = client.send(calls.list_changes(after=page.next or "", platform=platform, limit=500))
            found += page.items
    if as_json:
        output.as_json(found)
    else:
        output.table(HEAD, [row(change) for change in found], empty="no changes")


def row(c: Change) -> tuple[object, ...]:
    """A change as a row under HEAD."""
    return c.at, c.kind, c.name or c.id, c.before, c.after, c.actor, c.why or c.cause
