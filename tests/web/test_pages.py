# SPDX-License-Identifier: Apache-2.0
"""The frame of the pages without a browser: who may see them, what errors say, what is escaped."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Message

from preroll.app import App
from preroll.app.users import NamedRights, NewUser
from preroll.domain.booking import State
from preroll.domain.colors import SHIPPED, LifecycleColors, contrast
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.errors import NotSignedIn
from preroll.domain.permission import LOCAL
from preroll.gate.guard import CSRF, Guard
from preroll.gate.sessions import REFUSED, send_back
from preroll.web import create_pages
from preroll.web.application import PAGES
from preroll.web.files import FOR_GOOD
from preroll.web.palette import name_of, style
from preroll.web.states_shown import ALIKE
from tests.api.people import PASSWORD

OPEN = {"/signin"}
"""Paths at which nobody has to be signed in."""
ROUTES = [(method, route) for page in PAGES for route in page.router.routes if isinstance(route, APIRoute)
          for method in sorted(route.methods)]  # fmt: skip
CLOSED = [(method, re.sub(r"\{\w+\}", "x", r.path)) for method, r in ROUTES if r.path not in OPEN]
TO_OTHERS = {"name": "anna", "password": PASSWORD}


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_whoever_is_not_signed_in_sees_nothing(signed_in: httpx.AsyncClient, method: str, path: str):
    signed_in.cookies.clear()
    answer = await signed_in.request(method, path)
    if method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/signin")
    else:
        assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), [one for one in CLOSED if one[0] != "GET"])
async def test_a_change_needs_what_only_a_page_of_this_site_knows(signed_in: httpx.AsyncClient, method: str, path: str):
    answer = await signed_in.request(method, path)
    assert answer.status_code == 403
    assert "another site" in answer.text


async def test_a_sign_in_leads_back_to_where_one_was(signed_in: httpx.AsyncClient):
    signed_in.cookies.clear()
    sent = await signed_in.get("/account?platform=default")
    page = await signed_in.get(sent.headers["location"])
    assert 'name="returns" value="/account?platform=default"' in page.text
    answer = await signed_in.post("/signin", data=TO_OTHERS | {"returns": "/account?platform=default"})
    assert answer.headers["location"] == "/account?platform=default"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:0"])
async def test_a_sign_in_never_leads_to_another_site(signed_in: httpx.AsyncClient, elsewhere: str):
    answer = await signed_in.post("/signin", data=TO_OTHERS | {"returns": elsewhere})
    assert answer.headers["location"] == "/"


async def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(signed_in: httpx.AsyncClient):
    signed_in.cookies.clear()
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/bookings?q=news"}
    answer = await signed_in.get("/account", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/signin?returns=%2Fbookings%3Fq%3Dnews"


async def test_a_wrong_password_says_so_and_nothing_else(signed_in: httpx.AsyncClient):
    signed_in.cookies.clear()
    for name in ("anna", "nobody"):
        answer = await signed_in.post("/signin", data={"name": name, "password": "wrong"})
        assert answer.status_code == 401
        assert "the name or the password is wrong" in answer.text
        assert f'value="{name}"' in answer.text


async def test_too_many_failures_say_when_to_try_again(signed_in: httpx.AsyncClient):
    signed_in.cookies.clear()
    for _ in range(20):
        answer = await signed_in.post("/signin", data={"name": "anna", "password": "wrong"})
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert 'role="alert"' in answer.text


async def test_signing_out_ends_the_session(signed_in: httpx.AsyncClient):
    csrf = await csrf_of_page(signed_in)
    cookie = dict(signed_in.cookies)
    answer = await signed_in.post("/signout", headers={CSRF: csrf, "HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/signin")
    signed_in.cookies.update(cookie)
    assert (await signed_in.get("/")).status_code == 303


async def test_a_new_password(signed_in: httpx.AsyncClient):
    headers = {CSRF: await csrf_of_page(signed_in), "HX-Request": "true"}
    wrong = await signed_in.post("/account/password", data={"old": "nope", "new": PASSWORD * 2}, headers=headers)
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text
    done = await signed_in.post("/account/password", data={"old": PASSWORD, "new": PASSWORD * 2}, headers=headers)
    assert done.status_code == 204
    signed_in.cookies.clear()
    again = await signed_in.post("/signin", data={"name": "anna", "password": PASSWORD * 2})
    assert again.status_code == 303


async def csrf_of_page(client: httpx.AsyncClient) -> str:
    found = re.search(r'name="csrf" content="(\w+)"', (await client.get("/")).text)
    assert found
    return found[1]


# ---------------------------------------------------------------------- without accounts


async def test_until_there_is_an_account_nobody_signs_in(pages: httpx.AsyncClient):
    page = await pages.get("/")
    assert page.status_code == 200
    assert "Nobody has to sign in" in page.text
    assert (await pages.get("/signin")).headers["location"] == "/"


# ---------------------------------------------------------------------- what is told of errors


async def test_what_is_not_there(pages: httpx.AsyncClient):
    page = await pages.get("/nowhere")
    assert page.status_code == 404
    assert "<html" in page.text
    assert "first page" in page.text
    part = await pages.get("/?platform=nowhere", headers={"HX-Request": "true"})
    assert part.status_code == 404
    assert "<html" not in part.text
    assert part.headers["hx-retarget"] == "#toasts"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/bookings/nothing", 404), ("/bookings?span=x", 422)])
async def test_an_error_has_the_way_to_every_other_page_around_it(signed_in: httpx.AsyncClient, path: str, status: int):
    page = await signed_in.get(path)
    assert page.status_code == status
    assert 'aria-label="Main"' in page.text
    assert 'href="/bookings?platform=default"' in page.text
    assert "content-security-policy" in page.headers
    signed_in.cookies.clear()
    alone = await signed_in.get("/nowhere")
    assert 'aria-label="Main"' not in alone.text


async def test_what_nobody_may_and_what_goes_wrong_have_it_too(
    signed_in: httpx.AsyncClient, app: App, monkeypatch: pytest.MonkeyPatch
):
    async def wrong(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(type(app.resources), "pools", wrong)
    broken = await signed_in.get("/resources")
    assert broken.status_code == 500
    assert 'aria-label="Main"' in broken.text
    assert "the server's log says more" in broken.text.replace("&#39;", "'")
    monkeypatch.setattr(type(app.lists), "around", wrong)
    assert 'aria-label="Main"' not in (await signed_in.get("/bookings")).text, "not even the header can be made"
    monkeypatch.undo()
    await app.users.create(LOCAL, NewUser("vera", NamedRights(["viewer"]), password=PASSWORD))
    signed_in.cookies.clear()
    await signed_in.post("/signin", data={"name": "vera", "password": PASSWORD})
    refused = await signed_in.get("/people")
    assert refused.status_code == 403
    assert 'aria-label="Main"' in refused.text
    assert "It needs the role admin." in refused.text
    assert "user.view" not in refused.text


async def test_a_body_that_is_too_large(pages: httpx.AsyncClient):
    answer = await pages.post("/signin", data={"name": "x" * 10_000_001})
    assert answer.status_code == 413
    assert "Send less" in answer.text


async def test_a_page_of_another_site_gets_nothing(pages: httpx.AsyncClient):
    answer = await pages.post("/signin", data=TO_OTHERS, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert (await pages.get("/", headers={"Host": "evil.example"})).status_code == 403


async def test_every_answer_is_sealed(pages: httpx.AsyncClient):
    for path in ("/", "/nowhere", "/static/app.css", f"/static/{name_of(LifecycleColors())}.css", "/signin"):
        answer = await pages.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_markup_in_a_name_is_text(pages: httpx.AsyncClient, app: App):
    evil = "<img src=x onerror=alert(1)>\"'&"
    await app.platforms.put(LOCAL, Platform(evil))
    page = await pages.get("/", params={"platform": evil})
    assert page.status_code == 200
    assert "<img" not in page.text
    assert "&lt;img src=x" in page.text


# ---------------------------------------------------------------------- colours


async def test_the_colours_of_a_platform(pages: httpx.AsyncClient, app: App):
    own = LifecycleColors(light={State.ACTIVE.value: "#112233"})
    await app.platforms.put(LOCAL, Platform("own", config=PlatformConfig(lifecycle_colors=own)))

    async def sheet(platform: str) -> str:
        page = (await pages.get("/", params={"platform": platform})).text
        found = re.search(r'href="(/static/[^"]+palette-[^"]+)"', page)
        assert found
        return found[1]

    answer = await pages.get(await sheet("own"))
    assert f".state-service-active{{--fill:light-dark(#112233,{SHIPPED[State.ACTIVE].dark})" in answer.text
    assert answer.text.endswith(style(own))
    assert answer.headers["cache-control"] == FOR_GOOD
    assert (await pages.get(await sheet("default"))).text.endswith(style(LifecycleColors()))
    changed = LifecycleColors(light={State.ACTIVE.value: "#112234"})
    await app.platforms.put(LOCAL, Platform("own", config=PlatformConfig(lifecycle_colors=changed)))
    assert (await pages.get(await sheet("own"))).text.endswith(style(changed))


def test_every_label_can_be_read():
    found = re.findall(r"--fill:light-dark\((\S+),(\S+)\);--ink:light-dark\((\S+),(\S+)\)", style(LifecycleColors()))
    assert len(found) == len(ALIKE)
    for light, dark, on_light, on_dark in found:
        assert contrast(light, on_light) >= 4.5
        assert contrast(dark, on_dark) >= 4.5


async def test_who_was_sent_back_is_told_why_once(signed_in: httpx.AsyncClient):
    answer = Response()
    send_back(
        answer, NotSignedIn("none of <b>anna</b>'s groups may do anything here", hint="ask an admin"), "/bookings"
    )
    cookie = answer.headers["set-cookie"].split(";")[0]
    page = await signed_in.get("/signin", headers={"Cookie": cookie})
    assert page.status_code == 200
    assert "none of &lt;b&gt;anna&lt;/b&gt;&#39;s groups" in page.text
    assert "ask an admin" in page.text
    assert 'name="returns" value="/bookings"' in page.text
    assert f'{REFUSED}=""' in page.headers["set-cookie"]


@pytest.mark.parametrize("text", ["", "zz", "00", '["a"]', '{"a": 1}', "[1, 2, 3]", '["a", "b", "//evil.example"]'])
async def test_what_others_put_into_that_cookie_leads_nowhere(signed_in: httpx.AsyncClient, text: str):
    page = await signed_in.get("/signin", headers={"Cookie": f"{REFUSED}={text.encode().hex()}"})
    assert page.status_code == 200
    assert 'name="returns" value="/"' in page.text


async def test_a_browser_that_leaves_before_all_is_sent_is_no_error(app: App):
    answered = []

    async def left() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        answered.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {
        "type": "http", "method": "POST", "path": "/bookings/new", "raw_path": b"/bookings/new", "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("localhost", 80),
    }  # fmt: skip
    await create_pages(app, guard=Guard(app))(scope, left, send)
    assert answered[0]["status"] == 400


async def test_a_page_comes_as_the_browser_wishes_it(pages: httpx.AsyncClient):
    wishes = {"Cookie": "preroll_theme=dark; preroll_density=loose"}
    for path in ("/", "/nowhere"):
        page = (await pages.get(path, headers=wishes)).text
        assert '<html lang="en" data-theme="dark">' in page, "and what nobody can wish is not said"
