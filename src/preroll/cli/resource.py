# SPDX-License-Identifier: Apache-2.0
"""``preroll resource``: what can be booked."""

from __future__ import annotations

from preroll.cli import free_busy, opening_hours
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="What can be booked.")
    command = parser.command("list", list_)
    command.add_argument("--platform", metavar="NAME", default="default", help="whose; default: default")
    command.asks_server()
    opening_hours.define_in(parser)
    free_busy.define_in(parser)
    return parser


def list_(platform: str, server: str, *, as_json: bool) -> None:
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
