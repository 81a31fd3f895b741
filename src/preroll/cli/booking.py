# SPDX-License-Identifier: Apache-2.0
"""``preroll booking``: book, and everything that can be done with a booking."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from preroll.cli import changing, refitting
from preroll.cli.parser import A_LENGTH, A_TIME, Parser

if TYPE_CHECKING:
    from preroll.client.things import Booking

ATTENTION = "only what is not confirmed and whose time comes near (near_air), or is over (lapsed); repeat it for both"
SELECTING = "false: no node takes a resource by itself, whatever its definition says; default: true"
LISTED = "of a free list: true: its profiles are loaded at START and STOP; false: it is only held"
FORCE = "save it in spite of conflicts; who must yield is quarantined"

# fmt: off
ACTIONS = {
    # action        help                                                                      with a reason
    "confirm":     ("Schedule it to be orchestrated.",                                        False),
    "hold":        ("Put it on hold: not executed, its resources stay held.",                 False),
    "cancel":      ("Cancel a booking that does not run; its resources are released.",        True),
    "apply-now":   ("Bring changed profiles to a running booking, which kept the old ones.",    True),
    "finish":      ("End a running booking now; in pre-roll that aborts it.",                 True),
    "retry":       ("Run a failed event again, from its first step that is not done.",        True),
    "acknowledge": ("Take a failed event as repaired by hand; needs --why.",                  True),
    "take":        ("Own it, where the platform locks bookings: only you may change it.",     False),
    "release":     ("Own it no more: anybody may take it.",                                   False),
    "force-take":  ("Take it from its owner.",                                                False),
}
# fmt: on


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Book, and everything that can be done with a booking.")
    _define_create(parser.command("create", create))
    _define_list(parser.command("list", list_))
    for word, does in (("show", show), ("log", log), ("history", history)):
        _named(parser.command(word, does)).asks_server()
    _define_edit(parser.command("edit", edit)).add_argument("--force", action="store_true", help=FORCE)
    _define_edit(parser.command("leave-quarantine", leave_quarantine))
    for action, (about, reasoned) in ACTIONS.items():
        command = _named(parser.command(action, partial(act, action), about))
        if reasoned:
            command.add_argument("--why", metavar="TEXT", default="", help="the reason, kept in the change log")
        command.is_guarded()
    changing.define(parser)
    refitting.define(parser)
    return parser


def _define_create(command: Parser) -> None:
    option = command.add_argument
    option("name", metavar="NAME", help="what it is called")
    option("--start", metavar="TIME", help=f"on the air: {A_TIME}; left out: soon, as the platform's default says")
    option("--end", metavar="TIME", help="off the air, or never: permanent; left out: the platform's default duration")
    option("--permanent", action="store_true", help="without end, whatever the default duration")
    option("--definition", metavar="NAME", help="service definition; without it a free list of resources")
    option("--orchestrated", action="store_true", help="of a free list: its profiles are loaded at START and STOP")
    option("--overlays", metavar="SERVICE", default="", help="a permanent service that has these values meanwhile")
    option("--pre-roll", metavar="LENGTH", help=f"{A_LENGTH}; default: the platform's")
    option("--post-roll", metavar="LENGTH", help=f"{A_LENGTH}; default: the platform's")
    takes_nodes(command)
    option("--priority", metavar="N", type=int, default=0, help="higher wins a conflict")
    option("--force", action="store_true", help=FORCE)
    option("--auto-select", metavar="BOOL", default="true", choices=["true", "false"], help=SELECTING)
    option("--platform", metavar="NAME", default="default", help="where; default: default")
    option("--id", dest="ident", metavar="UUID", help="a UUID of your own")
    command.asks_server()


def _define_list(command: Parser) -> None:
    option = command.add_argument
    option("--state", metavar="STATE", action="append", default=[], help="only in this state; repeat it")
    option("--text", metavar="TEXT", default="", help="only with this in the name")
    option("--platform", metavar="NAME", help="only of this platform")
    option("--attention", metavar="KIND", action="append", default=[], choices=["near_air", "lapsed"], help=ATTENTION)
    option("--from", dest="since", metavar="TIME", help=f"held at or after {A_TIME}")
    option("--to", dest="until", metavar="TIME", help="held before")
    command.asks_server()


def _define_edit(command: Parser) -> Parser:
    option = _named(command).add_argument
    option("--name", metavar="NAME", help="its new name")
    option("--start", metavar="TIME", help=A_TIME)
    option("--end", metavar="TIME", help="a time, or never: permanent")
    option("--pre-roll", metavar="LENGTH", help=A_LENGTH)
    option("--post-roll", metavar="LENGTH", help=A_LENGTH)
    takes_nodes(command)
    option("--priority", metavar="N", type=int, help="higher wins a conflict")
    option("--orchestrated", metavar="BOOL", choices=["true", "false"], help=LISTED)
    command.is_guarded()
    return command


def takes_nodes(command: Parser) -> None:
    """What is chosen for nodes, and properties."""
    many = partial(command.add_argument, action="append", default=[])
    many("--node", metavar="LABEL=RESOURCE", help="resource for a node, by id or name; repeat it")
    many("--profile", metavar="LABEL=INSTANCE", help="profile instance for a node; repeat it")
    many("--profile-by", metavar="LABEL=WAY", help="value: copied now; reference: read at each event; repeat it")
    many("--value", metavar="LABEL.PARAMETER=VALUE", help="a parameter's value on a node; repeat it")
    many(
        "--whole", metavar="LABEL", help="take the node's resource whole: every place, all of each capacity; repeat it"
    )
    many("--property", dest="prop", metavar="NAME=VALUE", help="a property of the booking; repeat it")


def _named(command: Parser) -> Parser:
    command.add_argument("booking", metavar="BOOKING", help="its id, or its whole name")
    return command


def create(
    name: str,
    start: str | None,
    end: str | None,
    *,
    permanent: bool,
    definition: str | None,
    pre_roll: str | None,
    post_roll: str | None,
    node: list[str],
    profile: list[str],
    profile_by: list[str],
    value: list[str],
    whole: list[str],
    prop: list[str],
    auto_select: str,
    server: str,
    as_json: bool,
    ident: str | None,
    **more: Any,
) -> None:
    """Book: the resources are held; nothing happens until it is confirmed."""
    from preroll.cli import words
    from preroll.client import calls

    call = calls.create_booking(
        name, words.moment(start, "--start") if start else None,
        words.moment(end, "--end") if end and end != "never" else None,
        permanent=permanent or end == "never", nodes=nodes_given(node, profile, profile_by, value, whole),
        definition=definition,
        pre_roll=words.seconds(pre_roll, "--pre-roll") if pre_roll else None,
        post_roll=words.seconds(post_roll, "--post-roll") if post_roll else None,
        properties=words.values(prop, "--property"), id=ident, auto_select=auto_select == "true", **more,
    )  # fmt: skip
    _send(call, server, as_json=as_json)


def list_(
    state: list[str],
    text: str,
    platform: str | None,
    attention: list[str],
    since: str | None,
    until: str | None,
    server: str,
    *,
    as_json: bool,
) -> None:
    """All bookings, by start."""
    from preroll.cli import booking_shown as shown
    from preroll.cli import output, words
    from preroll.cli.connect import connected
    from preroll.client import calls

    bounds = {"since": words.moment(since, "--from") if since else None}
    bounds["until"] = words.moment(until, "--to") if until else None
    with connected(server) as client:
        asked = calls.list_bookings(
            platform=platform, states=state, text=text, attention=attention, limit=500, **bounds
        )
        found = list(client.each(asked))
    if as_json:
        output.as_json(found)
        return
    rows = [(b.id, b.name, shown.state(b), b.service_state, b.start, b.end or "permanent") for b in found]
    output.table(("id", "name", "state", "service", "start", "end"), rows, empty="no bookings")


def show(booking: str, server: str, *, as_json: bool) -> None:
    """One booking: its events, what it waits for, what can be done with it now, and why the rest cannot."""
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.get_booking(booking_id(client, booking)))
    shown.show(found, as_json=as_json, reasons=True)


def edit(booking: str, *, force: bool, revision: int | None, server: str, as_json: bool, **asked: Any) -> None:
    """Change what is given. --node LABEL= empties a node, --property NAME=null removes one."""
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    change = _change(**asked) | ({"force": True} if force else {})
    with connected(server) as client:
        found = client.send(calls.edit_booking(booking_id(client, booking), change, seen=revision))
        shown.show(found, as_json=as_json)


def leave_quarantine(booking: str, *, revision: int | None, server: str, as_json: bool, **asked: Any) -> None:
    """Leave quarantine with all that it needs: as it was, or with another resource, time or profile."""
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        ident = booking_id(client, booking)
        before = client.send(calls.get_booking(ident)).confirming
        found = client.send(calls.leave_quarantine(ident, _change(**asked), seen=revision))
    shown.show(found, as_json=as_json)
    if found.confirming != before:
        _require_confirmed(found)


def log(booking: str, server: str, *, as_json: bool) -> None:
    """Its action log: what its scripts said."""
    from preroll.cli import output
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        lines = client.send(calls.booking_log(booking_id(client, booking)))
    if as_json:
        output.as_json(lines)
    else:
        rows = [(line.at, line.severity, line.text, line.data) for line in lines]
        output.table(("at", "severity", "text", "data"), rows, empty="the log is empty")


def history(booking: str, server: str, *, as_json: bool) -> None:
    """Everything that happened to it: who, when, from, to, why."""
    from preroll.cli import output
    from preroll.cli.changes import HEAD, row
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.booking_changes(booking_id(client, booking)))
    if as_json:
        output.as_json(found)
    else:
        output.table(HEAD, [row(change) for change in found])


def act(action: str, booking: str, *, revision: int | None, server: str, as_json: bool, why: str = "") -> None:
    """Carry out an action of the life cycle."""
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.act(booking_id(client, booking), action, why=why, seen=revision))
    shown.show(found, as_json=as_json)
    if action == "confirm":
        _require_confirmed(found)


def _require_confirmed(found: Booking) -> None:
    """Tell what the created booking actions said, if one of them failed."""
    from preroll.cli.exits import REFUSED, Failure

    if found.confirming and found.confirming.state == "failed":
        raise Failure(REFUSED, found.confirming.message, "preroll booking log tells more; then confirm again")


def _send(call: Any, server: str, *, as_json: bool) -> None:
    from preroll.cli import booking_shown as shown
    from preroll.cli.connect import connected

    with connected(server) as client:
        shown.show(client.send(call), as_json=as_json)


def _change(
    *,
    name: str | None,
    start: str | None,
    end: str | None,
    pre_roll: str | None,
    post_roll: str | None,
    node: list[str],
    profile: list[str],
    profile_by: list[str],
    value: list[str],
    whole: list[str],
    prop: list[str],
    priority: int | None,
    orchestrated: str | None,
) -> dict[str, Any]:
    """What the options of an edit say is to change."""
    from preroll.cli import words

    change: dict[str, Any] = {
        "name": name, "priority": priority, "start": words.moment(start, "--start") if start else None,
        "pre_roll": words.seconds(pre_roll, "--pre-roll") if pre_roll else None,
        "post_roll": words.seconds(post_roll, "--post-roll") if post_roll else None,
        "nodes": nodes_given(node, profile, profile_by, value, whole) or None,
        "properties": words.values(prop, "--property") or None,
        "orchestrated": None if orchestrated is None else orchestrated == "true",
    }  # fmt: skip
    change = {field: new for field, new in change.items() if new is not None}
    if end is not None:
        change["end"] = None if end == "never" else words.moment(end, "--end")
    return change


def nodes_given(
    node: list[str], profile: list[str], profile_by: list[str], value: list[str], whole: list[str]
) -> dict[str, Any]:
    """What the options say of each node; one whose resource is empty is taken away."""
    from preroll.cli import words

    resources, profiles = words.pairs(node, "--node"), words.pairs(profile, "--profile")
    found: dict[str, Any] = {label: {"resource": name} if name else None for label, name in resources.items()}
    for label, name in profiles.items():
        found[label] = {**(found.get(label) or {}), "profile": name}
    for label, way in words.pairs(profile_by, "--profile-by").items():
        found[label] = {**(found.get(label) or {}), "profile_by": way}
    for label, values in words.node_values(value, "--value").items():
        found[label] = {**(found.get(label) or {}), "values": values}
    for label in whole:
        found[label] = {**(found.get(label) or {}), "whole": True}
    return found
