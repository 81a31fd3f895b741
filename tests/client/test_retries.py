# SPDX-License-Identifier: Apache-2.0
"""What the client does when the server is away: the same request again, the same key, the last position."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import pytest
import stamina

from preroll.client import AsyncClient, Client, Problem, Unreachable, calls, transport

AWAY = {"title": "The store is not available", "status": 503, "detail": "the disk is full", "code": "store_unavailable"}
CHANGE = (
    'id: {0}\nevent: change\ndata: {{"position": "{0}", "at": "2026-03-01T13:00:00Z", "kind": "booking.state",'
    ' "id": "b", "revision": 1, "state": "Confirmed", "before": "", "after": "", "actor": "local", "why": "",'
    ' "cause": "", "of a newer server": 1}}\n\n'
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No pause between attempts, and never more than five."""
    monkeypatch.setattr(transport, "PAUSE_S", 0.0)
    with stamina.set_testing(True, attempts=5, cap=False):
        yield


class Server:
    """Answers what it is told, one after the other, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers, self.asked = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self) -> Client:
        return Client("http://localhost", transport=httpx.MockTransport(self))


def stream(*positions: int) -> httpx.Response:
    text = "retry: 1000\nid: 0\nevent: begin\ndata: {}\n\n: still here\n\n" + "".join(
        CHANGE.format(p) for p in positions
    )
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def away() -> httpx.Response:
    return httpx.Response(503, json=AWAY)


def refused() -> httpx.ConnectError:
    return httpx.ConnectError("connection refused")


@pytest.mark.parametrize("trouble", [refused, away, lambda: httpx.ReadTimeout("too slow")])
def test_a_call_is_repeated_until_it_is_answered(trouble: Callable[[], httpx.Response | Exception]):
    server = Server(trouble(), trouble(), httpx.Response(200, json=[]))
    with server.client() as client:
        assert client.send(calls.list_platforms()) == []
    assert len(server.asked) == 3


def test_a_server_that_is_not_ready_says_of_which_part():
    parts = {"engine": "has stopped"}
    with Server(httpx.Response(503, json={"ready": False, "parts": parts})).client() as client:
        assert client.send(calls.ready()).parts == parts


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"a": 1})])
def test_another_server_is_recognised(answer: httpx.Response):
    with Server(answer).client() as client, pytest.raises(Problem, match="did not answer as this API does"):
        client.send(calls.list_platforms())


def test_a_command_keeps_its_key_over_all_attempts_and_the_next_has_another():
    done = {"items": []}
    server = Server(refused(), away(), httpx.Response(200, json=done), httpx.Response(200, json=done))
    with server.client() as client:
        client.send(calls.apply([]))
        client.send(calls.apply([]))
    keys = [request.headers["idempotency-key"] for request in server.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert len({request.content for request in server.asked}) == 1


def test_a_refusal_is_not_repeated():
    server = Server(httpx.Response(409, json={**AWAY, "status": 409, "code": "conflict"}))
    with server.client() as client, pytest.raises(Problem, match="disk"):
        client.send(calls.list_platforms())
    assert len(server.asked) == 1


def test_a_server_that_stays_away_is_told():
    with (
        Server(*[refused() for _ in range(5)]).client() as client,
        pytest.raises(Unreachable, match="connection refused"),
    ):
        client.send(calls.list_platforms())
    with Server(*[away() for _ in range(5)]).client() as client, pytest.raises(Problem) as told:
        client.send(calls.list_platforms())
    assert told.value.code == "store_unavailable"


def test_an_answer_that_is_no_problem_is_described_by_its_status():
    with Server(httpx.Response(404, text="<html>")).client() as client, pytest.raises(Problem) as told:
        client.send(calls.list_platforms())
    assert (told.value.status, told.value.code, str(told.value)) == (404, "http", "404 Not Found")


def test_a_follower_goes_on_where_it_was():
    server = Server(stream(1, 2), refused(), away(), stream(3), stream())
    with server.client() as client, closing(client.follow(platform="lab")) as following:
        assert [next(following).position for _ in range(3)] == ["1", "2", "3"]
    asked = [dict(request.url.params) for request in server.asked]
    assert asked == [{"platform": "lab"}, *[{"after": "2", "platform": "lab"}] * 3]


def test_a_follower_that_saw_nothing_goes_on_from_where_it_began():
    server = Server(stream(), stream(7))
    with server.client() as client, closing(client.follow("")) as following:
        assert next(following).position == "7"
    assert [request.url.params["after"] for request in server.asked] == ["", "0"]


def test_a_follower_that_is_refused_is_told():
    server = Server(httpx.Response(422, json={**AWAY, "status": 422}))
    with server.client() as client, pytest.raises(Problem):
        next(client.follow("x"))


async def test_a_loop_follows_in_the_same_way():
    server = Server(stream(1), refused(), stream(2))
    async with AsyncClient("http://localhost", transport=httpx.MockTransport(server)) as client:
        following = client.follow()
        found = [(await anext(following)).position for _ in range(2)]
        await following.aclose()
    assert found == ["1", "2"]
    assert server.asked[-1].url.params["after"] == "1"
