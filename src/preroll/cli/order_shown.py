# SPDX-License-Identifier: Apache-2.0
"""An order as the commands find and print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.exits import NOT_FOUND, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from preroll.client import Client
    from preroll.client.orders import Order


def order_id(client: Client, named: str) -> str:
    """The id of an order that is named by its id or by its whole name; of several, the newest."""
    from preroll.cli.connect import is_id
    from preroll.client import orders

    if is_id(named):
        return named
    found = next((o for o in client.each(orders.list_orders()) if o.name.casefold() == named.casefold()), None)
    if found is None:
        raise Failure(NOT_FOUND, f"there is no order {named}", "preroll order list shows them all")
    return found.id


def state_said(state: str, hold: str | None) -> str:
    """A state with what holds it."""
    return f"{state} (on hold: {hold})" if hold else state


def show_order(o: Order, *, as_json: bool, reasons: bool = False, names: Mapping[str, str] | None = None) -> None:
    """Print an order.

    Args:
        names: of the resources of its plan, by id.
    """
    from preroll.cli import output

    if as_json:
        output.as_json(o)
        return
    state = "being canceled" if o.canceling else f"{state_said(o.state, o.hold)}{f', {o.phase}' if o.phase else ''}"
    output.fields(
        [
            ("id", o.id), ("name", o.name), ("state", state), ("why", o.why), ("due", o.due), ("revision", o.revision),
            ("checking", "its plan is being made" if o.checking else ""), ("plan", o.plan.hash if o.plan else ""),
            ("approval", "needs that of a second person" if o.unapproved else ""),
            ("asks", [f"{q.node} ({q.device}): has it the old or the new? {q.about}" for q in o.questions]),
            ("answer by", o.answer_by), ("left on devices", o.residue),
            ("possible", [a.name for a in o.actions if a.possible]),
        ]
    )  # fmt: skip
    rows = [(i.name, i.kind, i.service, ", ".join(i.needs or ()), i.state, i.message) for i in o.items]
    output.table(("item", "kind", "service", "needs", "state", "message"), rows)
    if o.plan is not None:
        called = names or {}
        changes = [(called.get(d.resource, d.resource), *change) for d in o.plan.devices for change in d.changes]
        output.table(("resource", "path", "is", "will be"), changes, title="plan", empty="there is nothing to do")
    if reasons:
        output.table(("not now", "why"), [(a.name, a.why) for a in o.actions if not a.possible])
