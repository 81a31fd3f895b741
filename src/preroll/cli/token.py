# SPDX-License-Identifier: Apache-2.0
"""``preroll token``: keys for programs."""

from __future__ import annotations

from preroll.cli.parser import A_LENGTH, Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(
        name, about="Keys for programs: shown once, narrowed to roles and platforms, and never without an end."
    )
    command = parser.command("list", list_)
    command.add_argument("--everybody", action="store_true", help="not your own alone; for an admin")
    command.asks_server()
    command = parser.command("create", create)
    command.add_argument("name", metavar="NAME", help="what it is for")
    command.add_argument(
        "--role", dest="roles", metavar="ROLE", action="append", help="narrowed to it; may be repeated"
    )
    command.add_argument(
        "--platform", dest="platforms", metavar="NAME", action="append", help="narrowed to it; may be repeated"
    )
    command.add_argument("--lasts", metavar="LENGTH", default="90d", help=f"{A_LENGTH}, 90d; default: 90d")
    command.add_argument("--user", metavar="NAME", default="", help="its owner; default: you")
    command.asks_server()
    command = parser.command("revoke", revoke)
    command.add_argument("token", metavar="TOKEN", help="its id, or the name of one of your own")
    command.asks_server()
    return parser


def list_(server: str, *, everybody: bool, as_json: bool) -> None:
    """Your tokens, or everybody's."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        found = client.send(accounts.list_tokens(everybody=everybody)).items
    if as_json:
        output.as_json(found)
        return
    rows = [(t.user, t.name, t.roles or "all", t.platforms or "all", t.ends, t.used or "never", t.id) for t in found]
    output.table(("owner", "name", "roles", "platforms", "ends", "used", "id"), rows, empty="no tokens")


def create(
    name: str,
    server: str,
    *,
    roles: list[str] | None,
    platforms: list[str] | None,
    lasts: str,
    user: str,
    as_json: bool,
) -> None:
    """Make a token; it is printed here and can never be seen again."""
    from preroll.cli import output, words
    from preroll.cli.connect import connected
    from preroll.client import accounts

    seconds = words.seconds(lasts, "--lasts")
    call = accounts.create_token(name, roles=roles or (), platforms=platforms or (), lasts=seconds, user=user)
    with connected(server) as client:
        made = client.send(call)
    if as_json:
        output.as_json(made)
        return
    output.fields([("token", made.secret), ("of", made.user), ("ends", made.ends), ("id", made.id)])


def revoke(token: str, server: str, *, as_json: bool) -> None:
    """End a token now."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        mine = [t.id for t in client.send(accounts.list_tokens()).items if t.name == token]
        ident = mine[0] if mine else token
        client.send(accounts.revoke_token(ident))
    if as_json:
        output.as_json({"revoked": ident})
    else:
        output.line([f"revoked {token}"])
