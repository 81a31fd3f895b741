# SPDX-License-Identifier: Apache-2.0
"""``preroll order edit``: change what an order says, as long as it is not to be deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from preroll.cli.booking import nodes_given, takes_nodes
from preroll.cli.exits import USAGE, Failure
from preroll.cli.parser import A_LENGTH, Parser

if TYPE_CHECKING:
    from preroll.client.orders import Item, Order

OF_NODES = ("node", "profile", "profile_by", "value", "whole")


@dataclass(frozen=True, slots=True)
class Given:
    """What is to change in one item: what its nodes get, and its properties."""

    nodes: dict[str, Any]
    properties: dict[str, Any]

    def __bool__(self) -> bool:
        return bool(self.nodes or self.properties)

    def into(self, item: Item) -> dict[str, Any]:
        """The values of an item with it; a node that is emptied has none any more, of a modify it loses its own."""
        values = dict(item.values)
        if self.nodes:
            values["nodes"] = _merged(values.get("nodes") or {}, self.nodes, keep=item.kind == "modify")
        if self.properties:
            values["properties"] = {**(values.get("properties") or {}), **self.properties}
        return values


def define(parser: Parser) -> None:
    """What it takes."""
    command = parser.command("edit", edit)
    command.add_argument("order", metavar="ORDER", help="its id, or its whole name")
    command.add_argument("--name", metavar="NAME", help="what the order is called from now on")
    command.add_argument("--item", metavar="ITEM", help="which of its items; needed when it has several")
    takes_nodes(command)
    command.add_argument("--priority", metavar="N", type=int, help="higher wins a conflict")
    command.add_argument("--latest-start", metavar="LENGTH", help=f"not begun by then, it is Canceled: {A_LENGTH}")
    command.is_guarded()


def edit(
    order: str,
    *,
    name: str | None,
    item: str | None,
    prop: list[str],
    priority: int | None,
    latest_start: str | None,
    revision: int | None,
    server: str,
    as_json: bool,
    **asked: Any,
) -> None:
    """Change what is given, of one that is Requested or Invalid; then it is Requested, and has no plan."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.cli.order_shown import order_id, show_order
    from preroll.client import orders

    given = Given(nodes_given(**{word: asked[word] for word in OF_NODES}), words.values(prop, "--property"))
    latest = words.seconds(latest_start, "--latest-start") if latest_start else None
    said = {"name": name, "priority": priority, "latest_start": latest}
    change: dict[str, Any] = {word: value for word, value in said.items() if value is not None}
    if not change and not given:
        raise Failure(USAGE, "nothing is to change", "preroll order edit --help shows what can be given")
    with connected(server) as client:
        found = client.send(orders.get_order(order_id(client, order)))
        if given:
            change["items"] = _items(found, item, given)
        seen = found.revision if revision is None else revision
        show_order(client.send(orders.edit_order(found.id, change, seen=seen)), as_json=as_json)


def _items(order: Order, named: str | None, given: Given) -> list[dict[str, Any]]:
    names = [item.name for item in order.items]
    chosen = named or (names[0] if len(names) == 1 else "")
    if chosen not in names:
        what = f"{order.name} has no item {named}" if named else f"{order.name} has several items"
        raise Failure(USAGE, what, f"--item says which: {', '.join(names)}")
    return [
        {
            "name": item.name, "kind": item.kind, "service": item.service, "after": item.after, "needs": item.needs,
            "values": given.into(item) if item.name == chosen else item.values,
        }
        for item in order.items
    ]  # fmt: skip


def _merged(nodes: dict[str, Any], given: dict[str, Any], *, keep: bool) -> dict[str, Any]:
    after = dict(nodes)
    for label, told in given.items():
        if told is None and not keep:
            after.pop(label, None)
            continue
        before = after.get(label) or {}
        values = {**(before.get("values") or {}), **(told or {}).get("values", {})}
        after[label] = told and {**before, **told, **({"values": values} if values else {})}
    return after
