# SPDX-License-Identifier: Apache-2.0
"""``preroll night``: what is on the air, what comes next, what needs somebody."""

from __future__ import annotations

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, night)
    parser.of_platform()
    parser.asks_server()
    return parser


def night(platform: str, server: str, *, as_json: bool) -> None:
    """What is on the air, what comes next and what it lacks, what needs somebody and what to do about it."""
    from preroll.cli import output
    from preroll.cli.connect import connected
    from preroll.client import calls

    with connected(server) as client:
        found = client.send(calls.night(platform))
    if as_json:
        output.as_json(found)
        return
    troubles = [(t["concern"], t["name"], t["what"], t["to_do"], t["booking"]) for t in found["troubles"]]
    output.table(("concern", "booking", "what", "what to do", "id"), troubles, title="needs somebody")
    if found["orders"]:
        orders = [(o["concern"], o["name"], o["what"], o["to_do"], o["order"] or o["service"]) for o in found["orders"]]
        output.table(("concern", "order or service", "what", "what to do", "id"), orders, title="orders")
    if found["services"]:
        alarms = [(a["kind"], a["name"], a["what"], a["to_do"], a["service"]) for a in found["services"]]
        output.table(("alarm", "service", "what", "what to do", "id"), alarms, title="services that are not well")
    on_air = [(b["state"], b["name"], b["next_event"], b["next_at"], b["booking"]) for b in found["on_air"]]
    output.table(("state", "booking", "next", "at", "id"), on_air, title="on the air")
    coming = [(b["first_event"], b["name"], "; ".join(map(_lack, b["lacks"])) or "ready") for b in found["coming"]]
    output.table(("first event", "booking", "lacks"), coming, title="comes next")
    if found["ailments"]:
        rows = [(a["part"], a["what"], a["to_do"]) for a in found["ailments"]]
        output.table(("part", "what", "what to do"), rows, title="not well")


def _lack(lack: dict[str, str]) -> str:
    return f"{lack['where']} {lack['what']}"
