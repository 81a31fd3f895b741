# SPDX-License-Identifier: Apache-2.0
"""Signing in at a real OpenID Connect provider, and at one that lies."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request

from preroll.app import build
from preroll.app.openid import Grant, OpenId
from preroll.domain.config import Platform
from preroll.domain.errors import NotSignedIn, ProviderUnavailable
from preroll.domain.permission import LOCAL
from preroll.gate.sessions import REFUSED, sent_back
from preroll.identity.openid import OpenIdProvider, Registration
from preroll.ports.accounts import Pending
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock
from tests.api.people import People, passwords

GRANTS = (Grant("noc", "operator"), Grant("tv-team", "designer", "tv"), Grant("elsewhere", "admin", "nowhere"))
HOME = "http://localhost/api/v1/session/openid"


def registration(issuer: str) -> Registration:
    return Registration(issuer, "preroll", "s3cret", "openid profile", "groups", "preferred_username")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A provider that knows anna, of two groups, and ben, of none."""
    people = [
        {"sub": "1", "preferred_username": "anna", "name": "Anna B", "groups": ["noc", "tv-team"]},
        {"sub": "2", "preferred_username": "ben", "groups": []},
    ]
    claims = [word for person in people for word in ("--user-claims", json.dumps(person))]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "oidc_provider_mock",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        *claims,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "http://" not in said:
                said = process.stdout.readline()
                assert said, "the provider has ended"
            port = urlsplit(said[said.index("http://") :].split()[0]).port
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
async def people(issuer: str):
    with closing(open_inline_store(StandingClock())) as store:
        app = build(store, None, passwords())
        for name in ("default", "tv"):
            await app.platforms.put(LOCAL, Platform(name))
        openid = OpenId(store, app.sessions, OpenIdProvider(registration(issuer)), GRANTS)
        async with AsyncExitStack() as stack:
            yield People(replace(app, openid=openid), stack)


async def at_the_provider(begun: httpx.Response, subject: str) -> str:
    """What the browser does there; returns where it is sent in the end."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport()) as browser:
        answer = await browser.post(begun.headers["location"], data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])


async def signed_in(
    people: People, subject: str, returns: str = "/timeline"
) -> tuple[httpx.AsyncClient, httpx.Response]:
    browser = people.client()
    begun = await browser.get(HOME, params={"returns": returns})
    assert begun.status_code == 307, begun.text
    return browser, await browser.get(await at_the_provider(begun, subject))


async def test_who_the_provider_vouches_for_gets_what_the_groups_may(people: People):
    assert (await people.client().get("session")).json() == {"needed": True, "openid": True}
    browser, answer = await signed_in(people, "1")
    assert (answer.status_code, answer.headers["location"]) == (307, "/timeline")
    me = (await browser.get("me")).json()
    assert (me["name"], me["roles"], me["on"]) == ("anna", ["operator"], {"tv": ["designer"]})
    users = (await (await people.who("admin")).get("users/anna")).json()
    assert (users["full_name"], users["password"], users["revision"]) == ("Anna B", False, 1)
    again, _ = await signed_in(people, "1")
    assert (await again.get("me")).json()["user"] == me["user"]


async def test_who_is_of_no_group_gets_in_nowhere(people: People):
    browser, answer = await signed_in(people, "2")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert (await browser.get("me")).status_code == 401


async def test_a_name_that_somebody_has_already_is_not_taken_over(people: People):
    await people.add("Anna", ["admin"])
    _, answer = await signed_in(people, "1")
    assert answer.status_code == 401
    assert "does not vouch for" in answer.json()["detail"]


async def test_who_is_disabled_here_stays_out(people: People):
    await signed_in(people, "1")
    root = await people.who("admin")
    assert (await root.patch("users/anna", json={"disabled": True})).status_code == 200
    _, answer = await signed_in(people, "1")
    assert answer.status_code == 401


async def test_a_sign_in_is_for_the_browser_that_began_it_and_once(people: People):
    browser = people.client()
    back = await at_the_provider(await browser.get(HOME), "1")
    assert (await people.client().get(back)).status_code == 401, "another browser"
    assert (await browser.get(back)).status_code == 307
    assert (await browser.get(back)).status_code == 401, "once more"


@pytest.mark.parametrize("returns", ["https://evil.example/", "//evil.example", "/\\evil.example", "x", "/a\nb"])
async def test_nobody_is_sent_to_another_site_afterwards(people: People, returns: str):
    _, answer = await signed_in(people, "1", returns)
    assert (answer.status_code, answer.headers["location"]) == (307, "/")


async def test_a_refusal_of_the_provider_is_told(people: People):
    answer = await people.client().get(f"{HOME}/callback?error=access_denied")
    assert (answer.status_code, "access_denied" in answer.text) == (401, True)


@pytest.mark.parametrize("path", ["/callback?error=access_denied", "/callback?state=x&code=y"])
async def test_a_browser_that_cannot_be_signed_in_goes_to_where_people_sign_in(people: People, path: str):
    answer = await people.client().get(f"{HOME}{path}", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin")
    assert REFUSED in answer.headers["set-cookie"]


async def test_somebody_without_a_group_is_told_so_in_the_browser(people: People):
    browser = people.client()
    back = await at_the_provider(await browser.get(HOME), "1")
    await people.add("Anna", ["admin"])
    answer = await browser.get(back, headers={"Accept": "text/html"})
    assert answer.status_code == 303
    told = sent_back(Request({"type": "http", "headers": [(b"cookie", answer.headers["set-cookie"].encode())]}))
    assert told
    assert "does not vouch for" in told[0]


# ---------------------------------------------------------------------- one that lies

ISSUER = "https://id.example"
KEY = RSAKey.generate_key(2048, {"kid": "k"}, private=True)


class Liar:
    """A provider whose answers a test bends."""

    def __init__(self) -> None:
        self.metadata = {
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }  # fmt: skip
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k"}
        self.key: Any = KEY
        self.form: dict[str, list[str]] = {}
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.metadata)
            case "/keys":
                return httpx.Response(200, json={"keys": [KEY.as_dict(private=False)]})
        self.form = parse_qs(request.content.decode())
        now = int(time.time())
        whole = {"iss": ISSUER, "aud": "preroll", "sub": "1", "iat": now, "exp": now + 300, "nonce": "n", **self.claims}
        claims = {name: value for name, value in whole.items() if value is not ...}
        return httpx.Response(self.status, json={"id_token": jwt.encode(self.header, claims, self.key)})

    async def finish(self) -> Any:
        provider = OpenIdProvider(registration(ISSUER), httpx.MockTransport(self))
        return await provider.finish(HOME, "code", Pending("d", "n", "the verifier", "/"))


async def test_the_code_is_fetched_with_what_only_this_sign_in_knows():
    liar = Liar()
    errand = await OpenIdProvider(registration(ISSUER), httpx.MockTransport(liar)).begin(HOME)
    asked = parse_qs(urlsplit(errand.url).query)
    challenge = urlsafe_b64encode(sha256(errand.verifier.encode()).digest()).decode().rstrip("=")
    assert (asked["code_challenge"], asked["code_challenge_method"]) == ([challenge], ["S256"])
    assert (asked["state"], asked["nonce"], asked["response_type"]) == ([errand.state], [errand.nonce], ["code"])
    assert errand.verifier not in errand.url
    assert (await liar.finish()).subject == "1"
    assert (liar.form["code_verifier"], liar.form["code"]) == (["the verifier"], ["code"])


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"}, {"aud": "somebody-else"}, {"exp": 1}, {"nonce": "another"}, {"nonce": ...},
        {"sub": ...}, {"iat": ...},
    ],
)  # fmt: skip
async def test_a_token_that_is_not_for_this_sign_in_is_refused(claims: dict[str, Any]):
    liar = Liar()
    liar.claims = claims
    with pytest.raises(NotSignedIn, match="does not hold"):
        await liar.finish()


async def test_a_token_that_somebody_else_has_signed_is_refused():
    liar = Liar()
    liar.key = RSAKey.generate_key(2048, {"kid": "k"}, private=True)
    with pytest.raises(NotSignedIn, match="does not hold"):
        await liar.finish()


@pytest.mark.parametrize(
    "bent",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://id.example/token"}, {"jwks_uri": None}],
)
async def test_a_provider_that_describes_itself_wrongly_is_not_used(bent: dict[str, Any]):
    liar = Liar()
    liar.metadata |= bent
    with pytest.raises(ProviderUnavailable):
        await liar.finish()


@pytest.mark.parametrize(("status", "error"), [(400, NotSignedIn), (503, ProviderUnavailable)])
async def test_a_provider_that_does_not_hand_the_token_over(status: int, error: type[Exception]):
    liar = Liar()
    liar.status = status
    with pytest.raises(error):
        await liar.finish()
