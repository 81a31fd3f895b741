# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent is answered, never by an error of the server's own; what is refused changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from preroll.tmf import create_tmf
from tests.api.conftest import StandingClock
from tests.tmf.test_orders import JSON

ORDERING = "/tmf-api/serviceOrdering/v4"
WORDS = st.text(max_size=8) | st.sampled_from(["Plain", "add", "modify", "delete", "noChange", "1", "cancelled", "tv"])
SERVICE = st.fixed_dictionaries(
    {"serviceSpecification": st.fixed_dictionaries({"id": WORDS}, optional={"version": JSON})},
    optional={"id": WORDS, "name": WORDS, "state": WORDS, "serviceCharacteristic": st.lists(
        st.fixed_dictionaries({"name": WORDS | st.just("node:a")}, optional={"value": JSON}), max_size=2)},
)  # fmt: skip
ITEM = st.fixed_dictionaries(
    {"id": WORDS, "action": WORDS, "service": SERVICE | JSON}, optional={"quantity": JSON, "state": WORDS}
)
DOCUMENTS = st.fixed_dictionaries(
    {"serviceOrderItem": st.lists(ITEM, max_size=2) | JSON},
    optional={"priority": JSON, "requestedStartDate": JSON | st.just("2026-03-02T18:00:00Z"), "category": WORDS,
              "state": WORDS, "description": WORDS, "callback": WORDS | st.just("https://a.example/"), "query": WORDS,
              "serviceOrder": JSON, "cancellationReason": WORDS},
)  # fmt: skip


class Server:
    """The door without people: whoever asks may do everything."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner, self._store = runner, open_inline_store(StandingClock())
        self._app = build(self._store, None)
        runner.run(self._app.platforms.put(LOCAL, Platform("tv")))
        runner.run(self._app.catalogue.apply(LOCAL, "tv", [ServiceDefinition("Plain")]))
        transport = httpx.ASGITransport(create_tmf(self._app, StandingClock()), raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    def send(self, method: str, path: str, document: Any = None) -> httpx.Response:
        body = None if document is None else json.dumps(document).encode()
        return self._runner.run(self._http.request(method, path, content=body))

    def orders(self) -> str:
        return self.send("GET", f"{ORDERING}/serviceOrder").headers["x-total-count"]

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._store.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with asyncio.Runner() as runner:
        made = Server(runner)
        yield made
        made.close()


@settings(max_examples=100)
@given(document=DOCUMENTS, path=st.sampled_from(["serviceOrder", "cancelServiceOrder", "hub"]))
def test_whatever_is_posted_is_taken_or_refused(server: Server, document: Any, path: str):
    before = server.orders()
    answer = server.send("POST", f"{ORDERING}/{path}", document)
    assert answer.status_code in (201, 400, 403, 404, 409), answer.text
    if answer.status_code == 201:
        read = server.send("GET", answer.headers["location"])
        assert (read.status_code, read.json()["id"]) == (200, answer.json()["id"])
        patched = server.send("PATCH", answer.headers["location"], document)
        assert patched.status_code in (200, 400, 409), patched.text
    else:
        error = answer.json()
        assert (error["status"], error["@type"], server.orders()) == (str(answer.status_code), "Error", before)
        assert error["code"]
        assert error["reason"]


@settings(max_examples=60)
@given(query=st.dictionaries(
    st.sampled_from(["fields", "offset", "limit", "state", "id", "externalId", "category", "x"]),
    st.text(max_size=6) | st.integers().map(str) | st.sampled_from(["held", "failed", "tv", "state,id"]), max_size=4,
))  # fmt: skip
def test_whatever_is_asked_is_answered(server: Server, query: dict[str, str]):
    for path in (f"{ORDERING}/serviceOrder", "/tmf-api/serviceInventory/v4/service"):
        answer = server.send("GET", str(httpx.URL(path, params=query)))
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert int(answer.headers["x-result-count"]) == len(answer.json())
