# SPDX-License-Identifier: Apache-2.0
"""``preroll definition``: which services can be booked."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Which services can be booked.")
    command = parser.command("list", list_)
    command.add_argument("--platform", metavar="NAME", default="default", help="whose; default: default")
    command.asks_server()
    return parser


def list_(platform: str, server: str, *, as_json: bool) -> None:
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
