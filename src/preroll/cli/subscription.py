# SPDX-License-Identifier: Apache-2.0
"""``preroll subscription``: who is told of which changes, by webhook or by mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from preroll.cli.exits import REFUSED, USAGE, Failure
from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.client import Client
    from preroll.client.subscriptions import Outcome, Subscription

ONE = "its id, or the name of one of your own"


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="Who is told of which changes, by webhook or by mail.")
    command = parser.command("list", list_)
    command.add_argument("--everybody", action="store_true", help="not your own alone; for an admin")
    command.asks_server()
    command = parser.command("create", create)
    command.add_argument("name", metavar="NAME", help="who is told; unique among your own")
    command.add_argument("to", metavar="TO", help="a URL, or with --mail mail addresses with commas")
    command.add_argument("--mail", action="store_true", help="send letters, not webhooks")
    command.add_argument("--secret", metavar="SECRET", default="", help="signs webhooks; default: one is made")
    command.add_argument("--owner", metavar="NAME", default="", help="whose it is; default: you")
    _takes_wishes(command)
    command.asks_server()
    for does, word in ((show, "show"), (pause, "pause"), (resume, "resume"), (delete, "delete"), (test, "test"),
                       (deliveries, "deliveries"), (new_secret, "new-secret")):  # fmt: skip
        command = parser.command(word, does)
        command.add_argument("subscription", metavar="SUBSCRIPTION", help=ONE)
        command.asks_server()
    command = parser.command("change", change)
    command.add_argument("subscription", metavar="SUBSCRIPTION", help=ONE)
    command.add_argument("--name", metavar="NAME", help="call it so from now on")
    command.add_argument("--to", metavar="TO", help="send there from now on")
    command.add_argument("--everything", action="store_true", help="tell everything that you may see")
    _takes_wishes(command)
    command.asks_server()
    command = parser.command("redeliver", redeliver)
    command.add_argument("subscription", metavar="SUBSCRIPTION", help=ONE)
    command.add_argument("message", metavar="MESSAGE", nargs="?", default="", help="its id; default: all, oldest first")
    command.asks_server()
    return parser


def _takes_wishes(command: Parser) -> None:
    command.add_argument("--platform", metavar="NAME", default="", help="only what is on it")
    for word, about in (
        ("kind", "of change, such as booking.state"), ("noun", "such as booking"), ("state", "that is entered"),
    ):  # fmt: skip
        told = f"only this {about}; may be repeated" if word == "kind" else f"only {about}; may be repeated"
        command.add_argument(f"--{word}", dest=f"{word}s", metavar="WORD", action="append", help=told)


def list_(server: str, *, everybody: bool, as_json: bool) -> None:
    """Your subscriptions, or everybody's."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        found = client.send(subscriptions.list_subscriptions(everybody=everybody)).items
    if as_json:
        output.as_json(found)
        return
    rows = [(s.owner, s.name, s.kind, s.to, s.status, s.taken or "never", s.error, s.id) for s in found]
    head = ("owner", "name", "kind", "to", "status", "taken", "error", "id")
    output.table(head, rows, empty="no subscriptions")


def create(
    name: str,
    to: str,
    server: str,
    *,
    mail: bool,
    secret: str,
    owner: str,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Tell somebody from now on; the secret is printed here and can never be seen again."""
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    wanted = {word: value for word, value in wishes.items() if value}
    kind = "mail" if mail else "webhook"
    with connected(server) as client:
        made = client.send(
            subscriptions.create_subscription(name, kind, to, wanted=wanted, secret=secret, owner=owner)
        )  # fmt: skip
    _print(made, as_json=as_json)


def show(subscription: str, server: str, *, as_json: bool) -> None:
    """One subscription, and how it does."""
    from preroll.cli.connect import connected

    with connected(server) as client:
        found = _found(client, subscription)
    _print(found, as_json=as_json)


def change(
    subscription: str,
    server: str,
    *,
    name: str | None,
    to: str | None,
    everything: bool,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Change where it is sent, or what is told: the options for that replace what was wanted before."""
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    asked: dict[str, Any] = {field: value for field, value in (("name", name), ("to", to)) if value is not None}
    if everything or any(wishes.values()):
        asked["wanted"] = {word: value for word, value in wishes.items() if value}
    if not asked:
        raise Failure(USAGE, "nothing is to be changed", "preroll subscription change --help shows what can be")
    with connected(server) as client:
        before = _found(client, subscription)
        after = client.send(subscriptions.change_subscription(before.id, asked, seen=before.revision))
    _print(after, as_json=as_json)


def pause(subscription: str, server: str, *, as_json: bool) -> None:
    """Send nothing more until it is resumed."""
    _set_paused(subscription, server, paused=True, as_json=as_json)


def resume(subscription: str, server: str, *, as_json: bool) -> None:
    """Go on: what has happened meanwhile is told then."""
    _set_paused(subscription, server, paused=False, as_json=as_json)


def delete(subscription: str, server: str, *, as_json: bool) -> None:
    """Tell nothing more; what was given up goes with it."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        found = _found(client, subscription)
        client.send(subscriptions.remove_subscription(found.id))
    if as_json:
        output.as_json({"deleted": found.id})
    else:
        output.line([f"deleted {found.name}"])


def new_secret(subscription: str, server: str, *, as_json: bool) -> None:
    """Sign with another secret from now on; it is printed here and can never be seen again."""
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        made = client.send(subscriptions.renew_secret(_found(client, subscription).id))
    _print(made, as_json=as_json)


def test(subscription: str, server: str, *, as_json: bool) -> None:
    """Send something now that tells of no change, and say what came of it."""
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        found = _found(client, subscription)
        outcome = client.send(subscriptions.test_subscription(found.id))
    _print_outcomes([("the test", outcome)], as_json=as_json)


def deliveries(subscription: str, server: str, *, as_json: bool) -> None:
    """What the receiver has not taken: what comes next, and what was given up."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        found = client.send(subscriptions.deliveries(_found(client, subscription).id))
    if as_json:
        output.as_json(found)
        return
    rows = [("waiting", w.at, w.kind, w.subject, "", w.message) for w in found.waiting]
    rows += [("given up", d.at, d.kind, d.subject, f"{d.attempts}x {d.error}", d.message) for d in found.dead]
    output.table(("", "at", "kind", "of", "why", "message"), rows, empty="everything was taken")


def redeliver(subscription: str, message: str, server: str, *, as_json: bool) -> None:
    """Send what was given up once more, now; stops at the first that is not taken."""
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    done: list[tuple[str, Outcome]] = []
    with connected(server) as client:
        ident = _found(client, subscription).id
        for one in [message] if message else [d.message for d in client.send(subscriptions.deliveries(ident)).dead]:
            done.append((one, client.send(subscriptions.redeliver(ident, one))))
            if not done[-1][1].taken:
                break
    _print_outcomes(done, as_json=as_json)


def _set_paused(subscription: str, server: str, *, paused: bool, as_json: bool) -> None:
    from preroll.cli.connect import connected
    from preroll.client import subscriptions

    with connected(server) as client:
        found = _found(client, subscription)
        after = client.send(subscriptions.change_subscription(found.id, {"paused": paused}))
    _print(after, as_json=as_json)


def _found(client: Client, named: str) -> Subscription:
    """One's own of that name, or the one with that id."""
    from preroll.client import subscriptions

    mine = [s.id for s in client.send(subscriptions.list_subscriptions()).items if s.name == named]
    return client.send(subscriptions.get_subscription(mine[0] if mine else named))


def _print(found: Subscription, *, as_json: bool) -> None:
    from preroll.cli import output

    if as_json:
        output.as_json(found)
        return
    wanted = found.wanted
    parts = [wanted.platform, *wanted.kinds, *wanted.nouns, *wanted.states]
    rows = [
        ("name", found.name), ("to", f"{found.kind} {found.to}"), ("wants", [part for part in parts if part] or "all"),
        ("status", found.status), ("error", found.error), ("taken", found.taken or "never"), ("owner", found.owner),
        ("secret", found.secret or found.reference), ("id", found.id),
    ]  # fmt: skip
    output.fields([(word, value) for word, value in rows if value])


def _print_outcomes(done: list[tuple[str, Outcome]], *, as_json: bool) -> None:
    from preroll.cli import output

    if as_json:
        output.as_json([{"message": what, "taken": o.taken, "error": o.error} for what, o in done])
    else:
        for what, outcome in done:
            output.line([f"{what} was taken" if outcome.taken else f"{what} was not taken: {outcome.error}"])
        if not done:
            output.line(["nothing was given up"])
    if any(not outcome.taken for _, outcome in done):
        raise Failure(REFUSED, "the receiver did not take it", "preroll subscription show tells how it does")
