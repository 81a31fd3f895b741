# SPDX-License-Identifier: Apache-2.0
"""``preroll function``: what resources can do."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Functions: what resources can do.")
    command = parser.command("list", list_)
    command.of_platform()
    command.asks_server()
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    return parser


def list_(platform: str, server: str, *, as_json: bool) -> None:
    """All functions of a platform: those of documents, and those that resources name."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_catalogue("functions", platform=platform)))
    if as_json:
        output.as_json(found)
        return
    rows = [(f["name"], f["resources"], f["profile"], [i["name"] for i in f["interfaces"]]) for f in found]
    output.table(("name", "resources", "profile", "interfaces"), rows, empty="no functions")


def show(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """One function with its interfaces."""
    from preroll.cli import output
    from preroll.cli.connect import connected, named
    from preroll.client import calls

    with connected(server) as client:
        f = named(client.each(calls.list_catalogue("functions", platform=platform)), "function", name)
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
