# SPDX-License-Identifier: Apache-2.0
"""``preroll order answer`` and ``take-over``: what somebody says who has looked at the devices."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(parser: Parser) -> None:
    """What they take."""
    command = parser.command("answer", answer)
    command.add_argument("order", metavar="ORDER", help="its id, or its whole name")
    command.add_argument("--has", metavar="NODE=old|new", action="append", default=[], help="of one device; repeat it")
    command.add_argument("--every", metavar="old|new", help="of every device that it asks about")
    command.add_argument("--give-up", action="store_true", help="nobody can tell: the order has failed")
    command.is_guarded()
    command = parser.command("take-over", take_over)
    command.add_argument("order", metavar="ORDER", help="its id, or its whole name")
    command.add_argument("--plan", metavar="HASH", required=True, help="of its plan as you saw it: preroll order show")
    command.add_argument("--reason", metavar="TEXT", required=True, help="kept in the change log")
    command.is_guarded()


def answer(
    order: str,
    *,
    has: list[str],
    every: str | None,
    give_up: bool,
    revision: int | None,
    server: str,
    as_json: bool,
) -> None:
    """Say what each device has that it asks about, and it goes on; or give up, and it has failed."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.cli.order_shown import order_id, show_order
    from preroll.client import orders

    told = words.pairs(has, "--has")
    with connected(server) as client:
        call = orders.answer_order(order_id(client, order), told, every=every, give_up=give_up, seen=revision)
        found = client.send(call)
    show_order(found, as_json=as_json)


def take_over(order: str, plan: str, reason: str, *, revision: int | None, server: str, as_json: bool) -> None:
    """Have what it provisions exist as its devices have it already, by its plan; no device is written to."""
    from preroll.cli.connect import connected
    from preroll.cli.order_shown import order_id, show_order
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.take_over_order(order_id(client, order), plan, reason, seen=revision))
    show_order(found, as_json=as_json)
