# SPDX-License-Identifier: Apache-2.0
"""``preroll resource``: what can be booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preroll.cli import automation, free_busy, imports, opening_hours
from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = ("available", "maintenance", "unavailable")
SORTS = ("name", "-name", "priority", "-priority")


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="What can be booked.")
    _takes_filters(parser.command("list", list_))
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME")
    command.of_platform()
    command.asks_server()
    command = parser.command("set-mode", set_mode)
    command.add_argument("name", metavar="NAME")
    command.add_argument("mode", choices=MODES, metavar="MODE", help=", ".join(MODES))
    command.add_argument("--force", action="store_true", help="bookings that then have too little are quarantined")
    command.of_platform()
    command.asks_server()
    command = parser.command("hands-off", set_hands_off)
    command.add_argument("name", metavar="NAME")
    command.add_argument("answer", choices=("yes", "no"), metavar="yes|no", help="yes: nothing is sent to it")
    command.of_platform()
    command.asks_server()
    _takes_fields(parser.command("add", add))
    command = parser.command("remove", remove)
    command.add_argument("name", metavar="NAME")
    command.add_argument("--force", action="store_true", help="bookings that wait and have it are quarantined")
    command.of_platform()
    command.asks_server()
    automation.define_in(parser)
    imports.define_in(parser)
    opening_hours.define_in(parser)
    free_busy.define_in(parser)
    return parser


def _takes_filters(command: Parser) -> None:
    argument = command.add_argument
    argument("--text", metavar="TEXT", default="", help="part of the name")
    argument("--pool", metavar="NAME", default="", help="only resources of it")
    argument("--function", metavar="NAME", default="", help="only resources with it")
    argument("--mode", dest="modes", choices=MODES, metavar="MODE", action="append", default=[], help=", ".join(MODES))
    told = "one it has, or a value it can do; may be given several times"
    argument("--capability", dest="capabilities", metavar="NAME[=VALUE]", action="append", default=[], help=told)
    told = "one it has; may be given several times"
    argument("--label", dest="labels", metavar="NAME=VALUE", action="append", default=[], help=told)
    argument("--sort", choices=SORTS, metavar="BY", default="name", help="name or priority; turned round with a minus")
    command.of_platform()
    command.asks_server()


def _takes_fields(command: Parser) -> None:
    argument = command.add_argument
    argument("name", metavar="NAME")
    argument("--driver", metavar="NAME", help="default: sim")
    argument("--address", metavar="JSON", help="what the driver needs to reach it")
    argument("--function", metavar="NAME", help="what it can do")
    argument("--pool", dest="pools", metavar="NAME", action="append", help="may be given several times")
    argument("--concurrency", metavar="N", type=int, help="how many bookings at once; default: 1")
    argument("--device", metavar="NAME", help="the box behind it")
    command.of_platform()
    command.asks_server()


def list_(server: str, *, as_json: bool, **where: Any) -> None:
    """The resources of a platform to which all of this applies."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_resources(**where, limit=500)))
    if as_json:
        output.as_json(found)
        return
    rows = [(r["name"], r["function"], r["pools"], r["driver"], r["concurrency"], state_of(r), r["id"]) for r in found]
    output.table(("name", "function", "pools", "driver", "at once", "mode", "id"), rows, empty="no resources")


def state_of(resource: Mapping[str, Any]) -> str:
    """Its mode, and whether nothing is sent to it."""
    return f"{resource['mode']}, hands off" if resource["hands_off"] else str(resource["mode"])


def show(name: str, platform: str, server: str, *, as_json: bool) -> None:
    """One resource."""
    from preroll.cli import output
    from preroll.cli.connect import connected, resource_named

    with connected(server) as client:
        r = resource_named(client, platform, name)
    if as_json:
        output.as_json(r)
        return
    hours = [": ".join(line) for line in opening_hours.lines(r["availability"])]
    told = {
        name: {k: v for k, v in able.items() if v not in (None, [], False)} for name, able in r["capabilities"].items()
    }
    output.fields(
        [
            ("resource", r["name"]), ("mode", state_of(r)), ("function", r["function"]), ("pools", r["pools"]),
            ("driver", r["driver"]), ("address", r["address"]), ("device", r["device"]), ("at once", r["concurrency"]),
            ("priority", r["priority"]), ("hours", hours),
            ("capacities", r["capacities"]), ("capabilities", told),
            ("labels", r["labels"]), ("properties", r["properties"]), ("revision", r["revision"]), ("id", r["id"]),
        ]
    )  # fmt: skip


def set_mode(name: str, mode: str, platform: str, server: str, *, force: bool, as_json: bool) -> None:
    """Say whether a resource may be used now."""
    from preroll.cli import output
    from preroll.cli.connect import connected, resource_named
    from preroll.client import calls

    with connected(server) as client:
        read = resource_named(client, platform, name)
        r = client.send(calls.change_resource(read["id"], mode=mode, force=force, seen=read["revision"]))
    if as_json:
        output.as_json(r)
    else:
        output.line((f"{r['name']} is {state_of(r)}",))


def set_hands_off(name: str, answer: str, platform: str, server: str, *, as_json: bool) -> None:
    """Say whether runs may send anything to a resource."""
    from preroll.cli import output
    from preroll.cli.connect import connected, resource_named
    from preroll.client import calls

    with connected(server) as client:
        read = resource_named(client, platform, name)
        r = client.send(calls.change_resource(read["id"], hands_off=answer == "yes", seen=read["revision"]))
    if as_json:
        output.as_json(r)
    else:
        output.line((f"{r['name']} is {state_of(r)}",))


def add(name: str, address: str | None, platform: str, server: str, *, as_json: bool, **fields: Any) -> None:
    """Add one resource; the rest of it, and many at once, are written in a bundle or imported."""
    import json

    from preroll.cli import output
    from preroll.cli.connect import added
    from preroll.cli.exits import USAGE, Failure

    document = {"kind": "resource", "name": name} | {k: v for k, v in fields.items() if v is not None}
    if address is not None:
        try:
            document["address"] = json.loads(address)
        except ValueError as error:
            raise Failure(
                USAGE, f"--address is no JSON: {error}", """such as '{"url": "http://encoder.example/"}'"""
            ) from None
    done = added(server, platform, document)
    if as_json:
        output.as_json(done)
    else:
        output.line((f"{name} was added, {done.id}",))


def remove(name: str, platform: str, server: str, *, force: bool, as_json: bool) -> None:
    """Take a resource out; refused as long as bookings have it, and force or not while one runs on it.

    Its history stays.
    """
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        done = client.send(calls.remove_document("resource", name, platform=platform, force=force))
    if as_json:
        output.as_json(done)
    else:
        output.line((f"{name} was removed",))
