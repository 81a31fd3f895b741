# SPDX-License-Identifier: Apache-2.0
"""Signing in, sessions, tokens: what they let in, for how long, and what they never give away."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import AsyncExitStack

import pytest
from argon2 import PasswordHasher

from preroll.app import App, build
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import LIMITS, SessionLimits, SignIn
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, MINUTE
from preroll.gate import guard
from preroll.gate.guard import Guard
from preroll.identity.passwords import Argon2Passwords
from preroll.store import SqlStore
from tests.api.conftest import Connect, StandingClock, asked
from tests.api.people import PASSWORD, People

LOCKED = LIMITS["an account from an address"]


async def test_who_does_not_say_who_it_is_is_told_how_to(people: People):
    answer = await people.client().get("bookings")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="preroll"'
    assert "preroll login" in answer.json()["hint"]
    assert (await people.client().get("session")).json() == {"needed": True, "openid": False}


async def test_a_session_from_beginning_to_end(people: People):
    await people.add("anna", ["operator"], on={"other": ["designer"]}, scopes=["sport"])
    browser = people.client()
    answer = await browser.post("session", json={"name": "Anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    me = (await browser.get("me")).json()
    assert (me["name"], me["by"], me["roles"], me["on"], me["scopes"]) == (
        "anna", "session", ["operator"], {"other": ["designer"]}, ["sport"],
    )  # fmt: skip
    assert answer.json() == me
    made = await browser.post("bookings", json=asked(nodes={}), headers={"X-CSRF-Token": me["csrf"]})
    assert (made.status_code, made.json()["created_by"]) == (201, "anna")
    assert (await browser.delete("session", headers={"X-CSRF-Token": me["csrf"]})).status_code == 204
    assert (await browser.get("me")).status_code == 401


async def test_over_https_the_cookie_is_for_https_alone(people: People):
    await people.add("anna", ["viewer"])
    browser = people.client(base="https://localhost")
    answer = await browser.post("session", json={"name": "anna", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_change_without_the_pages_own_word_is_refused(people: People):
    await people.add("anna", ["operator"])
    browser = await people.signed_in("anna")
    csrf = browser.headers.pop("X-CSRF-Token")
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": csrf[:-1] + "x"}, {"X-CSRF-Token": "\u00e9"}):
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await browser.post("bookings", json=asked(nodes={}), headers=raw)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert (await browser.get("bookings")).json()["items"] == []
    assert (await browser.post("bookings", json=asked(nodes={}), headers={"X-CSRF-Token": csrf})).status_code == 201


async def test_the_word_of_one_session_is_worth_nothing_in_another(people: People):
    await people.add("anna", ["operator"])
    one, other = await people.signed_in("anna"), await people.signed_in("anna")
    one.headers["X-CSRF-Token"] = other.headers["X-CSRF-Token"]
    assert (await one.delete("session")).status_code == 403


async def test_a_session_id_that_somebody_planted_is_not_taken_over(people: People):
    await people.add("anna", ["operator"])
    browser = people.client()
    browser.cookies.set(guard.COOKIE, "planted")
    await browser.post("session", json={"name": "anna", "password": PASSWORD})
    assert browser.cookies.get(guard.COOKIE, domain="localhost.local") != "planted"
    thief = people.client()
    thief.cookies.set(guard.COOKIE, "planted")
    assert (await thief.get("me")).status_code == 401


async def test_signing_in_again_ends_the_session_before(people: People):
    await people.add("anna", ["viewer"])
    browser = await people.signed_in("anna")
    first = browser.cookies[guard.COOKIE]
    await browser.post("session", json={"name": "anna", "password": PASSWORD})
    assert browser.cookies[guard.COOKIE] != first
    old = people.client()
    old.cookies.set(guard.COOKIE, first)
    assert (await old.get("me")).status_code == 401


async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(people: People, clock: StandingClock):
    await people.add("anna", ["viewer"])
    limits = SessionLimits()
    idle = await people.signed_in("anna")
    clock.at_us += limits.idle_us - 1
    assert (await idle.get("me")).status_code == 200
    clock.at_us += limits.idle_us - 1
    assert (await idle.get("me")).status_code == 200, "it was in use"
    clock.at_us += limits.idle_us
    assert (await idle.get("me")).status_code == 401
    busy = await people.signed_in("anna")
    for _ in range(limits.longest_us // limits.idle_us * 2):
        clock.at_us += limits.idle_us // 2
        last = await busy.get("me")
    assert last.status_code == 401


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong password"), ("nobody", PASSWORD), ("anna", "x" * 900)])
async def test_a_failed_sign_in_does_not_say_what_was_wrong(people: People, name: str, password: str):
    await people.add("anna", ["viewer"])
    answer = await people.client().post("session", json={"name": name, "password": password})
    assert (answer.status_code, answer.json()["detail"]) == (401, "the name or the password is wrong")
    assert password not in answer.text
    assert "set-cookie" not in answer.headers


async def test_who_is_disabled_is_out_at_once(people: People):
    name = await people.add("anna", ["viewer"])
    await people.add("root", ["admin"])
    browser, root = await people.signed_in(name), await people.signed_in("root")
    token = (await browser.post("tokens", json={"name": "ci"})).json()["secret"]
    assert (await root.patch("users/anna", json={"disabled": True})).status_code == 200
    assert (await browser.get("me")).status_code == 401
    assert (await people.client(token).get("me")).status_code == 401
    assert (await people.client().post("session", json={"name": name, "password": PASSWORD})).status_code == 401


async def test_sign_ins_are_locked_after_failures_and_open_again(people: People, clock: StandingClock):
    await people.add("anna", ["viewer"])
    wrong, right = ({"name": "ANNA", "password": word} for word in ("not this one", PASSWORD))
    client = people.client()
    for _ in range(LOCKED.failures):
        assert (await client.post("session", json=wrong)).status_code == 401
    answer = await client.post("session", json=right)
    assert (answer.status_code, answer.json()["code"]) == (429, "sign_in_locked")
    assert answer.headers["Retry-After"] == str(LOCKED.locked_us // 1_000_000)
    clock.at_us += LOCKED.locked_us - 1
    assert (await client.post("session", json=right)).status_code == 429
    clock.at_us += 1
    assert (await client.post("session", json=right)).status_code == 200


async def test_an_admin_unlocks_an_account_from_every_address(people: People):
    await people.add("anna", ["viewer"])
    client = people.client()
    for _ in range(LOCKED.failures):
        await client.post("session", json={"name": "ANNA", "password": "not this one"})
    right = {"name": "anna", "password": PASSWORD}
    assert (await client.post("session", json=right)).status_code == 429
    assert (await (await people.who("designer")).post("users/anna/unlock")).status_code == 403
    assert (await (await people.who("admin")).post("users/anna/unlock")).status_code == 204
    assert (await client.post("session", json=right)).status_code == 200


async def test_an_admin_signs_somebody_out_everywhere(people: People):
    await people.add("anna", ["viewer"])
    browser, root = await people.signed_in("anna"), await people.who("admin")
    assert (await browser.get("me")).status_code == 200
    assert (await browser.post("users/anna/sign-out")).status_code == 403
    assert (await root.post("users/anna/sign-out")).status_code == 204
    assert (await browser.get("me")).status_code == 401


async def test_many_attempts_at_once_are_counted_like_many_in_a_row(people: People):
    await people.add("anna", ["viewer"])
    client = people.client()
    tries = (client.post("session", json={"name": "anna", "password": f"guess {n}"}) for n in range(12))
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*tries))
    assert statuses == [401] * LOCKED.failures + [429] * (12 - LOCKED.failures)


async def test_an_address_that_tries_many_names_is_locked(people: People):
    client = people.client()
    for number in range(LIMITS["an address"].failures):
        answer = await client.post("session", json={"name": f"guess{number}", "password": "anything at all"})
        assert answer.status_code == 401
    assert (await client.post("session", json={"name": "new", "password": "anything"})).status_code == 429


async def test_sign_ins_that_succeed_lock_nobody_out(people: People):
    await people.add("anna", ["viewer"])
    for _ in range(2 * LIMITS["an address"].failures):
        await people.signed_in("anna")


async def test_a_lock_is_told_to_admins_and_to_nobody_else(people: People):
    await people.add("anna", ["viewer"])
    for _ in range(LOCKED.failures):
        await people.client().post("session", json={"name": "anna", "password": "not this one"})
    told = (await (await people.who("admin")).get("changes?limit=500")).json()["items"]
    assert "user.locked" in [change["kind"] for change in told]
    page = (await (await people.who("operator")).get("changes?limit=500")).json()
    assert {change["kind"].split(".")[0] for change in page["items"]} == {"platform"}
    assert int(page["next"]) > int(page["items"][-1]["position"])


# ---------------------------------------------------------------------- tokens


async def test_a_token_is_shown_once_and_stored_as_a_hash(people: People, store: SqlStore):
    await people.add("anna", ["operator"])
    browser = await people.signed_in("anna")
    answer = await browser.post("tokens", json={"name": "ci", "lasts": "P30D"})
    secret = answer.json()["secret"]
    assert answer.headers["Cache-Control"] == "no-store"
    listed = (await browser.get("tokens")).json()["items"]
    assert [token["name"] for token in listed] == ["ci"]
    assert "secret" not in listed[0]
    rows = await store.read(lambda tx: tx._work.db.all("select * from token"))  # type: ignore[attr-defined]
    assert secret not in str(rows)
    assert secret.startswith("preroll_")
    me = (await people.client(secret).get("me")).json()
    assert (me["name"], me["by"], me["csrf"]) == ("anna/ci", "token", "")
    assert (await people.client(secret).post("bookings", json=asked(nodes={}))).json()["created_by"] == "anna/ci"


async def test_a_token_ends(people: People, clock: StandingClock):
    await people.add("anna", ["viewer"])
    browser = await people.signed_in("anna")
    made = (await browser.post("tokens", json={"name": "ci", "lasts": 600})).json()
    client = people.client(made["secret"])
    clock.at_us += 10 * MINUTE - 1
    assert (await client.get("me")).status_code == 200
    assert (await browser.get("tokens")).json()["items"][0]["used"] is not None
    clock.at_us += 1
    answer = await client.get("me")
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token is over")


@pytest.mark.parametrize("lasts", [0, "P367D", -1])
async def test_a_token_without_an_end_is_refused(people: People, lasts: object):
    await people.add("anna", ["viewer"])
    browser = await people.signed_in("anna")
    assert (await browser.post("tokens", json={"name": "ci", "lasts": lasts})).status_code == 422


async def test_a_revoked_token_is_out_and_somebody_elses_does_not_exist(people: People):
    await people.add("anna", ["viewer"])
    browser = await people.signed_in("anna")
    made = (await browser.post("tokens", json={"name": "ci"})).json()
    other = await people.who("operator", "designer")
    assert (await other.delete(f"tokens/{made['id']}")).status_code == 404
    assert (await browser.delete(f"tokens/{made['id']}")).status_code == 204
    assert (await people.client(made["secret"]).get("me")).status_code == 401
    assert (await browser.delete(f"tokens/{made['id']}")).status_code == 404


async def test_a_narrow_token_does_less_and_makes_no_wider_one(people: People):
    await people.add("anna", ["admin"])
    browser = await people.signed_in("anna")
    narrow = {"name": "watch", "roles": ["viewer"], "platforms": ["default"], "lasts": "P1D"}
    client = people.client((await browser.post("tokens", json=narrow)).json()["secret"])
    assert [p["name"] for p in (await client.get("platforms")).json()] == ["default"]
    assert (await client.get("bookings?platform=other")).status_code == 404
    assert (await client.post("bookings", json=asked(nodes={}))).status_code == 403
    assert (await client.get("users")).status_code == 403
    child = (await client.post("tokens", json={"name": "child", "lasts": "P30D"})).json()
    assert (child["roles"], child["platforms"]) == (["viewer"], ["default"])
    assert child["ends"] == next(
        t["ends"] for t in (await browser.get("tokens")).json()["items"] if t["name"] == "watch"
    )
    assert (await client.post("tokens", json={"name": "more", "roles": ["admin"]})).status_code == 403


async def test_taken_rights_are_taken_from_tokens_as_well(people: People):
    await people.add("root", ["admin"])
    await people.add("anna", ["operator"])
    token = (await people.app.tokens.create(LOCAL, NewToken("ci", "anna")))[1]
    client, root = people.client(token), await people.signed_in("root")
    assert (await client.post("bookings", json=asked(nodes={}))).status_code == 201
    await root.patch("users/anna", json={"rights": {"roles": ["viewer"]}})
    answer = await client.post("bookings", json=asked(nodes={}))
    assert (answer.status_code, answer.json()["roles"]) == (403, ["admin", "operator"])


async def test_a_wrong_token_is_not_helped_by_a_good_session(people: People):
    await people.add("anna", ["viewer"])
    browser = await people.signed_in("anna")
    browser.headers["Authorization"] = "Bearer preroll_nothing"
    assert (await browser.get("me")).status_code == 401


async def test_secrets_are_compared_in_constant_time(people: People, monkeypatch: pytest.MonkeyPatch):
    compared: list[object] = []

    def watched(a: object, b: object) -> bool:
        compared.append(a)
        return real(a, b)  # type: ignore[type-var]

    real = hmac.compare_digest
    token = await people.token(["viewer"])
    monkeypatch.setattr("preroll.app.sessions.compare_digest", watched)
    assert (await people.client(token).get("me")).status_code == 200
    assert len(compared) == 1


# ---------------------------------------------------------------------- how soon it is felt


async def test_it_is_remembered_for_a_moment_who_somebody_is_and_not_longer(app: App, monkeypatch: pytest.MonkeyPatch):
    now = [100.0]
    monkeypatch.setattr(guard.time, "monotonic", lambda: now[0])
    async with AsyncExitStack() as stack:
        people = People(app, stack, fresh_s=0.4)
        name = "anna"
        await people.app.users.create(LOCAL, NewUser(name, NamedRights(["viewer"])))
        made, secret = await people.app.tokens.create(LOCAL, NewToken("ci", name))
        client = people.client(secret)
        assert (await client.get("me")).status_code == 200
        await people.app.tokens.revoke(LOCAL, made.token.id)
        assert (await client.get("me")).status_code == 200, "another process has revoked it"
        now[0] += 0.4
        assert (await client.get("me")).status_code == 401


async def test_a_stream_ends_when_its_reader_may_look_no_more(people: People, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("preroll.api.changes.LOOK_S", 0.01)
    await people.add("anna", ["viewer"])
    made, secret = await people.app.tokens.create(LOCAL, NewToken("ci", "anna"))
    streaming = asyncio.create_task(people.client(secret).get("changes/stream"))
    async with asyncio.timeout(60):
        while "anna" not in str(people.api.state.door.guard._known):
            await asyncio.sleep(0)
        await people.app.tokens.revoke(LOCAL, made.token.id)
        answer = await streaming
    assert answer.status_code == 200
    assert "event: begin" in answer.text


async def test_a_stream_shows_what_its_reader_may_know(people: People, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("preroll.api.changes.LOOK_S", 0.01)
    root = await people.who("admin")
    for name, more in (("open", {}), ("secret", {"scopes": ["sport"]}), ("far", {"platform": "other"})):
        answer = await root.post("bookings", json=asked(name=name, nodes={}, **more))
        assert answer.status_code == 201, answer.text
    name = await people.add(on={"default": ["viewer"]})
    made, secret = await people.app.tokens.create(LOCAL, NewToken("ci", name))
    streaming = asyncio.create_task(people.client(secret).get("changes/stream?after="))
    async with asyncio.timeout(60):
        while name not in str(people.api.state.door.guard._known):
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        await people.app.tokens.revoke(LOCAL, made.token.id)
        answer = await streaming
    assert answer.text.count('"kind":"booking.created"') == 1
    assert "token." not in answer.text


# ---------------------------------------------------------------------- without accounts


async def test_until_there_is_an_account_this_machine_may_do_everything(connect: Connect, app: App):
    api = connect(guard=Guard(app, fresh_s=0.0))
    assert (await api.get("session")).json() == {"needed": False, "openid": False}
    me = (await api.get("me")).json()
    assert (me["name"], me["by"], me["roles"]) == ("local", "nothing", ["admin"])
    made = await api.post("users", json={"name": "anna", "roles": ["admin"]})
    assert made.status_code == 201
    assert (await api.get("me")).status_code == 401


async def test_a_server_that_is_told_so_asks_nobody(connect: Connect, app: App):
    api = connect(guard=Guard(app, SignIn.OFF))
    await api.post("users", json={"name": "anna", "roles": ["admin"]})
    assert (await api.get("me")).json()["name"] == "local"


async def test_what_anybody_may_see(people: People):
    client = people.client()
    for path in ("/healthz", "/readyz", "/api/v1/openapi.json", "/api/v1/session"):
        assert (await client.get(f"http://localhost{path}")).status_code == 200
    assert (await client.get("http://localhost/metrics")).status_code == 401
    watching = await people.who("viewer")
    assert (await watching.get("http://localhost/metrics")).status_code == 200


# ---------------------------------------------------------------------- people


async def test_people_are_added_changed_and_removed(people: People):
    root = await people.who("admin")
    made = await root.post("users", json={"name": "Anna", "full_name": "Anna B", "on": {"other": ["operator"]}})
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert made.json()["password"] is False
    assert (await root.post("users", json={"name": "ANNA"})).status_code == 409
    change = {"rights": {"roles": ["viewer"], "scopes": ["sport"]}, "password": PASSWORD}
    assert (await root.patch("users/anna", json=change, headers={"If-Match": '"7"'})).status_code == 412
    changed = (await root.patch("users/anna", json=change, headers={"If-Match": '"1"'})).json()
    assert (changed["roles"], changed["on"], changed["scopes"], changed["password"]) == (
        ["viewer"],
        {},
        ["sport"],
        True,
    )
    assert PASSWORD not in (await root.get("users")).text
    anna = await people.signed_in("anna")
    assert (await anna.get("users/Anna")).status_code == 200
    assert (await anna.get("users/p1")).status_code == 403
    assert (await root.delete("users/anna")).status_code == 204
    assert (await anna.get("me")).status_code == 401


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": "local"}, "name"),
        ({"name": "anna", "password": "short"}, "password"),
        ({"name": "anna", "on": {"nowhere": ["viewer"]}}, "on.nowhere"),
        ({"name": "anna", "scopes": ["Big"]}, "scopes"),
        ({"name": "anna", "roles": ["king"]}, "roles.0"),
    ],
)
async def test_what_is_wrong_with_a_person_is_told(people: People, body: dict[str, object], where: str):
    root = await people.who("admin")
    answer = await root.post("users", json=body)
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


async def test_the_last_who_may_do_everything_stays(people: People):
    await people.add("root", ["admin"])
    root = await people.signed_in("root")
    for answer in (
        await root.patch("users/root", json={"disabled": True}),
        await root.patch("users/root", json={"rights": {"roles": ["viewer"]}}),
        await root.delete("users/root"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    assert (await root.get("me")).json()["roles"] == ["admin"]


async def test_ones_own_password(people: People):
    await people.add("anna", ["viewer"])
    anna, elsewhere = await people.signed_in("anna"), await people.signed_in("anna")
    wrong = await anna.post("me/password", json={"old": "not this one", "new": "another long password"})
    assert (wrong.status_code, wrong.json()["detail"]) == (403, "the old password is wrong")
    answer = await anna.post("me/password", json={"old": PASSWORD, "new": "another long password"})
    assert answer.status_code == 204
    assert [(await client.get("me")).status_code for client in (anna, elsewhere)] == [401, 401]
    again = await people.client().post("session", json={"name": "anna", "password": "another long password"})
    assert again.status_code == 200


async def test_a_password_of_weaker_days_is_hashed_again(people: People, store: SqlStore):
    await people.add("anna", ["viewer"])
    stronger = Argon2Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    app = build(store, None, stronger)
    before = (await store.read(lambda tx: tx.accounts.user("anna"))).password
    await app.sessions.sign_in("anna", PASSWORD, "::1")
    after = (await store.read(lambda tx: tx.accounts.user("anna"))).password
    assert before != after
    assert "t=2" in after
    await app.sessions.sign_in("anna", PASSWORD, "::1")


async def test_what_is_long_over_is_tidied_away(people: People, clock: StandingClock, store: SqlStore):
    await people.add("anna", ["viewer"])
    await people.signed_in("anna")
    await people.client().post("session", json={"name": "anna", "password": "not this one"})
    clock.at_us += 30 * DAY
    await people.signed_in("anna")
    count = "select (select count(*) from session), (select count(*) from failed_sign_in)"
    assert await store.read(lambda tx: tx._work.db.one(count)) == (1, 2)  # type: ignore[attr-defined]
