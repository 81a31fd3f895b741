# SPDX-License-Identifier: Apache-2.0
"""``preroll runs``: what ran for a booking, step by step."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, runs)
    parser.add_argument("booking", metavar="BOOKING", help="its id, or its whole name")
    parser.asks_server()
    return parser


def runs(booking: str, server: str, *, as_json: bool) -> None:
    """What ran for a booking, step by step: which script, which version, when, and how it ended."""
    from preroll.cli import output
    from preroll.cli.connect import booking_id, connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.booking_runs(booking_id(client, booking)))
    if as_json:
        output.as_json(found)
        return
    rows: list[output.Row] = []
    for r in found:
        rows.append((r.event, "", f"{r.script} {r.version}", r.outcome, r.began, r.ended, f"{r.reason} {r.message}"))
        rows += [("", s.name, s.resource_name or s.resource, s.state, s.began, s.ended, s.error) for s in r.steps]
    output.table(("event", "step", "script / resource", "outcome", "began", "ended", "why"), rows, empty="nothing ran")
