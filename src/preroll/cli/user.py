# SPDX-License-Identifier: Apache-2.0
"""``preroll user``: people, and what they may do where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from preroll.cli.exits import USAGE, Failure
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, about="People, and what they may do where.")
    parser.command("list", list_).asks_server()
    command = parser.command("show", show)
    command.add_argument("name", metavar="NAME", help="or id; default: you", nargs="?", default="")
    command.asks_server()
    command = parser.command("add", add)
    command.add_argument("name", metavar="NAME", help="of the account")
    command.add_argument(
        "--admin", action="store_true",
        help="an admin everywhere, made in the database itself, on the server's machine: the first one, or a rescue",
    )  # fmt: skip
    command.add_argument("--full-name", metavar="TEXT", default="", help="how people call this person")
    command.add_argument("--no-password", action="store_true", help="signs in by OpenID Connect alone")
    _takes_rights(command)
    command.asks_server()
    command.reads_settings("data", "database")
    command = parser.command("edit", edit)
    command.add_argument("name", metavar="NAME", help="or id")
    command.add_argument("--full-name", metavar="TEXT", help="how people call this person")
    command.add_argument("--password", action="store_true", help="set a new one; it is asked for, or read from a pipe")
    command.add_argument("--disable", dest="disabled", action="store_const", const=True, help="nobody signs in by it")
    command.add_argument("--enable", dest="disabled", action="store_const", const=False, help="the opposite")
    _takes_rights(command)
    command.asks_server()
    for verb, does in (("sign-out", sign_out), ("unlock", unlock)):
        command = parser.command(verb, does)
        command.add_argument("name", metavar="NAME", help="or id")
        command.asks_server()
    command = parser.command("remove", remove)
    command.add_argument("name", metavar="NAME", help="or id")
    command.asks_server()
    parser.command("password", password).asks_server()
    return parser


def _takes_rights(command: Parser) -> None:
    command.add_argument(
        "--role", dest="roles", metavar="ROLE[@PLATFORM]", action="append",
        help="viewer, operator, provisioner, designer or admin; everywhere, or on one platform; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--scope", dest="scopes", metavar="SCOPE", action="append",
        help="sees bookings that carry this security scope; may be repeated",
    )  # fmt: skip


def list_(server: str, *, as_json: bool) -> None:
    """All people."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        found = client.send(accounts.list_users()).items
    if as_json:
        output.as_json(found)
        return
    rows = [(u.name, u.full_name, _told(u), u.scopes, "disabled" if u.disabled else "") for u in found]
    output.table(("name", "full name", "roles", "scopes", ""), rows, empty="nobody has an account")


def show(name: str, server: str, *, as_json: bool) -> None:
    """One person; without a name: who you are here."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        found: Any = client.send(accounts.get_user(name)) if name else client.send(accounts.me())
    if as_json:
        output.as_json(found)
        return
    output.fields([("name", found.name), ("roles", _told(found)), ("scopes", found.scopes)])


def add(
    name: str,
    server: str,
    *,
    admin: bool,
    full_name: str,
    no_password: bool,
    roles: list[str] | None,
    scopes: list[str] | None,
    as_json: bool,
    config: Path | None,
    data: Path | None,
    database: str | None,
) -> None:
    """Add a person; the password is asked for, or read from a pipe. With --admin no server is needed."""
    from preroll.cli import output, passwords
    from preroll.cli.connect import connected
    from preroll.client import accounts

    if admin:
        if roles or scopes or no_password:
            raise Failure(USAGE, "--admin stands alone: an admin may do everything", "leave the others out")
        _make_admin(name, config, data, database)
    else:
        everywhere, there = _split(roles or [])
        more = {} if no_password else {"password": passwords.chosen()}
        call = accounts.create_user(name, roles=everywhere, on=there, scopes=scopes or (), full_name=full_name, **more)
        with connected(server) as client:
            client.send(call)
    if as_json:
        output.as_json({"added": name})
    else:
        output.line([f"{name} can sign in"])


def _make_admin(name: str, config: Path | None, data: Path | None, database: str | None) -> None:
    from preroll import bootstrap
    from preroll.cli import passwords
    from preroll.cli.local import settings_of
    from preroll.domain.errors import Invalid

    with settings_of(config, data=data, database=database) as settings:
        try:
            bootstrap.make_admin(settings, name, passwords.chosen())
        except Invalid as error:
            raise Failure(USAGE, str(error), "nothing was changed") from None


def edit(
    name: str,
    server: str,
    *,
    full_name: str | None,
    password: bool,
    disabled: bool | None,
    roles: list[str] | None,
    scopes: list[str] | None,
    as_json: bool,
) -> None:
    """Change a person; roles and scopes that are given replace those that were."""
    from preroll.cli import output, passwords
    from preroll.cli.connect import connected
    from preroll.client import accounts

    change: dict[str, Any] = {"full_name": full_name, "disabled": disabled}
    change = {key: value for key, value in change.items() if value is not None}
    if password:
        change["password"] = passwords.chosen()
    with connected(server) as client:
        before = client.send(accounts.get_user(name))
        if roles is not None or scopes is not None:
            everywhere, there = (before.roles, before.on) if roles is None else _split(roles)
            change["rights"] = accounts.rights(everywhere, there, before.scopes if scopes is None else scopes)
        after = client.send(accounts.edit_user(name, change, seen=before.revision))
    if as_json:
        output.as_json(after)
    else:
        output.fields([("name", after.name), ("roles", _told(after)), ("scopes", after.scopes)])


def sign_out(name: str, server: str, *, as_json: bool) -> None:
    """End all sessions of a person; tokens go on."""
    from preroll.client import accounts

    _done(accounts.sign_user_out(name), server, {"signed_out": name}, f"{name} is signed out everywhere", as_json)


def unlock(name: str, server: str, *, as_json: bool) -> None:
    """Forget the failed sign-ins of a person."""
    from preroll.client import accounts

    _done(accounts.unlock_user(name), server, {"unlocked": name}, f"{name} can try again", as_json)


def _done(call: Any, server: str, told: dict[str, str], line: str, as_json: bool) -> None:  # noqa: FBT001 - as given
    from preroll.cli import output
    from preroll.cli.connect import connected

    with connected(server) as client:
        client.send(call)
    if as_json:
        output.as_json(told)
    else:
        output.line([line])


def remove(name: str, server: str, *, as_json: bool) -> None:
    """Remove a person with all sessions and tokens; the change log keeps the name."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        client.send(accounts.remove_user(name))
    if as_json:
        output.as_json({"removed": name})
    else:
        output.line([f"removed {name}"])


def password(server: str, *, as_json: bool) -> None:
    """Change your own password: the old one is asked for, then the new one; or two lines of a pipe."""
    from preroll.cli import output, passwords
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server) as client:
        client.send(accounts.change_password(passwords.asked("Old password"), passwords.chosen()))
    if as_json:
        output.as_json({"changed": True})
    else:
        output.line(["changed; sessions in browsers have ended"])


def _split(roles: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    everywhere, there = [], dict[str, list[str]]()
    for word in roles:
        role, at, platform = word.partition("@")
        if at:
            there.setdefault(platform, []).append(role)
        else:
            everywhere.append(role)
    return everywhere, there


def _told(person: Any) -> list[str]:
    return [*person.roles, *(f"{role}@{platform}" for platform, roles in person.on.items() for role in roles)]
