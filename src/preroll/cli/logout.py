# SPDX-License-Identifier: Apache-2.0
"""``preroll logout``: have the commands on this machine act as nobody."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, logout)
    parser.asks_server()
    return parser


def logout(server: str, *, as_json: bool) -> None:
    """End the token that preroll login made, and forget it."""
    from preroll.cli import credentials, output
    from preroll.cli.connect import connected
    from preroll.cli.exits import Failure
    from preroll.client import Problem, accounts

    ident = credentials.token_id(server)
    told = f"nobody is signed in on {server}"
    if ident:
        try:
            with connected(server) as client:
                try:
                    client.send(accounts.revoke_token(ident))
                except Problem as problem:
                    if problem.status not in (401, 404):
                        raise
            told = f"the token for {server} has ended"
        except Failure as failure:
            told = f"the token is forgotten here, but {server} did not end it: {failure.what}"
        credentials.drop(server)
    if as_json:
        output.as_json({"told": told})
    else:
        output.line([told])
