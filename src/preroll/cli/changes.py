# SPDX-License-Identifier: Apache-2.0
"""``preroll changes``: the change log, once or as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from preroll.cli.options import SERVER, AsJson, Server, group

if TYPE_CHECKING:
    from preroll.client.things import Change

app = group("Who changed what, when and why.")

HEAD = ("at", "what", "id", "from", "to", "who", "why")


@app.command()
def changes(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as changes happen, until Ctrl-C")] = False,  # noqa: FBT002
    after: Annotated[str | None, typer.Option(help="a position; empty: from the beginning", metavar="POSITION")] = None,
    platform: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    server: Server = SERVER,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Who changed what, when and why; with --follow as it happens, one line each."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        if follow:
            for change in client.follow(after, platform=platform):
                output.line_of_json(change) if as_json else output.line(row(change))
            return
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
    return c.at, c.kind, c.id, c.before, c.after, c.actor, c.why or c.cause
