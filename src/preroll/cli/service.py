# SPDX-License-Identifier: Apache-2.0
"""``preroll service``: the services that orders have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from preroll.cli.exits import NOT_FOUND, Failure
from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from preroll.client import Client
    from preroll.client.orders import Neighbour, Service, ServiceDifference, ServiceSummary


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="The services that orders have made.")
    command = parser.command("list", list_)
    command.add_argument("--state", metavar="STATE", action="append", default=[], help="only in this state; repeat it")
    command.add_argument("--all", dest="everything", action="store_true", help="those too that are gone")
    command.add_argument("--platform", metavar="NAME", help="only of this platform")
    command.asks_server()
    for word, does in (("show", show), ("audit", audit), ("audits", audits), ("history", history)):
        command = parser.command(word, does)
        command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
        command.asks_server()
    command = parser.command("accept", accept)
    command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
    _of_drift(command)
    command = parser.command("approve", approve)
    command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
    command.add_argument("--until", metavar="TIME", required=True, help="then they alarm again, such as +7d")
    command.add_argument("--only", metavar="NODE:PATH", action="append", default=[], help="only this one; repeat it")
    _of_drift(command)
    command = parser.command("disapprove", disapprove)
    command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
    command.add_argument("--reason", metavar="TEXT", default="", help="kept in the change log")
    command.asks_server()
    command = parser.command("abandon", abandon)
    command.add_argument("service", metavar="SERVICE", help="its id, or its whole name")
    command.add_argument("--really", metavar="NAME", required=True, help="its name once more, to confirm it")
    command.add_argument("--why", metavar="TEXT", default="", help="the reason, kept in the change log")
    command.asks_server()
    return parser


def _of_drift(command: Parser) -> None:
    command.add_argument("--reason", metavar="TEXT", required=True, help="kept in the change log")
    command.add_argument("--drift", metavar="HASH", help="of the differences as you saw them; default: as they are now")
    command.asks_server()


def list_(state: list[str], platform: str | None, server: str, *, everything: bool, as_json: bool) -> None:
    """Services, newest first."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import orders

    states = state or ([] if everything else ["Deployed", "Fail Deploy"])
    with connected(server) as client:
        found = list(client.each(orders.list_services(platform=platform, states=states, limit=500)))
    if as_json:
        output.as_json(found)
        return
    rows = [(s.id, s.name, s.state, s.runs, s.deployed, s.desired, s.changed) for s in found]
    output.table(("id", "name", "state", "runs", "deployed", "desired", "changed"), rows, empty="no services")


def show(service: str, server: str, *, as_json: bool) -> None:
    """One service: what it is made of, its revisions, and what its audits say."""
    from preroll.cli.connect import connected, resource_names
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.get_service(service_named(client, service).id))
        names = {} if as_json else resource_names(client, (node["resource"] for node in found.nodes.values()))
    _show(found, as_json=as_json, names=names)


def audit(service: str, server: str, *, as_json: bool) -> None:
    """Have all checks of its definition made now; ``audits`` shows what they found."""
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.audit_service(service_named(client, service).id))
    _show(found, as_json=as_json)


def audits(service: str, server: str, *, as_json: bool) -> None:
    """What its newest audit found, check by check."""
    from preroll.cli import audit as shown
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.service_audits(service_named(client, service).id))
    shown.show(found, as_json=as_json)


def history(service: str, server: str, *, as_json: bool) -> None:
    """Everything that happened to it: who, when, from, to, why."""
    from preroll.cli import output
    from preroll.cli.changes import HEAD, row
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.service_changes(service_named(client, service).id))
    if as_json:
        output.as_json(found)
    else:
        output.table(HEAD, [row(one) for one in found])


def abandon(service: str, really: str, why: str, server: str, *, as_json: bool) -> None:
    """Give up one that failed to deploy, without touching a device; what is left on them stays marked."""
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.abandon_service(service_named(client, service).id, really, why))
    _show(found, as_json=as_json)


def accept(service: str, reason: str, drift: str | None, server: str, *, as_json: bool) -> None:
    """Have it be what its devices have: a new revision, deployed already; no device is touched."""
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        seen = client.send(orders.get_service(service_named(client, service).id))
        found = client.send(orders.accept_service(seen.id, drift or seen.drift, reason))
    _show(found, as_json=as_json)


def approve(
    service: str, until: str, only: list[str], reason: str, drift: str | None, server: str, *, as_json: bool
) -> None:  # fmt: skip
    """Let its differences be until a time: shown as approved, and no alarm, until then or until they are others."""
    from preroll.cli import words
    from preroll.cli.connect import connected
    from preroll.client import orders

    places = [(node, path) for node, _, path in (place.partition(":") for place in only)]
    end = words.moment(until, "--until")
    with connected(server) as client:
        seen = client.send(orders.get_service(service_named(client, service).id))
        found = client.send(orders.approve_differences(seen.id, drift or seen.drift, reason, end, places))
    _show(found, as_json=as_json)


def disapprove(service: str, reason: str, server: str, *, as_json: bool) -> None:
    """Take all approvals of its differences back."""
    from preroll.cli.connect import connected
    from preroll.client import orders

    with connected(server) as client:
        found = client.send(orders.disapprove_differences(service_named(client, service).id, reason))
    _show(found, as_json=as_json)


def service_named(client: Client, named: str) -> ServiceSummary | Service:
    """The service of this id, or the one that exists under this name."""
    from preroll.cli.connect import is_id
    from preroll.client import orders

    if is_id(named):
        return client.send(orders.get_service(named))
    listed = client.each(orders.list_services(states=("Deployed", "Fail Deploy")))
    found = next((s for s in listed if s.name.casefold() == named.casefold()), None)
    if found is None:
        raise Failure(NOT_FOUND, f"there is no service {named}", "preroll service list shows them all")
    return found


def _approval(d: ServiceDifference) -> str:
    return f"until {d.until} by {d.approved_by}: {d.reason}" if d.until else "no"


def _neighbour(n: Neighbour) -> str:
    return n.name if n.state == "Deployed" else f"{n.name} ({n.state})"


def _show(s: Service, *, as_json: bool, names: Mapping[str, str] | None = None) -> None:
    from preroll.cli import output

    if as_json:
        output.as_json(s)
        return
    known = "" if s.known is None else f"{s.known.status}, devices {s.known.configuration}"
    output.fields(
        [
            ("id", s.id), ("name", s.name), ("state", s.state), ("runs", s.runs),
            ("definition", f"{s.definition} version {s.definition_version}"), ("deployed", s.deployed or "not known"),
            ("desired", s.desired), ("last good", s.last_good),
            ("audits", f"{known}{', being audited' if s.auditing else ''}"), ("next audit", s.next_audit),
            ("alarms", [f"{a.kind}: {a.what}" for a in s.alarms]), ("differences", s.drift),
            ("in conflict", s.conflicts),
            ("needs", [_neighbour(n) for n in s.needs]), ("needed by", [_neighbour(n) for n in s.needed_by]),
            ("orders", s.orders),
        ]
    )  # fmt: skip
    held = {label: (names or {}).get(n["resource"], n["resource"]) for label, n in s.nodes.items()}
    rows = [(label, held[label], n["profile"], n["values"]) for label, n in s.nodes.items()]
    output.table(("node", "resource", "profile", "own values"), rows, empty="it holds nothing")
    over = [(o.name, o.state, o.start, o.end, {k: n["values"] for k, n in o.nodes.items()}) for o in s.overlays]
    if over:
        output.table(("overlay", "state", "start", "end", "values"), over)
    if s.differences:
        found = [(d.node, d.path, d.gap, d.expected, d.found, _approval(d)) for d in s.differences]
        output.table(("node", "path", "gap", "expected", "found", "approved"), found, title="differences")
    output.table(("revision", "at", "order"), [(r.number, r.at, r.order) for r in s.revisions])
