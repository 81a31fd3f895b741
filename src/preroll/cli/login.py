# SPDX-License-Identifier: Apache-2.0
"""``preroll login``: have the commands on this machine act as somebody."""

from __future__ import annotations

import socket

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, login)
    parser.add_argument("name", metavar="NAME", help="of the account; its password is asked for, or read from a pipe")
    parser.add_argument("--days", metavar="N", type=int, default=90, help="until it has to be done again; default: 90")
    parser.asks_server()
    return parser


def login(name: str, server: str, *, days: int, as_json: bool) -> None:
    """Sign in once, and keep a token in this person's settings for the commands that follow; see preroll logout."""
    from preroll.cli import credentials, output, passwords
    from preroll.cli.connect import connected
    from preroll.client import accounts

    with connected(server, token="") as client:
        me = client.sign_in(name, passwords.asked())
        label = f"preroll login on {socket.gethostname()}"
        mine = client.send(accounts.list_tokens()).items
        for old in [token for token in mine if token.name == label]:
            client.send(accounts.revoke_token(old.id))
        made = client.send(accounts.create_token(label, lasts=f"P{days}D"))
        client.send(accounts.sign_out())
    path = credentials.keep(server, made.id, made.secret)
    if as_json:
        output.as_json({"name": me.name, "ends": made.ends, "file": str(path)})
    else:
        output.line([f"commands act as {me.name} on {server} until {made.ends:%Y-%m-%d}; kept in {path}"])
