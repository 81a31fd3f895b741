# SPDX-License-Identifier: Apache-2.0
"""Every error is a problem, whichever part of the server refuses."""

from __future__ import annotations

import inspect
from dataclasses import replace

import httpx
import pytest

from preroll.api.problems import PROBLEMS, problem_of, status_of
from preroll.app import App
from preroll.domain import errors
from preroll.domain.errors import Conflict, Invalid, NotReady, PrerollError, StoreUnavailable, TransitionNotAllowed
from preroll.domain.permission import Actor, NotPermitted
from tests.api.conftest import Connect, asked

JSON = {"Content-Type": "application/json"}


class Broken:
    """Use cases that fail with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def get(self, by: Actor, ident: str) -> None:
        raise self._error


UNKNOWN = "bookings/019c0000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "nowhere", 404, "no_such_route"),
        ("DELETE", "bookings", 405, "method_not_allowed"),
        ("GET", "http://localhost/", 404, "no_such_route"),
    ],
)
async def test_what_no_route_knows_is_a_problem(api: httpx.AsyncClient, method: str, path: str, status: int, code: str):
    answer = await api.request(method, path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:preroll:problem:{code}"


async def test_what_an_address_knows_is_told_to_whoever_asks_for_something_else(api: httpx.AsyncClient):
    answer = await api.put(UNKNOWN)
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, PATCH")
    assert answer.json()["hint"] == "it knows DELETE, GET, PATCH"


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"\xff", b"nul", b"[" * 100_000, b"1" * 5000, b"NaN"])
async def test_a_body_that_is_no_booking_is_refused(api: httpx.AsyncClient, body: bytes):
    answer = await api.post("bookings", content=body, headers=JSON)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


async def test_a_body_that_is_not_json_says_where(api: httpx.AsyncClient):
    answer = await api.post("bookings", content=b'{"name": }', headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body is not JSON: Expecting value at character 9"


async def test_a_body_of_another_type_is_refused(api: httpx.AsyncClient):
    answer = await api.post("bookings", content=b'{"name": "x"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


async def test_numbers_that_json_does_not_know_are_refused(api: httpx.AsyncClient):
    body = b'{"name": "x", "start": "2026-03-01T13:00:00Z", "properties": {"a": NaN}}'
    answer = await api.post("bookings", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "properties")


async def test_a_deep_value_is_refused(api: httpx.AsyncClient):
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    answer = await api.post("bookings", json=asked(properties={"a": deep}))
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "properties")


async def test_a_large_body_is_refused_before_it_is_read(connect: Connect):
    small = connect(body_limit=100)
    answer = await small.post("bookings", json=asked())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "100 bytes" in answer.json()["detail"]


async def test_a_large_body_of_unknown_length_is_refused_too(connect: Connect):
    async def parts():
        for _ in range(50):
            yield b"          "

    answer = await connect(body_limit=100).post("bookings", content=parts(), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "preroll.example"}, 403),
        ({"Host": "localhost.preroll.example"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "127.0.0.1:8484"}, 200),
        ({"Host": "[::1]:8484"}, 200),
        ({"Host": "localhost", "Origin": "http://localhost"}, 200),
        ({"Host": "localhost", "Origin": "https://other.example"}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
    ],
)
async def test_pages_of_other_sites_do_not_reach_the_server(
    api: httpx.AsyncClient, headers: dict[str, str], status: int
):
    assert (await api.get("platforms", headers=headers)).status_code == status


async def test_a_server_of_many_names_answers_to_all(connect: Connect):
    assert (await connect(hosts=None).get("platforms", headers={"Host": "preroll.example"})).status_code == 200


async def test_a_store_that_is_away_is_told_with_when_to_come_back(connect: Connect, app: App):
    broken = connect(app=replace(app, bookings=Broken(StoreUnavailable("the disk is full"))))
    answer = await broken.get(UNKNOWN)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "idempotency key" in answer.json()["hint"]


async def test_what_nobody_expected_tells_nothing_of_the_inside(connect: Connect, app: App):
    broken = connect(app=replace(app, bookings=Broken(RuntimeError("secret inside"))))
    answer = await broken.get(UNKNOWN)
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "secret" not in answer.text


async def test_who_may_not_is_told_so(connect: Connect, app: App):
    broken = connect(app=replace(app, bookings=Broken(NotPermitted("ann may not view", hint="ask an admin"))))
    answer = await broken.get(UNKNOWN)
    assert (answer.status_code, answer.json()["hint"]) == (403, "ask an admin")


def test_every_error_of_the_domain_has_a_status():
    unanswered = {errors.EngineRunning, errors.EngineLost, errors.BadSettings, PrerollError}
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, PrerollError) and kind not in unanswered:
            assert kind in PROBLEMS, kind


def test_members_follow_the_class():
    mistake = errors.Mistake("end", "is early", "later")
    clash = errors.Clash("r", "id", "News", 0, None, 2, 1, 0)
    assert problem_of(Invalid([mistake])).errors == problem_of(NotReady([mistake])).errors
    assert problem_of(Conflict([clash])).clashes[0].end is None
    assert problem_of(TransitionNotAllowed("booking", "Partial", "retry", ["hold"])).possible == ["hold"]
    assert status_of(PrerollError())[0] == 500
