# SPDX-License-Identifier: Apache-2.0
"""Every state with every action, at the API and through it the use case: as the table says, with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from preroll.api import create_app
from preroll.app import App
from preroll.app.bookings import Edit, Refit
from preroll.domain.actions import ACTIONS, OWNERSHIP
from preroll.domain.booking import State
from preroll.domain.errors import NotPermitted
from preroll.domain.permission import LOCAL, ROLES, Actor, may, permit
from preroll.domain.window import MINUTE
from tests.actions import CONTRACT, requests
from tests.system.test_pairs import brought_to

BOOKINGS = "/api/v1/bookings"
NOT_HERE = OWNERSHIP | {"audit", "apply-now"}
"""The platform of these tests does not lock bookings, its services have no audits, and no profile was changed."""
PAIRS = [(state, action) for state in State for action in CONTRACT[state].split() if action not in NOT_HERE]


@pytest.fixture
async def api(stage, monkeypatch) -> AsyncIterator[httpx.AsyncClient]:
    """The API in virtual time: nothing of it runs in a thread, which would let a day pass."""

    async def at_once(function, *args, **kwargs):
        return function(*args, **kwargs)

    monkeypatch.setattr("fastapi.dependencies.utils.run_in_threadpool", at_once)
    transport = httpx.ASGITransport(create_app(stage.app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def ask(api: httpx.AsyncClient, ident: str, state: State, action: str) -> httpx.Response:
    method, path, body = requests(state)[action]
    return await api.request(method, f"{BOOKINGS}/{ident}{path}", json=body)


async def test_every_action_has_a_row_a_route_and_a_request(stage):
    prefix = f"{BOOKINGS}/{{ident}}"
    routes = {
        (method.upper(), path.removeprefix(prefix))
        for path, operations in create_app(stage.app).openapi()["paths"].items()
        if path.startswith(prefix)
        for method in operations
        if method != "get"
    }
    asked = requests(State.ACTIVE)
    assert set(asked) == set(ACTIONS)
    assert {(method, path) for method, path, _ in asked.values()} == routes


@pytest.mark.parametrize("state", State, ids=str)
async def test_what_a_state_does_not_admit_is_refused_with_the_reason_and_nothing_changes(stage, api, state):
    news = await brought_to(stage, state)
    before, told = await stage.see(news), await stage.history(news)
    shown = (await api.get(f"{BOOKINGS}/{news}")).json()["actions"]
    assert [a["name"] for a in shown] == list(ACTIONS)
    dirty = {"delete"} if state is State.FAILED_COMPLETED else set()
    assert {a["name"] for a in shown if a["possible"]} == set(CONTRACT[state].split()) - NOT_HERE - dirty
    for offered in shown:
        if offered["possible"]:
            continue
        answer = await ask(api, news, state, offered["name"])
        problem = answer.json()
        assert answer.status_code == 409, offered
        assert problem["code"] in ("action_not_possible", "transition_not_allowed")
        assert problem["hint"]
        assert offered["why"]
        if problem["code"] == "action_not_possible" and offered["name"] not in NOT_HERE:
            assert offered["why"] in problem["detail"]
    assert await stage.see(news) == before
    assert await stage.history(news) == told


@pytest.mark.parametrize(("state", "action"), PAIRS, ids=str)
async def test_what_a_state_admits_is_done(stage, api, state, action):
    news = await brought_to(stage, state)
    if action == "remove":
        await stage.app.bookings.add(LOCAL, news, None, Refit("Decoder", "enc-3", apply_now=True))
        await stage.rig.quiet()
    if action == "delete" and state is State.FAILED_COMPLETED:
        assert (await ask(api, news, state, action)).status_code == 409, "it is not reset"
        await stage.acknowledge(news)
    revision = (await stage.see(news)).booking.revision
    answer = await ask(api, news, state, action)
    assert answer.status_code in (200, 201), answer.text
    shown = answer.json()
    if action == "duplicate":
        assert (shown["state"], shown["revision"]) == ("Partial", 1)
    else:
        assert (shown["id"], shown["revision"]) == (news, revision + 1)


async def test_on_a_revision_that_is_not_the_stored_one_nothing_is_done(stage, api):
    news = await brought_to(stage, State.PARTIAL)
    before = await stage.see(news)
    for action in set(ACTIONS) - {"duplicate", "audit"}:
        method, path, body = requests(State.PARTIAL)[action]
        answer = await api.request(method, f"{BOOKINGS}/{news}{path}", json=body, headers={"If-Match": '"99"'})
        assert (answer.status_code, answer.json()["revision"]) == (412, before.booking.revision), action
    assert await stage.see(news) == before


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_may_do_what_the_table_of_permissions_says(stage, role):
    await stage.configure(lock_bookings=False)
    news = await brought_to(stage, State.PARTIAL)
    seen = (await stage.see(news)).booking
    for action in ACTIONS:
        somebody = Actor("somebody", frozenset({role}))
        if role in may(f"booking.{action}"):
            permit(somebody, f"booking.{action}", seen.platform)
            continue
        with pytest.raises(NotPermitted):
            await (USE_CASES.get(action) or _plain(action))(stage.app, somebody, news)
    assert (await stage.see(news)).booking == seen


def _plain(action: str) -> UseCase:
    return lambda app, by, ident: getattr(app.bookings, action.replace("-", "_"))(by, ident, None)


UseCase = Callable[[App, Actor, str], Awaitable[object]]
USE_CASES: dict[str, UseCase] = {
    "edit": lambda app, by, ident: app.bookings.edit(by, ident, None, Edit(name="Other")),
    "extend": lambda app, by, ident: app.bookings.extend(by, ident, None, by_us=MINUTE),
    "adjust": lambda app, by, ident: app.bookings.adjust(by, ident, None, lambda timing: timing),
    "add": lambda app, by, ident: app.bookings.add(by, ident, None, Refit("Decoder")),
    "swap": lambda app, by, ident: app.bookings.swap(by, ident, None, Refit("Encoder")),
    "remove": lambda app, by, ident: app.bookings.remove(by, ident, None, Refit("Encoder")),
    "force-state": lambda app, by, ident: app.bookings.force_state(by, ident, None, "START"),
    "rename": lambda app, by, ident: app.bookings.rename(by, ident, None, "Other"),
    "properties": lambda app, by, ident: app.bookings.set_properties(by, ident, None, {"a": 1}),
    "duplicate": lambda app, by, ident: app.bookings.duplicate(by, ident),
    "acknowledge": lambda app, by, ident: app.bookings.acknowledge(by, ident, None, "mended"),
    "audit": lambda app, by, ident: app.audits.ask(by, ident),
}
