# SPDX-License-Identifier: Apache-2.0
"""Every state with every action for every role: accepted or refused as the tables say, with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from preroll.domain.actions import ACTIONS
from preroll.domain.booking import State
from preroll.domain.permission import ROLES, may
from tests.actions import CONTRACT, requests
from tests.every_action import HERE, Bench

BOOKINGS = "bookings"
ASIDE = {"duplicate", "audit"}
"""They leave the booking as it is."""
NOTHING_TO_DO = {"apply-now": "no profile of it has changed"}
"""The table admits it, but that is all that can be said of the booking."""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(loop: asyncio.Runner) -> Iterator[Bench]:
    stack = AsyncExitStack()
    yield loop.run(Bench.built(stack))
    loop.run(stack.aclose())


@pytest.fixture(scope="module")
def clients(bench: Bench) -> dict[str, httpx.AsyncClient]:
    return {who: bench.people.client(token) for who, token in bench.tokens.items()}


async def ask(client: httpx.AsyncClient, ident: str, state: State, action: str) -> httpx.Response:
    method, path, body = requests(state)[action]
    body = {"name": ident} if action == "rename" else body
    return await client.request(method, f"{BOOKINGS}/{ident}{path}", json=body)


def test_every_action_is_in_the_contract_and_has_a_request():
    told = {action for actions in CONTRACT.values() for action in actions.split()}
    assert told == set(ACTIONS) == set(requests(State.ACTIVE))
    assert set(CONTRACT) == set(State)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("state", State, ids=str)
def test_a_state_and_a_role(loop: asyncio.Runner, bench: Bench, clients, state: State, role: str):
    loop.run(every_action(bench, clients[role], state, role))


async def every_action(bench: Bench, client: httpx.AsyncClient, state: State, role: str) -> None:
    bench.at(state)
    for action in ACTIONS:
        booking = await bench.put(state, action, bench.names[role])
        answer = await ask(client, booking.id, state, action)
        told, after = answer.json(), await bench.stored(booking)
        where = (state, role, action, answer.text)
        if role not in may(f"booking.{action}"):
            assert (answer.status_code, told["code"], tuple(told["roles"])) == (
                403, "not_permitted", may(f"booking.{action}"),
            ), where  # fmt: skip
        elif action not in CONTRACT[state].split():
            assert answer.status_code == 409, where
            assert told["code"] in ("action_not_possible", "transition_not_allowed"), where
            assert state in told["detail"], where
            assert told["hint"], where
        elif action in NOTHING_TO_DO:
            assert answer.status_code == 409, where
            assert NOTHING_TO_DO[action] in told["detail"], where
        else:
            assert answer.status_code in (200, 201, 202), where
            assert action in ASIDE or after.revision == booking.revision + 1, where
            continue
        assert after == booking, where


@pytest.mark.parametrize("state", State, ids=str)
def test_on_another_platform_it_does_not_exist(loop: asyncio.Runner, bench: Bench, clients, state: State):
    async def every() -> None:
        bench.at(state)
        booking = await bench.put(state, "", "")
        for action in ACTIONS:
            answer = await ask(clients[HERE], booking.id, state, action)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (action, answer.text)
        assert (await clients[HERE].get(f"{BOOKINGS}/{booking.id}")).status_code == 404
        assert await bench.stored(booking) == booking

    loop.run(every())
