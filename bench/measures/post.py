# SPDX-License-Identifier: Apache-2.0
"""A booking of three resources over the REST API, beside a POST with one durable insert through the same writer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from bench.alternating import alternating
from bench.databases import KINDS, databases
from bench.figures import Figure, middle
from bench.filled import MINUTE, NODES, Fill, Filled, names
from bench.measures.booking import Desk
from preroll.api import create_app
from preroll.domain.changes import Change

ALLOWED = 2.0


class Line(BaseModel):
    """What the reference takes."""

    name: str
    text: str


def measure(*, quick: bool) -> Iterator[Figure]:
    """Wall-clock medians in turns, both in one application, called without a network."""
    with databases() as places:
        fill = Fill(places)
        for kind in KINDS:
            yield asyncio.run(_taken(kind, fill.make(kind, 100_000), 150 if quick else 500))


async def _taken(kind: str, filled: Filled, turns: int) -> Figure:
    with ExitStack() as stack:
        desk = stack.enter_context(closing(Desk(filled)))
        api = create_app(desk.app, stopping=lambda: True)

        one_insert(api, desk)

        async def book(number: int) -> None:
            start, block = filled.gap(number)
            nodes = {node: {"resource": name} for node, name in zip(NODES, names(block), strict=True)}
            times = {"start": _written(start), "end": _written(start + 5 * MINUTE)}
            await sent(api, "/api/v1/bookings", {"name": f"new {number}", "definition": "feed", "nodes": nodes} | times)

        async def reference(number: int) -> None:
            await sent(api, "/bench", {"name": f"line {number}", "text": "x" * 200})

        times = await alternating({"book": book, "insert": reference}, turns)
    value, beside = middle(times["book"]) * 1e3, middle(times["insert"]) * 1e3
    return Figure(
        f"post.{kind}", value, "ms", f"<= {ALLOWED:g}x", value <= ALLOWED * beside, beside,
        "a POST with one durable insert", f"three resources; {filled.bookings:,} bookings, {turns} turns",
    )  # fmt: skip


def one_insert(api: FastAPI, desk: Desk) -> None:
    """Give the application the reference: a POST to ``/bench`` with one durable insert through the same writer."""

    @api.post("/bench", status_code=201)
    async def insert(line: Line) -> Line:
        await desk.store.write(lambda tx: tx.changes.add(Change("bench", line.name, 1, "bench", after=line.text)))
        return line


def _written(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def sent(api: Any, path: str, content: object, method: str = "POST") -> None:
    """A request without a network.

    Raises:
        RuntimeError: the answer is neither 200 nor 201.
    """
    body, status = json.dumps(content).encode(), 0
    said: list[bytes] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        said.append(message.get("body", b""))

    headers = [
        (b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)),
    ]  # fmt: skip
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    await api(scope, receive, send)
    if status not in (200, 201):
        raise RuntimeError(f"{path} answered {status}: {b''.join(said).decode()[:500]}")
