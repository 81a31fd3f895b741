# SPDX-License-Identifier: Apache-2.0
"""``preroll platform``: platforms and their settings."""

from __future__ import annotations

from typing import Annotated

import typer

from preroll.cli.options import SERVER, AsJson, Server, group

app = group("Platforms and their settings.")


@app.command("list")
def list_(server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """All platforms."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.list_platforms())
    if as_json:
        output.as_json(found)
    else:
        output.table(("name", "zone", "settings version"), [(p["name"], p["zone"], p["revision"]) for p in found])


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")] = "default",
    server: Server = SERVER,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """One platform with its settings."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        p = client.send(calls.get_platform(name))
    if as_json:
        output.as_json(p)
        return
    states = p["service_states"]
    output.fields(
        [
            ("platform", p["name"]), ("zone", p["zone"]), ("settings version", p["revision"]),
            ("stages", {stage: state or "disabled" for stage, state in states["mapping"].items()}),
            ("transitions", [" -> ".join(pair) for pair in states["transitions"]]), ("limits", p["limits"]),
            ("start failure script", p["start_failure_script"]),
        ]
    )  # fmt: skip
