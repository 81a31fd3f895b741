# SPDX-License-Identifier: Apache-2.0
"""``preroll config``: the settings of a platform, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client.calls import Call


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Settings of a platform: read, set, reset, with their history, and undone.")
    command = parser.command("get", get)
    command.add_argument("keys", metavar="KEY", nargs="*", help="a setting or a section; default: all")
    _of_a_platform(command)
    command = parser.command("set", set_)
    command.add_argument("values", metavar="KEY=VALUE", nargs="+", help="limits.lso=300; null, true, numbers, [lists]")
    _changing(command)
    command = parser.command("reset", reset)
    command.add_argument("keys", metavar="KEY", nargs="+", help="a setting or a section, such as lifecycle_colors")
    _changing(command)
    command = parser.command("transitions", transitions)
    command.add_argument("--add", metavar="FROM:TO", nargs="+", default=[], help="rows of the table to add")
    command.add_argument("--remove", metavar="FROM:TO", nargs="+", default=[], help="rows to delete")
    _changing(command)
    command = parser.command("history", history)
    command.add_argument("--limit", type=int, default=20, metavar="N", help="versions; default: 20")
    _of_a_platform(command)
    command = parser.command("undo", undo)
    command.add_argument("--to", type=int, metavar="VERSION", help="default: the one before")
    command.add_argument(
        "--force",
        action="store_true",
        help="although events of bookings would fail, or something that is named is not there",
    )
    _of_a_platform(command)
    command = parser.command("colors", colors)
    _of_a_platform(command)
    return parser


def _of_a_platform(command: Parser) -> None:
    command.add_argument("--platform", metavar="NAME", default="default", help="default: default")
    command.asks_server()


def _changing(command: Parser) -> None:
    command.add_argument("--why", default="", help="kept in the history")
    command.add_argument(
        "--force", action="store_true", help="although events of bookings would fail, or a script is not installed"
    )
    _of_a_platform(command)


def get(keys: Sequence[str], platform: str, server: str, *, as_json: bool) -> None:
    """Settings with their values."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.cli.exits import USAGE, Failure
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.get_platform(platform))
    settings = dict(_leaves(found))
    unknown = [key for key in keys if not any(k == key or k.startswith(f"{key}.") for k in settings)]
    if unknown:
        raise Failure(USAGE, f"{', '.join(unknown)}: no such setting", "preroll config get lists them all")
    chosen = {k: v for k, v in settings.items() if not keys or any(k == key or k.startswith(f"{key}.") for key in keys)}
    if as_json:
        output.as_json(chosen)
    else:
        output.table(("setting", "value"), [(key, _written(value)) for key, value in chosen.items()])


def set_(values: Sequence[str], platform: str, why: str, server: str, *, force: bool, as_json: bool) -> None:
    """Change settings, all or none."""
    from preroll.cli import words

    _change(server, platform, {"set": words.values(values, "KEY=VALUE"), "why": why, "force": force}, as_json=as_json)


def reset(keys: Sequence[str], platform: str, why: str, server: str, *, force: bool, as_json: bool) -> None:
    """Take settings back to what is shipped."""
    _change(server, platform, {"reset": list(keys), "why": why, "force": force}, as_json=as_json)


def transitions(
    add: Sequence[str], remove: Sequence[str], platform: str, why: str, server: str, *, force: bool, as_json: bool
) -> None:
    """Show the allowed transitions between service states; add and delete rows."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    if add or remove:
        rows = {"add": [_row(text, "--add") for text in add], "remove": [_row(text, "--remove") for text in remove]}
        _change(server, platform, {"transitions": rows, "why": why, "force": force}, as_json=as_json)
        return
    with connected(server) as client:
        rows = client.send(calls.get_platform(platform))["service_states"]["transitions"]
    if as_json:
        output.as_json(rows)
    else:
        output.table(("supported state", "next allowed state"), rows)


def history(platform: str, limit: int, server: str, *, as_json: bool) -> None:
    """Who changed which setting, when, and why."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.platform_history(platform, limit=limit))["items"]
    if as_json:
        output.as_json(found)
        return
    rows = [(e["version"], e["at"], e["actor"], "; ".join(_told(d) for d in e["changed"]), e["why"]) for e in found]
    output.table(("version", "at", "by", "changed", "why"), rows)


def undo(platform: str, to: int | None, server: str, *, force: bool, as_json: bool) -> None:
    """Have the settings of an earlier version again."""
    from preroll.client import calls

    _changed(server, platform, lambda seen: calls.undo_platform(platform, to, seen=seen, force=force), as_json=as_json)


def colors(platform: str, server: str, *, as_json: bool) -> None:
    """How each life cycle state is drawn."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.platform_looks(platform))
    if as_json:
        output.as_json(found)
        return
    rows = [
        (state, look["glyph"], look["light"]["fill"], look["dark"]["fill"], look["pattern"],
         look["light"]["own"] or look["dark"]["own"])
        for state, look in found.items()
    ]  # fmt: skip
    output.table(("state", "glyph", "light", "dark", "pattern", "own"), rows)


def _change(server: str, platform: str, change: Mapping[str, Any], *, as_json: bool) -> None:
    from preroll.client import calls

    _changed(server, platform, lambda seen: calls.change_platform(platform, change, seen=seen), as_json=as_json)


def _changed(server: str, platform: str, change: Callable[[int], Call[dict[str, Any]]], *, as_json: bool) -> None:
    """Send a change of the version that is there, and print what it changed."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        before = client.send(calls.get_platform(platform))
        after = client.send(change(before["revision"]))
    if as_json:
        output.as_json(after)
        return
    was = dict(_leaves(before))
    now = dict(_leaves(after))
    for key in dict.fromkeys([*was, *now]):
        if was.get(key) != now.get(key):
            output.line((f"{key}:", _written(was.get(key)), "->", _written(now.get(key))))
    output.line((platform, f"version {after['revision']}"))


def _leaves(document: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        key = f"{where}.{name}".lstrip(".")
        if isinstance(value, dict):
            yield from _leaves(value, key)
        elif key not in ("kind", "id", "name", "revision"):
            yield key, value


def _row(text: str, option: str) -> list[str]:
    from preroll.cli.exits import USAGE, Failure

    before, colon, after = text.partition(":")
    if not (before and colon and after):
        raise Failure(USAGE, f"{option}: {text!r} is no row", "expected FROM:TO such as PAUSE:START")
    return [before, after]


def _told(changed: Mapping[str, str]) -> str:
    return f"{changed['setting']}: {changed['before'] or 'nothing'} -> {changed['after'] or 'nothing'}"


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
