# SPDX-License-Identifier: Apache-2.0
"""``preroll booking``: book, and everything that can be done with a booking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from preroll.cli.options import SERVER, AsJson, Server, group

if TYPE_CHECKING:
    from preroll.client.things import Booking, BookingSummary

app = group("Book, and everything that can be done with a booking.")

Named = Annotated[str, typer.Argument(metavar="BOOKING", help="its id, or its whole name")]
Revision = Annotated[int | None, typer.Option(help="refuse if this is not its revision any more", metavar="N")]
Node = Annotated[
    list[str], typer.Option("--node", help="resource for a node, by id or name; repeat it", metavar="LABEL=RESOURCE")
]
Profile = Annotated[
    list[str], typer.Option("--profile", help="profile instance for a node; repeat it", metavar="LABEL=INSTANCE")
]
Value = Annotated[
    list[str], typer.Option("--value", help="a parameter's value on a node; repeat it", metavar="LABEL.PARAMETER=VALUE")
]
Property = Annotated[list[str], typer.Option("--property", help="repeat it", metavar="NAME=VALUE")]
A_TIME = "2026-03-01T18:00:00Z, now, now+90s or +10m"
A_LENGTH = "90s, 5m, 1h30m"

# fmt: off
ACTIONS = {
    # action        help                                                                      with a reason
    "confirm":     ("schedule it to be orchestrated",                                         False),
    "hold":        ("put it on hold: not executed, its resources stay held",                  False),
    "cancel":      ("cancel a booking that does not run; its resources are released",         True),
    "finish":      ("end a running booking now; in pre-roll that aborts it",                  True),
    "retry":       ("run a failed event again, from its first step that is not done",         True),
    "acknowledge": ("take a failed event as repaired by hand; needs --why",                   True),
}
# fmt: on


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="what it is called", metavar="NAME")],
    start: Annotated[str, typer.Option(help=f"on the air: {A_TIME}", metavar="TIME")],
    end: Annotated[str | None, typer.Option(help="off the air; left out: permanent", metavar="TIME")] = None,
    definition: Annotated[str | None, typer.Option(help="service definition", metavar="NAME")] = None,
    pre_roll: Annotated[str, typer.Option(help=A_LENGTH, metavar="LENGTH")] = "0s",
    post_roll: Annotated[str, typer.Option(help=A_LENGTH, metavar="LENGTH")] = "0s",
    node: Node = [],  # noqa: B006 - read only; the library makes the list
    profile: Profile = [],  # noqa: B006
    value: Value = [],  # noqa: B006
    prop: Property = [],  # noqa: B006
    priority: Annotated[int, typer.Option(help="higher wins a conflict")] = 0,
    platform: Annotated[str, typer.Option(metavar="NAME")] = "default",
    ident: Annotated[str | None, typer.Option("--id", help="a UUID of your own", metavar="UUID")] = None,
    server: Server = SERVER,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Book: the resources are held; nothing happens until it is confirmed."""
    from preroll.cli import words
    from preroll.client import calls

    call = calls.create_booking(
        name, words.moment(start, "--start"), words.moment(end, "--end") if end else None,
        nodes=_nodes(node, profile, value), definition=definition, pre_roll=words.seconds(pre_roll, "--pre-roll"),
        post_roll=words.seconds(post_roll, "--post-roll"), properties=words.values(prop, "--property"),
        priority=priority, platform=platform, id=ident,
    )  # fmt: skip
    _send(call, server, as_json=as_json)


@app.command("list")
def list_(
    state: Annotated[list[str], typer.Option(help="only in this state; repeat it", metavar="STATE")] = [],  # noqa: B006
    text: Annotated[str, typer.Option(help="only with this in the name")] = "",
    platform: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    since: Annotated[str | None, typer.Option("--from", help=f"held at or after {A_TIME}", metavar="TIME")] = None,
    until: Annotated[str | None, typer.Option("--to", help="held before", metavar="TIME")] = None,
    server: Server = SERVER,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """All bookings, by start."""
    from preroll.cli import output, words
    from preroll.cli.connect import connected
    from preroll.client import calls

    bounds = {"since": words.moment(since, "--from") if since else None}
    bounds["until"] = words.moment(until, "--to") if until else None
    with connected(server) as client:
        found = list(client.each(calls.list_bookings(platform=platform, states=state, text=text, limit=500, **bounds)))
    if as_json:
        output.as_json(found)
        return
    rows = [(b.id, b.name, _state(b), b.service_state, b.start, b.end or "permanent") for b in found]
    output.table(("id", "name", "state", "service", "start", "end"), rows, empty="no bookings")


@app.command()
def show(booking: Named, server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
    """One booking: its events, what it waits for, what can be done with it now."""
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        _show(client.send(calls.get_booking(booking_id(client, booking))), as_json=as_json)


@app.command()
def edit(
    booking: Named,
    name: Annotated[str | None, typer.Option(help="its new name")] = None,
    start: Annotated[str | None, typer.Option(help=A_TIME, metavar="TIME")] = None,
    end: Annotated[str | None, typer.Option(help="a time, or never: permanent", metavar="TIME")] = None,
    pre_roll: Annotated[str | None, typer.Option(help=A_LENGTH, metavar="LENGTH")] = None,
    post_roll: Annotated[str | None, typer.Option(help=A_LENGTH, metavar="LENGTH")] = None,
    node: Node = [],  # noqa: B006
    profile: Profile = [],  # noqa: B006
    value: Value = [],  # noqa: B006
    prop: Property = [],  # noqa: B006
    priority: Annotated[int | None, typer.Option(help="higher wins a conflict")] = None,
    revision: Revision = None,
    server: Server = SERVER,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Change what is given. --node LABEL= empties a node, --property NAME=null removes one."""
    from preroll.cli import words
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    change: dict[str, Any] = {
        "name": name, "priority": priority, "start": words.moment(start, "--start") if start else None,
        "pre_roll": words.seconds(pre_roll, "--pre-roll") if pre_roll else None,
        "post_roll": words.seconds(post_roll, "--post-roll") if post_roll else None,
        "nodes": _nodes(node, profile, value) or None, "properties": words.values(prop, "--property") or None,
    }  # fmt: skip
    change = {field: new for field, new in change.items() if new is not None}
    if end is not None:
        change["end"] = None if end == "never" else words.moment(end, "--end")
    with connected(server) as client:
        found = client.send(calls.edit_booking(booking_id(client, booking), change, seen=revision))
        _show(found, as_json=as_json)


@app.command()
def log(booking: Named, server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
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


@app.command()
def history(booking: Named, server: Server = SERVER, as_json: AsJson = False) -> None:  # noqa: FBT002
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


def _action(action: str, *, reasoned: bool) -> Callable[..., None]:
    def act(
        booking: Named,
        revision: Revision = None,
        server: Server = SERVER,
        as_json: AsJson = False,  # noqa: FBT002
        why: str = "",
    ) -> None:
        from preroll.cli.connect import booking_id, connected
        from preroll.client import calls

        with connected(server) as client:
            call = calls.act(booking_id(client, booking), action, why=why, seen=revision)
            _show(client.send(call), as_json=as_json)

    def act_with_reason(
        booking: Named,
        why: Annotated[str, typer.Option(help="the reason, kept in the change log", metavar="TEXT")] = "",
        revision: Revision = None,
        server: Server = SERVER,
        as_json: AsJson = False,  # noqa: FBT002
    ) -> None:
        act(booking, revision, server, as_json, why)

    def act_plainly(
        booking: Named,
        revision: Revision = None,
        server: Server = SERVER,
        as_json: AsJson = False,  # noqa: FBT002
    ) -> None:
        act(booking, revision, server, as_json)

    return act_with_reason if reasoned else act_plainly


for _name, (_help, _reasoned) in ACTIONS.items():
    app.command(_name, help=_help)(_action(_name, reasoned=_reasoned))


def _send(call: Any, server: str, *, as_json: bool) -> None:
    from preroll.cli.connect import connected

    with connected(server) as client:
        _show(client.send(call), as_json=as_json)


def _nodes(node: list[str], profile: list[str], value: list[str]) -> dict[str, Any]:
    """What the options say of each node; one whose resource is empty is taken away."""
    from preroll.cli import words

    resources, profiles = words.pairs(node, "--node"), words.pairs(profile, "--profile")
    found: dict[str, Any] = {label: {"resource": name} if name else None for label, name in resources.items()}
    for label, name in profiles.items():
        found[label] = {**(found.get(label) or {}), "profile": name}
    for where, what in words.values(value, "--value").items():
        label, _, parameter = where.rpartition(".")
        given = found.get(label) or {}
        found[label] = {**given, "values": {**given.get("values", {}), parameter: what}}
    return found


def _state(b: BookingSummary) -> str:
    return f"{b.state}, entering {b.entering}" if b.entering else b.state


def _show(b: Booking, *, as_json: bool) -> None:
    from preroll.cli import output

    if as_json:
        output.as_json(b)
        return
    output.fields(
        [
            ("booking", b.name), ("id", b.id), ("state", _state(b)), ("service", b.service_state),
            ("on the air", f"{output.cell(b.start)} to {output.cell(b.end) if b.end else 'further notice'}"),
            ("rolls", f"{b.pre_roll} s before, {b.post_roll} s after"),
            ("definition", f"{b.definition.name} version {b.definition.version}" if b.definition else ""),
            ("nodes", {label: node.resource or "-" for label, node in b.nodes.items()}),
            ("properties", b.properties), ("priority", b.priority or ""), ("revision", b.revision),
            ("late", f"{b.late:.1f} s" if b.late else ""), ("waiting", [w.what for w in b.waiting]),
            ("warnings", b.warnings), ("possible", b.actions),
        ]
    )  # fmt: skip
    if b.events:
        rows = [(e.event, e.state, e.planned, e.began, e.ended, f"{e.reason} {e.message}".strip()) for e in b.events]
        output.table(("event", "state", "planned", "began", "ended", "why"), rows)
