# SPDX-License-Identifier: Apache-2.0
"""``preroll booking``: commands on the resources and the service state of a booking, also while it runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from preroll.cli import changing
from preroll.cli.parser import Parser

APPLY_NOW = "configure the devices at once; needed while the booking runs"


def define(parser: Parser) -> None:
    """Add the commands to ``preroll booking``."""
    for word, about in (
        ("add", "Put a resource on a node that has none; without --resource the best that is free."),
        ("swap", "Put another resource on a node; without --resource the best that is free (switch to spare)."),
    ):
        command = changing.command(parser, word, partial(refit, word), about)
        command.add_argument("node", metavar="NODE", help="the node's label")
        command.add_argument("--resource", metavar="RESOURCE", help="id or name; default: the best that is free")
        command.add_argument("--profile", metavar="INSTANCE", help="profile instance; default: as it is")
        command.add_argument(
            "--value", metavar="PARAMETER=VALUE", action="append", default=[], help="a value of its own"
        )
        command.add_argument("--apply-now", action="store_true", help=APPLY_NOW)
        command.add_argument("--force", action="store_true", help=changing.FORCE)
    remove_ = changing.command(parser, "remove", remove)
    remove_.add_argument("node", metavar="NODE", help="the node's label")
    remove_.add_argument("--apply-now", action="store_true", help=APPLY_NOW)
    forced = changing.command(parser, "force-state", force_state)
    forced.add_argument("state", metavar="STATE", help="a service state for which the definition has an action")
    forced.add_argument("--why", metavar="TEXT", default="", help="the reason, kept in the change log")
    forced.add_argument("--anyway", action="store_true", help="also when the next event would be forbidden after it")


def refit(
    action: str,
    booking: str,
    node: str,
    *,
    resource: str | None,
    profile: str | None,
    value: list[str],
    apply_now: bool,
    force: bool,
    **where: Any,
) -> None:
    """Put a resource on a node."""
    from preroll.cli import words

    body = {
        "node": node, "resource": resource, "profile": profile, "values": words.values(value, "--value"),
        "apply_now": apply_now, "force": force,
    }  # fmt: skip
    changing.act(booking, lambda _: (action, body), **where)


def remove(booking: str, node: str, *, apply_now: bool, **where: Any) -> None:
    """Take a node's resource away; while it runs, it is brought to its ended state before it is free."""
    changing.act(booking, lambda _: ("remove", {"node": node, "apply_now": apply_now}), **where)


def force_state(booking: str, state: str, *, why: str, anyway: bool, **where: Any) -> None:
    """Have the definition's action for a service state run now; the life cycle stays."""
    changing.act(booking, lambda _: ("force-state", {"state": state, "why": why, "anyway": anyway}), **where)
