# SPDX-License-Identifier: Apache-2.0
"""What the page about reverse proxies promises: names, who is believed, the cookie, and streams that go through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from preroll.app import App
from preroll.app.users import NamedRights, NewUser
from preroll.domain.permission import LOCAL
from tests.api.people import PASSWORD
from tests.web.conftest import Site, seed, serving

NAME = "preroll.example.org"
PROXIED = {"Host": NAME, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
ANNA = {"name": "anna", "password": PASSWORD}


async def prepare(app: App) -> None:
    await seed(app)
    await app.users.create(LOCAL, NewUser("anna", NamedRights(["admin"]), password=PASSWORD))


@contextmanager
def proxied(folder: Path, *proxies: str) -> Iterator[tuple[Site, httpx.Client]]:
    """A server with a name outside, and who stands where its proxy would."""
    transport = httpx.HTTPTransport()
    with (
        serving(folder, prepare=prepare, names=[NAME], **({"proxies": list(proxies)} if proxies else {})) as site,
        httpx.Client(base_url=site.url, transport=transport, headers=PROXIED, timeout=60) as client,
    ):
        yield site, client


def where_from(site: Site) -> str:
    changes = site.do(site.app.views.changes(LOCAL, "", 100)).changes
    return next(change.why for change in changes if change.kind == "user.signed_in")


def test_a_proxy_on_this_machine_is_believed(tmp_path: Path):
    with proxied(tmp_path) as (site, client):
        answer = client.post("/signin", data=ANNA, headers={"Origin": f"https://{NAME}"})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("; secure", "httponly", "samesite=lax"))
        assert where_from(site) == "from 203.0.113.9"
        assert client.get("/signin", headers={"Host": "other.example"}).status_code == 403
        assert client.post("/signin", data=ANNA, headers={"Origin": "https://other.example"}).status_code == 403
        session = answer.headers["set-cookie"].split(";")[0]
        with client.stream("GET", "/live?platform=default", headers={"Cookie": session}) as stream:
            assert stream.headers["x-accel-buffering"] == "no"
            assert "event: begin" in next(stream.iter_text())


@pytest.mark.parametrize("proxies", [["10.1.2.3"], ["10.0.0.0/8"]])
def test_who_is_no_proxy_is_not_believed(tmp_path: Path, proxies: list[str]):
    with proxied(tmp_path, *proxies) as (site, client):
        answer = client.post("/signin", data=ANNA)
        assert answer.status_code == 303
        assert "; secure" not in answer.headers["set-cookie"].lower()
        assert where_from(site) == "from 127.0.0.1"


def test_a_network_of_proxies_is_believed(tmp_path: Path):
    with proxied(tmp_path, "127.0.0.0/8") as (_, client):
        assert "; secure" in client.post("/signin", data=ANNA).headers["set-cookie"].lower()
