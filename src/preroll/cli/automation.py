# SPDX-License-Identifier: Apache-2.0
"""``preroll resource apply``: a profile applied to a resource now, outside of any booking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Client
    from preroll.client.automation import Applying

EVERY = 0.2
"""Seconds between two questions whether it is over."""
PARTS = {
    "whole": "the profile's values (the default)",
    "state": "only those of the state",
    "defaults": "the parameters' defaults",
}


def define_in(parser: Parser) -> None:
    """Add the command to ``preroll resource``."""
    command = parser.command("apply", apply)
    option = command.add_argument
    option("name", metavar="NAME", help="the resource")
    option("profile", metavar="INSTANCE", help="the profile instance")
    option("--state", metavar="STATE", help="a service state for which it has values: these on top")
    told = "; ".join(f"{word}: {what}" for word, what in PARTS.items())
    option("--part", choices=tuple(PARTS), metavar="PART", default="whole", help=told)
    option("--value", metavar="PARAMETER=VALUE", action="append", default=[], help="a value of its own; repeat it")
    option("--why", metavar="TEXT", default="", help="the reason, kept in the change log")
    option("--force", action="store_true", help="although bookings have it: what they have on it is overwritten")
    option("--wait", metavar="LENGTH", default="2m", help="how long to wait for its end; default: 2m")
    command.of_platform()
    command.asks_server()


def apply(
    name: str,
    profile: str,
    *,
    state: str | None,
    part: str,
    value: list[str],
    why: str,
    force: bool,
    wait: str,
    platform: str,
    server: str,
    as_json: bool,
) -> None:
    """Apply a profile to a resource now; refused while bookings have it, or will have it soon, unless forced."""
    from preroll.cli import words
    from preroll.cli.connect import connected, resource_named
    from preroll.cli.exits import REFUSED, Failure
    from preroll.client import automation

    patience, values = words.seconds(wait, "--wait"), words.values(value, "--value")
    with connected(server) as client:
        ident = resource_named(client, platform, name)["id"]
        made = client.send(
            automation.apply_profile(ident, profile, state=state, part=part, values=values, why=why, force=force)
        )
        found = _when_over(client, made, patience)
    _show(found, as_json=as_json)
    if found.outcome == "failed":
        raise Failure(REFUSED, f"not applied: {found.message}", f"preroll booking log {found.id} tells more")


def _when_over(client: Client, found: Applying, patience: int) -> Applying:
    import time

    from preroll.cli.exits import UNAVAILABLE, Failure
    from preroll.client import automation

    until = time.monotonic() + patience
    while not found.over:
        if time.monotonic() >= until:
            what = f"it is not over after {patience} s: {found.waiting or found.outcome}"
            raise Failure(UNAVAILABLE, what, f"preroll runs {found.id} shows how it goes on")
        time.sleep(EVERY)
        found = client.send(automation.get_applied(found.id))
    return found


def _show(found: Applying, *, as_json: bool) -> None:
    from preroll.cli import output

    if as_json:
        output.as_json(found)
        return
    diff = [change for step in (found.run.steps if found.run else ()) for change in step.diff]
    output.fields(
        [
            ("resource", found.name), ("profile", found.profile), ("for", found.state), ("outcome", found.outcome),
            ("asked by", found.by), ("why", found.why), ("ended", found.ended), ("id", found.id),
        ]
    )  # fmt: skip
    output.table(
        ("path", "before", "after"), diff, empty="nothing had to be changed" if found.outcome == "done" else ""
    )
