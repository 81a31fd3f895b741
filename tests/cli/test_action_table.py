# SPDX-License-Identifier: Apache-2.0
"""Every state with every action for every role at the command line: done or refused as the tables say, and why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import cache, partial

import pytest

from preroll import cli
from preroll.api.fields import when
from preroll.cli import connect
from preroll.cli.exits import NOT_FOUND, NOT_PERMITTED, OK, REFUSED, UNAVAILABLE
from preroll.client import Client
from preroll.domain.actions import ACTIONS
from preroll.domain.booking import State
from preroll.domain.permission import ROLES, may
from preroll.domain.window import DAY, MINUTE
from tests.actions import CONTRACT, RUNS_IN
from tests.builders import NOON
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct
from tests.every_action import HERE, Bench

NOTHING_TO_DO = {"apply-now"}
"""The table admits it, but no profile was changed."""
LEFT_ALONE = {"duplicate", "audit"}
parser_of = cache(cli.parser_of)
"""To make the parsers anew for each of two thousand commands would take half of the time."""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(loop: asyncio.Runner) -> Iterator[Bench]:
    stack = AsyncExitStack()
    yield loop.run(Bench.built(stack))
    loop.run(stack.aclose())


@pytest.fixture
def served(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    monkeypatch.setattr(connect, "Client", partial(Client, transport=Direct(bench.people.api)))
    monkeypatch.setattr(cli, "parser_of", parser_of)


def words(action: str, ident: str, state: State) -> list[str]:
    """The command for an action."""
    wrapping = state in (State.POST_ROLL, State.FAILED_POST_ROLL)
    more = {
        "edit": ["--property", "ticket=7"], "properties": ["ticket=7"], "add": ["Decoder", "--resource", "enc-3"],
        "swap": ["Encoder"], "remove": ["Decoder"], "force-state": [RUNS_IN.get(state, "STANDBY")],
        "extend": ["--by", "1m"], "rename": [f"N{ident}"], "acknowledge": ["--why", "repaired"],
        "duplicate": ["--start", when(NOON + DAY).isoformat()], "audit": ["--wait", "0s"],
        "adjust": ["--post-roll", "15m"] if wrapping else ["--end", when(NOON + 90 * MINUTE).isoformat()],
    }.get(action, [])  # fmt: skip
    if action in ("add", "swap", "remove"):
        more.append("--apply-now")
    word = {"properties": ["booking", "set"], "audit": ["audit"]}.get(action, ["booking", action])
    return [*word, ident, *more]


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("state", State, ids=str)
def test_a_state_and_a_role(loop, bench: Bench, preroll: Preroll, monkeypatch, state: State, role: str):
    monkeypatch.setenv("PREROLL_TOKEN", bench.tokens[role])
    bench.at(state)
    for action in ACTIONS:
        booking = loop.run(bench.put(state, action, bench.names[role]))
        said = preroll(*words(action, booking.id, state))
        after, where = loop.run(bench.stored(booking)), (state, role, action, said)
        if role not in may(f"booking.{action}"):
            assert said.code == NOT_PERMITTED, where
            assert all(one in said.err for one in may(f"booking.{action}")), where
        elif action not in CONTRACT[state].split():
            assert said.code == REFUSED, where
            assert state in said.err, where
        elif action in NOTHING_TO_DO:
            assert said.code == REFUSED, where
            assert "no profile of it has changed" in said.err, where
        else:
            assert said.code == (UNAVAILABLE if action == "audit" else OK), where  # nobody makes the checks
            assert action in LEFT_ALONE or after.revision == booking.revision + 1, where
            continue
        assert after == booking, where


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("state", State, ids=str)
def test_on_another_platform_it_does_not_exist(loop, bench: Bench, preroll: Preroll, monkeypatch, state: State):
    monkeypatch.setenv("PREROLL_TOKEN", bench.tokens[HERE])
    bench.at(state)
    booking = loop.run(bench.put(state, "", ""))
    for action in ACTIONS:
        said = preroll(*words(action, booking.id, state))
        assert (said.code, booking.id in said.err) == (NOT_FOUND, True), (action, said)
    assert loop.run(bench.stored(booking)) == booking
