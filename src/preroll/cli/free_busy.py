# SPDX-License-Identifier: Apache-2.0
"""``preroll resource free-busy``: who has how much of resources when, when they are closed, when they are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.parser import A_TIME, Parser

if TYPE_CHECKING:
    from preroll.client.free_busy import Course, Holder, Stretch


def define_in(group: Parser) -> None:
    """Add the command to a group."""
    command = group.command("free-busy", free_busy)
    argument = command.add_argument
    argument("resources", metavar="RESOURCE", nargs="*", help="ids or names; none: all")
    argument("--from", dest="since", metavar="TIME", default="now", help=f"{A_TIME}; default: now")
    argument("--to", dest="until", metavar="TIME", default="+1d", help="at most 366 days later; default: +1d")
    argument("--function", metavar="NAME", default="", help="only resources with it")
    argument("--pool", metavar="NAME", default="", help="only resources of it")
    command.of_platform()
    command.asks_server()


def free_busy(
    resources: list[str], since: str, until: str, server: str, *, function: str, pool: str, platform: str, as_json: bool
) -> None:
    """Who has how much of resources when, when they are closed and why, and when they are free."""
    from preroll.cli import output, words
    from preroll.cli.connect import connected
    from preroll.client import calls

    call = calls.free_busy(
        words.moment(since, "--from"), words.moment(until, "--to"), resources=resources, function=function, pool=pool,
        platform=platform,
    )  # fmt: skip
    with connected(server) as client:
        found = client.send(call)
    if as_json:
        output.as_json(found)
        return
    rows = [_row(course, stretch) for course in found.resources for stretch in course.spans]
    output.table(("resource", "from", "to", "", "who, or why", "left"), rows, empty="no resources")


def _row(course: Course, stretch: Stretch) -> tuple[object, ...]:
    who = [*stretch.closed, *(_held(holder) for holder in stretch.holders)]
    left = [f"{stretch.concurrency_left} at once", *(f"{n} {a:g}" for n, a in stretch.capacities_left.items())]
    return course.name, stretch.start, stretch.end, stretch.state, ", ".join(who), ", ".join(left)


def _held(holder: Holder) -> str:
    parts = [f"{name} {amount:g}" for name, amount in holder.capacities.items()]
    parts += [f"{name} {value}" for name, value in holder.agreed.items()]
    return f"{holder.name} ({', '.join(parts)})" if parts else holder.name
