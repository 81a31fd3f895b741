# SPDX-License-Identifier: Apache-2.0
"""People and tokens on the page: added, changed, unlocked and signed out; secrets are shown once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from preroll.app import App
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import SignIn, User
from preroll.domain.errors import NotSignedIn, SignInLocked
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY
from preroll.gate.guard import CSRF, Guard
from preroll.web import create_pages
from tests.api.people import PASSWORD

SECRET = re.compile(r'<code class="secret">([^<]+)</code>')


@pytest.fixture
async def admin(signed_in: httpx.AsyncClient) -> httpx.AsyncClient:
    """The pages, for anna, whose changes carry the proof of the page."""
    found = re.search(r'name="csrf" content="(\w+)"', (await signed_in.get("/")).text)
    assert found
    signed_in.headers[CSRF] = found[1]
    return signed_in


@pytest.fixture
async def ben(app: App) -> User:
    made = await app.users.create(LOCAL, NewUser("ben", NamedRights(["viewer"]), password=PASSWORD))
    return made.user


async def user(app: App, name: str) -> User:
    return (await app.users.get(LOCAL, name)).user


async def do(admin: httpx.AsyncClient, ben: User, what: str, **more: object) -> httpx.Response:
    return await admin.post(f"/people/{ben.id}", data={"revision": ben.revision, "do": what, **more})


async def test_where_nobody_has_an_account_the_page_says_what_that_means(pages: httpx.AsyncClient):
    page = await pages.get("/people")
    assert "Nobody has an account yet" in page.text
    form = await pages.get("/people/new")
    assert 'value="admin" aria-label="admin everywhere" checked' in form.text


async def test_the_first_account_ends_that_everybody_may_do_everything(pages: httpx.AsyncClient, app: App):
    part = await pages.post("/people/new", data={"name": "anna", "role": "admin", "do": "make up"})
    assert part.status_code == 200
    password = SECRET.search(part.text)
    assert password
    assert (await pages.get("/people")).status_code == 303
    await app.sessions.sign_in("anna", password[1], "here")


async def test_everybody_is_listed_for_an_admin_alone(admin: httpx.AsyncClient, ben: User):
    page = await admin.get("/people")
    assert page.status_code == 200
    assert f'href="/people/{ben.id}">ben</a>' in page.text
    assert ">People</a>" in page.text
    await admin.post("/signin", data={"name": "ben", "password": PASSWORD})
    assert (await admin.get("/people")).status_code == 403
    assert ">People</a>" not in (await admin.get("/")).text


async def test_a_person_is_added_with_roles_per_platform_and_scopes(admin: httpx.AsyncClient, app: App):
    form = {"name": "carl", "full_name": "Carl", "password": PASSWORD, "scopes": "sport, news"}
    part = await admin.post("/people/new", data={**form, "role": ["viewer", "operator@default"]})
    assert part.status_code == 200
    assert PASSWORD not in part.text
    made = await user(app, "carl")
    key = (await app.platforms.get(LOCAL, "default")).key
    assert made.rights.roles == {"viewer"}
    assert made.rights.on == {key: {"operator"}}
    assert (made.rights.scopes, made.full_name) == ({"sport", "news"}, "Carl")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "a b"}, "1 to 100 letters"),
        ({"name": "dora", "password": "short"}, "has 5 characters; expected: 12 to 1000"),
        ({"name": "dora", "role": "king"}, "king is no role"),
        ({"name": "dora", "role": "viewer@mars"}, "there is no platform mars"),
        ({"name": "dora", "scopes": "SPORT"}, "small letters"),
        ({"name": "anna"}, "there is a user anna already"),
    ],
)
async def test_what_is_wrong_with_a_new_person_is_told(admin: httpx.AsyncClient, app: App, form: dict, told: str):
    part = await admin.post("/people/new", data=form)
    assert part.status_code in (409, 422)
    assert told in part.text
    assert len(await app.users.list(LOCAL)) == 1


async def test_rights_are_changed_as_they_were_seen(admin: httpx.AsyncClient, app: App, ben: User):
    part = await do(admin, ben, "save", role=["viewer", "designer"], scopes="sport", full_name="Ben")
    assert part.status_code == 200
    assert 'value="designer" aria-label="designer everywhere" checked' in part.text
    assert (await user(app, "ben")).rights.roles == {"viewer", "designer"}
    part = await do(admin, ben, "save", role="viewer")
    assert part.status_code == 412
    assert "Somebody else was faster" in part.text
    assert 'value="designer" aria-label="designer everywhere" checked' not in part.text, "what was typed stays"
    assert (await user(app, "ben")).rights.roles == {"viewer", "designer"}


async def test_the_last_admin_stays_one(admin: httpx.AsyncClient, app: App):
    anna = await user(app, "anna")
    for what in ("disable", "remove", "save"):
        part = await do(admin, anna, what)
        assert part.status_code == 409, what
        assert "nobody would be left who may do everything" in part.text
    assert "admin" in (await user(app, "anna")).rights.roles


async def test_a_password_is_made_up_and_shown_once(admin: httpx.AsyncClient, app: App, ben: User):
    part = await do(admin, ben, "make up")
    found = SECRET.search(part.text)
    assert found
    await app.sessions.sign_in("ben", found[1], "here")
    assert not SECRET.search((await admin.get(f"/people/{ben.id}")).text)
    refused = await do(admin, await user(app, "ben"), "password", password="short")
    assert refused.status_code == 422
    assert "has 5 characters" in refused.text
    assert not SECRET.search((await do(admin, ben, "make up")).text), "stale: none was set"


async def test_who_is_locked_out_is_unlocked(admin: httpx.AsyncClient, app: App, ben: User):
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            await app.sessions.sign_in("BEN", "wrong", "10.0.0.1")
    with pytest.raises(SignInLocked):
        await app.sessions.sign_in("ben", PASSWORD, "10.0.0.1")
    page = await admin.get(f"/people/{ben.id}")
    assert "the next one is tried in 15 min" in page.text
    part = await do(admin, ben, "unlock")
    assert "Locked" not in part.text
    await app.sessions.sign_in("ben", PASSWORD, "10.0.0.1")


async def test_a_person_is_signed_out_everywhere(admin: httpx.AsyncClient, app: App, ben: User):
    opened = await app.sessions.sign_in("ben", PASSWORD, "here")
    assert "<dd>1</dd>" in (await admin.get(f"/people/{ben.id}")).text
    part = await do(admin, ben, "sign out")
    assert "<dd>0</dd>" in part.text
    with pytest.raises(NotSignedIn):
        await app.sessions.of_session(opened.secret)


async def test_a_person_is_disabled_enabled_and_removed(admin: httpx.AsyncClient, app: App, ben: User):
    assert "not at all: disabled" in (await do(admin, ben, "disable")).text
    assert (await user(app, "ben")).disabled
    await do(admin, await user(app, "ben"), "enable")
    answer = await do(admin, await user(app, "ben"), "remove")
    assert answer.headers["HX-Redirect"] == "/people"
    assert (await admin.get(f"/people/{ben.id}")).status_code == 404
    assert (await do(admin, ben, "dance")).status_code == 404


async def test_a_token_of_ones_own_is_made_shown_once_and_revoked(admin: httpx.AsyncClient, app: App):
    part = await admin.post("/tokens", data={"name": "import", "days": 30, "role": "viewer", "on": "default"})
    assert part.status_code == 200
    found = SECRET.search(part.text)
    assert found
    known = await app.sessions.of_token(found[1])
    assert known.actor.name == "anna/import"
    page = await admin.get("/account")
    assert "viewer on default" in page.text
    assert found[1] not in page.text
    ident = re.search(r"/tokens/([\w-]+)/revoke", page.text)
    assert ident
    assert (await admin.post(f"/tokens/{ident[1]}/revoke")).status_code == 200
    with pytest.raises(NotSignedIn):
        await app.sessions.of_token(found[1])


@pytest.mark.parametrize(
    ("form", "told"),
    [({"name": " "}, "is empty or too long"), ({"name": "x", "days": 400}, "is 400 days; expected: up to 366 days"),
     ({"name": "x", "on": "mars"}, "there is no platform mars")],
)  # fmt: skip
async def test_what_is_wrong_with_a_token_is_told(admin: httpx.AsyncClient, form: dict, told: str):
    part = await admin.post("/tokens", data=form)
    assert part.status_code == 422
    assert told in part.text


async def test_tokens_of_others_are_an_admins(admin: httpx.AsyncClient, app: App, ben: User):
    part = await admin.post("/tokens", data={"name": "robot", "owner": "ben"})
    assert SECRET.search(part.text)
    await app.tokens.create(LOCAL, NewToken("by hand", "anna", lasts_us=DAY))
    page = await admin.get("/people")
    assert "robot" in page.text
    assert "by hand" in page.text
    assert "by hand" not in (await admin.get(f"/people/{ben.id}")).text
    await admin.post("/signin", data={"name": "ben", "password": PASSWORD})
    found = re.search(r'name="csrf" content="(\w+)"', (await admin.get("/")).text)
    assert found
    admin.headers[CSRF] = found[1]
    assert (await admin.post("/tokens", data={"name": "mine", "owner": "anna"})).status_code == 403
    account = await admin.get("/account")
    assert "robot" in account.text
    assert "by hand" not in account.text


async def test_names_with_markup_are_text(admin: httpx.AsyncClient):
    await admin.post("/people/new", data={"name": "eve", "full_name": "<b>Eve</b>" * 18, "password": PASSWORD})
    await admin.post("/tokens", data={"name": "<i>x</i>" * 12, "owner": "eve"})
    page = await admin.get("/people")
    assert "<b>Eve" not in page.text
    assert "<i>x" not in page.text


@pytest.fixture
async def viewer(app: App, ben: User) -> AsyncIterator[httpx.AsyncClient]:
    made = create_pages(app, guard=Guard(app, SignIn.NEEDED, fresh_s=0.0))
    transport = httpx.ASGITransport(made, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.post("/signin", data={"name": "ben", "password": PASSWORD})
        found = re.search(r'name="csrf" content="(\w+)"', (await client.get("/")).text)
        assert found
        client.headers[CSRF] = found[1]
        yield client


async def test_who_is_no_admin_changes_nobody(viewer: httpx.AsyncClient, app: App, ben: User):
    for what in ("save", "password", "make up", "disable", "unlock", "sign out", "remove"):
        assert (await do(viewer, ben, what, password=PASSWORD)).status_code == 403, what
    assert (await viewer.post("/people/new", data={"name": "eve"})).status_code == 403
    assert (await user(app, "ben")).revision == ben.revision
