# SPDX-License-Identifier: Apache-2.0
"""``preroll pool``: the resources from which one is chosen."""

from __future__ import annotations

from preroll.cli import kinds
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Pools: the resources from which one is chosen.")
    kinds.lists(parser, "pool")
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    command = parser.command("add", add)
    command.add_argument("name", metavar="NAME")
    command.add_argument("--description", metavar="TEXT", default="", help="what it is for")
    command.of_platform()
    command.asks_server()
    command = parser.command("remove", remove)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    return parser


def show(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """One pool."""
    from preroll.cli import output
    from preroll.cli.connect import connected

    with connected(server) as client:
        p = kinds.one(client, "pool", name, platform)
    if as_json:
        output.as_json(p)
        return
    output.fields(
        [
            ("pool", p["name"]), ("description", p["description"]), ("resources", p["resources"]),
            ("properties", p["properties"]), ("id", p["id"]),
        ]
    )  # fmt: skip


def add(name: str, description: str, platform: str, server: str, *, as_json: bool) -> None:
    """Declare a pool; which resources are in it, they say themselves."""
    from preroll.cli import output
    from preroll.cli.connect import added

    done = added(server, platform, {"kind": "pool", "name": name, "description": description})
    if as_json:
        output.as_json(done)
    else:
        output.line((f"{name} was added",))


def remove(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """Take back the declaration of a pool; resources that bear its name keep it."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        done = client.send(calls.remove_document("pool", name, platform=platform))
    if as_json:
        output.as_json(done)
    else:
        output.line((f"{name} was removed",))
