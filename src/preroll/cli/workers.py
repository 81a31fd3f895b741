# SPDX-License-Identifier: Apache-2.0
"""``preroll workers``: who runs what is due, and what nobody reaches."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, workers)
    parser.asks_server()
    return parser


def workers(server: str, *, as_json: bool) -> None:
    """All engines of the database with their leases and runs, and the resources that none of them reaches."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.list_workers())
    if as_json:
        output.as_json(found)
        return
    rows: list[output.Row] = [
        (w.name, w.role, w.host, w.pid, w.version, ", ".join(w.labels), w.lease_until if w.alive else "gone", w.running)
        for w in found.workers
    ]
    output.table(("name", "role", "host", "pid", "version", "labels", "lease until", "runs"), rows, empty="no workers")
    if found.unreached:
        missing = [(", ".join(u.labels), u.count, ", ".join(u.resources)) for u in found.unreached]
        output.table(("nobody has", "resources", "such as"), missing)
    if found.paused:
        output.table(("paused: nothing begins on",), [(name,) for name in found.paused])
