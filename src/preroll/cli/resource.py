# SPDX-License-Identifier: Apache-2.0
"""``preroll resource``: what can be booked."""

from __future__ import annotations

from preroll.cli.options import SERVER, AsJson, Platform, Server, group

app = group("What can be booked.")


@app.callback()
def _group() -> None:
    pass


@app.command("list")
def list_(platform: Platform = "default", server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """All resources of a platform."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_catalogue("resources", platform=platform)))
    if as_json:
        output.as_json(found)
        return
    rows = [(r["name"], r["function"], r["driver"], r["concurrency"], r["mode"], r["id"]) for r in found]
    output.table(("name", "function", "driver", "at once", "mode", "id"), rows, empty="no resources")
