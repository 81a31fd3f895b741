# SPDX-License-Identifier: Apache-2.0
"""``preroll platform``: platforms and their settings."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Platforms and their settings.")
    parser.command("list", list_).asks_server()
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME", nargs="?", default="default", help="default: default")
    command.asks_server()
    return parser


def list_(server: str, *, as_json: bool) -> None:
    """All platforms."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.list_platforms())
    if as_json:
        output.as_json(found)
    else:
        rows = [(p["name"], p["zone"], p["revision"], "paused" if p["paused"] else "") for p in found]
        output.table(("name", "zone", "settings version", "state"), rows)


def show(name: str, server: str, *, as_json: bool) -> None:
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
            ("paused", "nothing begins until it is false again" if p["paused"] else "no"),
        ]
    )  # fmt: skip
