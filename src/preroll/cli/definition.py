# SPDX-License-Identifier: Apache-2.0
"""``preroll definition``: which services can be booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preroll.cli import kinds
from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Client


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Which services can be booked.")
    kinds.lists(parser, "definition")
    for word, does in (("show", show), ("publish", publish), ("retire", retire)):
        command = parser.command(word, does)
        command.add_argument("name", metavar="NAME")
        command.add_argument("--version", metavar="N", type=int, help="which version; default: the newest")
        command.of_platform()
        command.asks_server()
    return parser


def show(name: str, version: int | None, platform: str, server: str, *, as_json: bool) -> None:
    """One version with its nodes and connections."""
    from preroll.cli import output
    from preroll.cli.connect import connected

    with connected(server) as client:
        d = _version(client, platform, name, version)
    if as_json:
        output.as_json(d)
        return
    output.fields(
        [
            ("definition", d["name"]), ("version", d["revision"]), ("publication", d["publication"]),
            ("description", d["description"]), ("actions", d["actions"]), ("properties", d["properties"]),
            ("audits", [a["name"] for a in d["audits"]]), ("id", d["id"]),
        ]
    )  # fmt: skip
    nodes = [(n["order"], n["label"], n["function"], n["pool"], n["profile"], not n["optional"]) for n in d["nodes"]]
    output.table(("order", "node", "function", "pool", "profile", "needed"), sorted(nodes), empty="no nodes")
    rows = [(c["source"], c["output"], c["target"], c["input"]) for c in d["connections"]]
    if rows:
        output.table(("from", "output", "to", "input"), rows)


def publish(name: str, version: int | None, platform: str, server: str, *, as_json: bool) -> None:
    """Let a version be booked."""
    _move("publish", name, version, platform, server, as_json=as_json)


def retire(name: str, version: int | None, platform: str, server: str, *, as_json: bool) -> None:
    """Let a version be booked no more; bookings that have it keep it."""
    _move("retire", name, version, platform, server, as_json=as_json)


def _move(trigger: str, name: str, version: int | None, platform: str, server: str, *, as_json: bool) -> None:
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        d = client.send(calls.move_definition(_version(client, platform, name, version)["id"], trigger))
    if as_json:
        output.as_json(d)
    else:
        output.line((f"{d['name']} version {d['revision']} is {d['publication']}",))


def _version(client: Client, platform: str, name: str, version: int | None) -> dict[str, Any]:
    from preroll.cli.connect import named
    from preroll.client import calls

    found = client.each(calls.list_catalogue("service-definitions", platform=platform))
    newest_first = sorted((d for d in found if version in (None, d["revision"])), key=lambda d: -int(d["revision"]))
    return named(iter(newest_first), "definition", name)
