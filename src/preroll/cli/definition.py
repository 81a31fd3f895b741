# SPDX-License-Identifier: Apache-2.0
"""``preroll definition``: which services can be booked."""

from __future__ import annotations

from preroll.cli.options import SERVER, AsJson, Platform, Server, group

app = group("Which services can be booked.")


@app.callback()
def _group() -> None:
    pass


@app.command("list")
def list_(platform: Platform = "default", server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """All versions of the service definitions of a platform."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_catalogue("service-definitions", platform=platform)))
    if as_json:
        output.as_json(found)
        return
    rows = [(d["name"], d["revision"], d["publication"], [n["label"] for n in d["nodes"]], d["actions"]) for d in found]
    output.table(("name", "version", "publication", "nodes", "actions"), rows, empty="no definitions")
