# SPDX-License-Identifier: Apache-2.0
"""The HTTP audit, against a real server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
from aiohttp import web

from preroll.audits import Http as Shipped
from preroll.domain.errors import Invalid
from preroll.sdk import AuditState
from tests.audits.far_ends import serving

Http = partial(Shipped, patience=60.0)
"""Waits as long as it takes where somebody answers."""

STATUS = {"active": {"rate": 5, "on": True}, "ports": [{"up": True}, {"up": False}]}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async def status(request: web.Request) -> web.Response:
        return web.json_response(STATUS, headers={"X-Asked-With": request.headers.get("X-Key", "")})

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=503, text="tuner not locked")

    app = web.Application()
    app.add_routes([web.get("/status", status), web.get("/broken", broken)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_status_text_and_values_are_compared(server: str) -> None:
    check = Http(f"{server}/status", contains='"rate"', json={"active.rate": 5, "ports.0.up": True})
    audit = await check.look()
    assert audit.state is AuditState.UP, audit
    assert audit.evidence["json"] == {"active.rate": 5, "ports.0.up": True}
    assert audit.evidence["status"] == 200
    assert audit.expected == "status 200, '\"rate\"' in the body, active.rate = 5, ports.0.up = true"


async def test_each_difference_is_named(server: str) -> None:
    audit = await Http(f"{server}/status", json={"active.rate": 6, "active.on": 1, "ports.7.up": True}).look()
    assert audit.state is AuditState.DOWN
    assert audit.message == (
        "active.rate: expected 6, found 5; active.on: expected 1, found true; ports.7.up: expected true, found nothing"
    )
    audit = await Http(f"{server}/broken", contains="locked", json={"a": 1}).look()
    assert "status: expected 200, found 503" in audit.message
    assert "expected JSON, found 'tuner not locked'" in audit.message
    assert (await Http(f"{server}/broken", status=503, contains="not locked").look()).state is AuditState.UP


async def test_nobody_there_is_down_and_nobody_known_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        silent = await Http(f"http://127.0.0.1:{port}/", patience=0.2).look()
    assert (silent.state, silent.message) == (AuditState.DOWN, "no answer in 0.2 s")
    assert (await Http(f"http://127.0.0.1:{port}/").look()).state is AuditState.DOWN
    assert (await Http("http://no-such-host.invalid/").look()).state is AuditState.UNKNOWN


async def test_what_is_no_http_is_down() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")

    async with serving(speak) as port:
        audit = await Http(f"http://127.0.0.1:{port}/", patience=60).look()
    assert audit.state is AuditState.DOWN, audit


async def test_a_password_in_the_address_is_not_kept(server: str) -> None:
    audit = await Http(server.replace("//", "//operator:geheim@") + "/status", patience=60).look()
    assert audit.state is AuditState.UP
    assert "geheim" not in json.dumps(audit.document())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "ftp://a/"}, "url: is 'ftp://a/' (expected an http or https address)"),
        ({"url": "http://a/", "status": 9}, "status: is '9'"), ({}, "url: is missing"),
        ({"url": "http://a/", "port": 9}, "port: is no parameter (expected one of url, status"),
        ({"url": "http://a/", "method": "HEAD", "contains": "x"}, "method: is HEAD"),
        ({"url": "http://a/", "method": "DELETE"}, "method: is 'DELETE'"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_told(given: dict[str, object], words: str) -> None:
    with pytest.raises(Invalid, match=re.escape(words)):
        Shipped.of(given)
