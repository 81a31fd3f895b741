# SPDX-License-Identifier: Apache-2.0
"""``preroll profile``: the values that functions take."""

from __future__ import annotations

from preroll.cli import kinds
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Profile instances: the values that functions take.")
    kinds.lists(parser, "profile")
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    return parser


def show(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """One profile instance with all that it inherits: each value, and the instance in which it stands."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        known = kinds.one(client, "profile", name, platform)
        found = client.send(calls.resolved_profile(known["id"]))
    if as_json:
        output.as_json(found)
        return
    output.fields([("profile", name), ("definition", known["definition"]), ("derives from", known["parent"])])
    said = [("", found["values"]), *found["states"].items()]
    rows = [(state, parameter, v["value"], v["source"]) for state, vs in said for parameter, v in vs.items()]
    output.table(("state", "parameter", "value", "stands in"), rows, empty="no values")
