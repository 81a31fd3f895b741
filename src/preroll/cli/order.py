# SPDX-License-Identifier: Apache-2.0
"""``preroll order``: services that have no end are ordered: provision, change, audit and decommission them."""

from __future__ import annotations

from functools import partial
from typing import Any

from preroll.cli import order_deciding, order_editing
from preroll.cli.booking import nodes_given, takes_nodes
from preroll.cli.exits import USAGE, Failure
from preroll.cli.order_editing import OF_NODES
from preroll.cli.order_shown import order_id, show_order, state_said
from preroll.cli.parser import A_LENGTH, A_TIME, Parser

# fmt: off
KINDS = {
    # kind           what it does to a service
    "modify":       "Order a change of a service: other values, resources or properties.",
    "decommission": "Order the end of a service: its devices are reset, its resources are free.",
    "redeploy":     "Order a service to be deployed again as it should be, or as an older revision was.",
    "activate":     "Order a service to be taken to START, or to another state.",
    "deactivate":   "Order a service to be taken to STOP, or to another state; it goes on holding its resources.",
    "validate":     "Order an audit of a service.",
}
ACTIONS = {
    # action        what it does
    "check":       "Have its plan made, device by device, without writing to any.",
    "unschedule":  "Take its time away; what it holds is released.",
    "approve":     "Let it be deployed, where the platform asks for a second person.",
    "cancel":      "Never deploy it; one In Progress is stopped and undone.",
    "clone":       "Order the same once more.",
}
TIMES = {
    "schedule":    "Deploy it now, or at a time.",
    "reschedule":  "Deploy it at another time.",
    "retry":       "Deploy one that failed once more.",
}
# fmt: on


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Order services that have no end, and follow what becomes of it.")
    command = parser.command("provision", provision)
    command.add_argument("name", metavar="NAME", help="what the service is called")
    command.add_argument("--definition", metavar="NAME", required=True, help="service definition that it is made of")
    takes_nodes(command)
    command.add_argument("--platform", metavar="NAME", default="default", help="where; default: default")
    _needing(command, "a service that must be Deployed first; id or name, repeat it for several")
    _timed(command)
    for kind, about in KINDS.items():
        _define_kind(parser.command(kind, partial(change, kind), about), kind)
    command = parser.command("create", create)
    command.add_argument("file", metavar="FILE", help="YAML or JSON: name, items, and what else an order says")
    _timed(command)
    command = parser.command("list", list_)
    command.add_argument("--state", metavar="STATE", action="append", default=[], help="only in this state; repeat it")
    command.add_argument("--service", metavar="SERVICE", default="", help="only those about it; id or name")
    command.add_argument("--platform", metavar="NAME", help="only of this platform")
    command.asks_server()
    for word, does in (("show", show), ("log", log), ("history", history), ("delete", delete)):
        _named(parser.command(word, does)).asks_server()
    for action, about in ACTIONS.items():
        _define_action(parser.command(action, partial(act, action), about), action)
    order_editing.define(parser)
    order_deciding.define(parser)
    for action, about in TIMES.items():
        command = _named(parser.command(action, partial(time, action), about))
        command.add_argument("--at", metavar="TIME", help=f"{A_TIME}; default: now")
        command.add_argument("--latest-start", metavar="LENGTH", help=f"not begun by then, it is Canceled: {A_LENGTH}")
        command.add_argument(
            "--force", action="store_true", help="in spite of conflicts; who must yield is quarantined"
        )
        command.is_guarded()
    return parser


def _define_kind(command: Parser, kind: str) -> None:
    command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
    if kind == "modify":
        takes_nodes(command)
        _needing(command, "all that it needs from now on: id or name of a service, repeat it; none: nothing any more")
    if kind == "redeploy":
        command.add_argument("--revision", metavar="N", help="its number, or last-good; default: as it should be")
    if kind in ("activate", "deactivate"):
        command.add_argument("--state", metavar="STATE", help="service state; default: START, or STOP")
    _timed(command)


def _needing(command: Parser, about: str) -> None:
    command.add_argument("--needs", metavar="SERVICE", action="append", default=[], help=about)


def _define_action(command: Parser, action: str) -> None:
    _named(command)
    if action == "cancel":
        command.add_argument("--why", metavar="TEXT", default="", help="the reason, kept in the change log")
    if action == "clone":
        command.add_argument("--name", metavar="NAME", default="", help="what the clone is called")
    command.is_guarded()


def _named(command: Parser) -> Parser:
    command.add_argument("order", metavar="ORDER", help="its id, or its whole name")
    return command


def _timed(command: Parser) -> None:
    command.add_argument("--now", action="store_true", help="deploy it now")
    command.add_argument("--at", metavar="TIME", help=f"deploy it then: {A_TIME}")
    command.add_argument("--force", action="store_true", help="in spite of conflicts; who must yield is quarantined")
    command.asks_server()


def provision(
    name: str,
    definition: str,
    platform: str,
    server: str,
    *,
    node: list[str],
    profile: list[str],
    profile_by: list[str],
    value: list[str],
    whole: list[str],
    prop: list[str],
    needs: list[str],
    now: bool,
    at: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Order a new service; without --now and --at it is only Requested."""
    from preroll.cli import words

    values = {
        "definition": definition, "name": name, "nodes": nodes_given(node, profile, profile_by, value, whole),
        "properties": words.values(prop, "--property"),
    }  # fmt: skip
    item = {"name": "service", "kind": "provision", "values": values, "needs": needs}
    body = {"name": name, "platform": platform, "items": [item]}
    _ordered(body, server, now=now, at=at, force=force, as_json=as_json)


def change(
    kind: str,
    service: str,
    server: str,
    *,
    now: bool,
    at: str | None,
    force: bool,
    as_json: bool,
    revision: str | None = None,
    state: str | None = None,
    needs: list[str] | None = None,
    **asked: Any,
) -> None:
    """Order something to be done to a service."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.cli.service import service_named

    values: dict[str, Any] = {}
    if asked:
        values["nodes"] = nodes_given(**{name: asked[name] for name in OF_NODES})
        values["properties"] = words.values(asked["prop"], "--property")
    if revision is not None:
        values["revision"] = int(revision) if revision.isdigit() else revision.replace("-", " ")
    if state is not None:
        values["state"] = state
    with connected(server) as client:
        found = service_named(client, service)
    item = {"name": "service", "kind": kind, "service": found.id, "values": values}
    if needs:
        item["needs"] = [] if needs == ["none"] else needs
    body = {"name": f"{kind} {found.name}", "platform": found.platform, "items": [item]}
    _ordered(body, server, now=now, at=at, force=force, as_json=as_json)


def create(file: str, server: str, *, now: bool, at: str | None, force: bool, as_json: bool) -> None:
    """Order what a file says: several items, which come one after the other, all or none."""
    from pathlib import Path

    import yaml

    try:
        said = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Failure(USAGE, f"{file} cannot be read: {error}", "expected YAML or JSON with name and items") from None
    if not isinstance(said, dict) or not {"name", "items"} <= said.keys():
        raise Failure(USAGE, f"{file} is no order", "expected name and items")
    _ordered(said, server, now=now, at=at, force=force, as_json=as_json)


def list_(state: list[str], service: str, platform: str | None, server: str, *, as_json: bool) -> None:
    """Orders, newest first."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.cli.service import service_named
    from preroll.client import orders

    with connected(server) as client:
        about = service_named(client, service).id if service else ""
        asked = orders.list_orders(platform=platform, states=state, service=about, limit=500)
        found = list(client.each(asked))
    if as_json:
        output.as_json(found)
        return
    rows = [(o.id, o.name, state_said(o.state, o.hold), o.due or "", o.why, o.created_by) for o in found]
    output.table(("id", "name", "state", "due", "why", "by"), rows, empty="no orders")


def show(order: str, server: str, *, as_json: bool) -> None:
    """One order: its items, how far it is, its plan, and what can be done with it now."""
    from preroll.cli.connect import connected, resource_names
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.get_order(order_id(client, order)))
        planned = found.plan.devices if found.plan and not as_json else ()
        names = resource_names(client, (device.resource for device in planned if device.changes))
    show_order(found, as_json=as_json, reasons=True, names=names)


def log(order: str, server: str, *, as_json: bool) -> None:
    """What its checks and deployments said."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        lines = client.send(orders.order_log(order_id(client, order)))
    if as_json:
        output.as_json(lines)
    else:
        output.table(("at", "severity", "text"), [(x.at, x.severity, x.text) for x in lines], empty="the log is empty")


def history(order: str, server: str, *, as_json: bool) -> None:
    """Everything that happened to it: who, when, from, to, why."""
    from preroll.cli import output
    from preroll.cli.changes import HEAD, row
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.order_changes(order_id(client, order)))
    if as_json:
        output.as_json(found)
    else:
        output.table(HEAD, [row(one) for one in found])


def delete(order: str, server: str, *, as_json: bool) -> None:
    """Hide it; its history stays."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        ident = order_id(client, order)
        client.send(orders.delete_order(ident))
    if as_json:
        output.as_json({"deleted": ident})


def act(action: str, order: str, *, revision: int | None, server: str, as_json: bool, **said: str) -> None:
    """Carry out an action."""
    from preroll.cli.connect import connected
    from preroll.client import orders

    body = {name: text for name, text in said.items() if text}
    with connected(server) as client:
        found = client.send(orders.act_on_order(order_id(client, order), action, body, seen=revision))
    show_order(found, as_json=as_json)


def time(
    action: str,
    order: str,
    *,
    at: str | None,
    latest_start: str | None,
    force: bool,
    revision: int | None,
    server: str,
    as_json: bool,
) -> None:
    """Deploy it at a time, or now."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.client import orders

    latest = words.seconds(latest_start, "--latest-start") if latest_start else None
    moment = words.moment(at, "--at") if at else None
    with connected(server) as client:
        ident = order_id(client, order)
        call = orders.time_order(ident, action, moment, latest_start=latest, force=force, seen=revision)
        found = client.send(call)
    show_order(found, as_json=as_json)


def _ordered(body: dict[str, Any], server: str, *, now: bool, at: str | None, force: bool, as_json: bool) -> None:
    """Make an order; with a time it is Scheduled at once, or not kept."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.client import orders

    if now and at:
        raise Failure(USAGE, "--now and --at are both given", "one of them says when")
    if now or at:
        body = {**body, "deploy": {"at": words.moment(at, "--at") if at else None, "force": force}}
    with connected(server) as client:
        made = client.send(orders.create_order(**body))
    show_order(made, as_json=as_json)
