# SPDX-License-Identifier: Apache-2.0
"""A server in memory, reached by a client of either kind without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from preroll.api import create_app
from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock

SERVER = "http://localhost"


class Direct(httpx.BaseTransport):
    """Hands the requests of a synchronous client to an application."""

    def __init__(self, api: Any) -> None:
        self._inner = httpx.ASGITransport(api)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            passed = httpx.Request(request.method, request.url, headers=request.headers, content=request.read())
            response = await self._inner.handle_async_request(passed)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

        return asyncio.run(answer())


@pytest.fixture
def api() -> Iterator[Any]:
    """The API on a store in memory, with a platform, two resources and a service."""
    store = open_inline_store(StandingClock())
    app = build(store, None)
    asyncio.run(app.platforms.put(LOCAL, Platform("default")))
    yield create_app(app, stopping=lambda: True)
    store.close()
