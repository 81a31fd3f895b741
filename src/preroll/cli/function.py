# SPDX-License-Identifier: Apache-2.0
"""``preroll function``: what resources can do."""

from __future__ import annotations

from preroll.cli import kinds
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Functions: what resources can do.")
    kinds.lists(parser, "function")
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    return parser


def show(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """One function with its interfaces."""
    from preroll.cli import output
    from preroll.cli.connect import connected

    with connected(server) as client:
        f = kinds.one(client, "function", name, platform)
    if as_json:
        output.as_json(f)
        return
    output.fields(
        [
            ("function", f["name"]), ("description", f["description"]), ("resources", f["resources"]),
            ("profile", f["profile"]), ("properties", f["properties"]), ("id", f["id"]),
        ]
    )  # fmt: skip
    rows = [(i["name"], i["direction"], i["profile"], not i["optional"]) for i in f["interfaces"]]
    if rows:
        output.table(("interface", "direction", "profile", "has to be connected"), rows)
