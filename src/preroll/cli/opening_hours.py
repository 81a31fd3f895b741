# SPDX-License-Identifier: Apache-2.0
"""``preroll resource hours``: when resources can be booked, as their documents say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from preroll.cli.parser import Parser


def define_in(group: Parser) -> None:
    """Add the command to a group."""
    command = group.command("hours", hours)
    command.add_argument("resources", metavar="RESOURCE", nargs="*", help="ids or names; none: all")
    command.of_platform()
    command.asks_server()


def hours(resources: list[str], platform: str, server: str, *, as_json: bool) -> None:
    """When resources can be booked: windows, weekly hours, blackouts, and how far ahead."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.cli.exits import NOT_FOUND, Failure
    from preroll.client import calls

    with connected(server) as client:
        found = list(client.each(calls.list_catalogue("resources", platform=platform)))
    unknown = sorted(set(resources) - {word for r in found for word in (r["id"], r["name"])})
    if unknown:
        raise Failure(NOT_FOUND, f"there is no resource {', '.join(unknown)}", "preroll resource list shows them all")
    chosen = [r for r in found if not resources or {r["id"], r["name"]} & set(resources)]
    if as_json:
        output.as_json([{name: r[name] for name in ("id", "name", "mode", "availability")} for r in chosen])
        return
    rows = [(r["name"], r["mode"], *told) for r in chosen for told in lines(r["availability"])]
    output.table(("resource", "mode", "", "when"), rows, empty="no resources")


def lines(availability: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """When a resource can be booked: what kind of rule, and what it says."""
    if availability is None:
        yield "open", "always"
        return
    for window in availability["windows"]:
        yield "window", _period(window)
    for day in availability["weekly"]:
        zone = availability["zone"] or "the platform's zone"
        yield "weekly", f"{', '.join(day['days'])} {day['from']} to {day['to']}, {zone}"
    for blackout in availability["blackouts"]:
        yield "blackout", f"{_period(blackout)}: {blackout['reason']}"
    if availability["days_ahead"] is not None:
        yield "ahead", f"at most {availability['days_ahead']} days"


def _period(period: Mapping[str, Any]) -> str:
    return " ".join(f"{word} {period[word]}" for word in ("from", "until") if period[word])
