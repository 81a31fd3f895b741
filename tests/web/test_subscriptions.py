# SPDX-License-Identifier: Apache-2.0
"""Subscriptions on the page: made with the secret shown once, tried, changed, paused, ended; letters sent again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx
import pytest

from preroll.app import App, build
from preroll.app.subscriptions import NewSubscription
from preroll.app.users import NamedRights, NewUser
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import DeadLetter, Kind, Subscription
from preroll.gate.guard import CSRF
from preroll.ports.outbox import Message, Outcome
from preroll.store import SqlStore
from tests.api.people import PASSWORD, passwords
from tests.web.studio import NASTY

SECRET = re.compile(r'<code class="secret">([^<]+)</code>')
HOOK = {"name": "room", "kind": "webhook", "to": "https://example.org/hook"}


@dataclass
class Post:
    """Sends nothing, and notes what it should."""

    kinds: frozenset[Kind] = frozenset({Kind.WEBHOOK, Kind.MAIL})
    says: Outcome = field(default_factory=lambda: Outcome(200))
    sent: list[str] = field(default_factory=list)

    async def test(self, subscription: Subscription) -> Outcome:
        self.sent.append(f"test {subscription.name}")
        return self.says

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        self.sent.append(f"{message.id} to {subscription.name}")
        return self.says


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def app(store: SqlStore, post: Post) -> App:
    app = build(store, None, passwords(), outbox=post)
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    return app


@pytest.fixture
async def anna(signed_in: httpx.AsyncClient) -> httpx.AsyncClient:
    """An admin, whose changes carry the proof of the page."""
    found = re.search(r'name="csrf" content="(\w+)"', (await signed_in.get("/")).text)
    assert found
    signed_in.headers[CSRF] = found[1]
    return signed_in


async def hook(app: App, name: str = "room", owner: str = "anna") -> Subscription:
    made, _ = await app.subscriptions.create(
        LOCAL, NewSubscription(name, Kind.WEBHOOK, "https://example.org/hook", owner=owner)
    )
    return made.subscription


async def do(anna: httpx.AsyncClient, one: Subscription, what: str, **more: str) -> httpx.Response:
    return await anna.post(f"/subscriptions/{one.id}", data={"revision": one.revision, "do": what, **more})


async def test_where_there_is_none_the_page_says_what_it_is_for(anna: httpx.AsyncClient):
    page = (await anna.get("/subscriptions")).text
    assert "Nobody is told yet" in page
    assert 'href="/subscriptions/new"' in page


async def test_a_webhook_is_made_and_its_secret_shown_once(anna: httpx.AsyncClient, app: App):
    form = {**HOOK, "platform": "default", "kinds": "booking.state, order.state", "states": "Failed"}
    page = await anna.post("/subscriptions", data=form)
    assert page.status_code == 200
    secret = SECRET.search(page.text)
    assert secret
    assert secret[1].startswith("whsec_")
    (found,) = await app.subscriptions.list(LOCAL, everybody=True)
    assert (found.owner, found.platform) == ("anna", "default")
    assert found.subscription.filter.kinds == {"booking.state", "order.state"}
    for path in ("", f"/{found.subscription.id}"):
        again = (await anna.get(f"/subscriptions{path}")).text
        assert secret[1] not in again
        assert "booking.state, order.state · Failed on default" in again


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"to": "ftp://example.org"}, "to-error"),
        ({"kinds": "Booking!"}, "a kind of change such as booking.state"),
        ({"name": ""}, "is missing"),
        ({"secret": "short"}, "24 to 64 bytes in base64"),
    ],
)
async def test_what_is_wrong_with_one_is_told_beside_it(
    anna: httpx.AsyncClient, app: App, other: dict[str, str], told: str
):
    page = await anna.post("/subscriptions", data=HOOK | other)
    assert page.status_code == 422
    assert told in page.text
    assert not await app.subscriptions.list(LOCAL, everybody=True)


async def test_a_test_says_what_came_of_it(anna: httpx.AsyncClient, app: App, post: Post):
    one = await hook(app)
    assert "It was taken with status 200." in (await do(anna, one, "test")).text
    post.says = Outcome(502, "answered 502")
    assert "It was not taken: answered 502" in (await do(anna, one, "test")).text
    assert post.sent == ["test room"] * 2


async def test_it_is_paused_resumed_changed_and_ended(anna: httpx.AsyncClient, app: App):
    one = await hook(app)
    assert "It is paused." in (await do(anna, one, "pause")).text
    assert (await do(anna, one, "resume")).status_code == 412, "as it was seen"
    one = (await app.subscriptions.get(LOCAL, one.id)).subscription
    assert "It goes on" in (await do(anna, one, "resume")).text
    one = (await app.subscriptions.get(LOCAL, one.id)).subscription
    page = await do(anna, one, "save", name=NASTY, to="https://example.org/other", kinds="booking.state")
    assert "It is saved" in page.text
    assert "<img" not in page.text
    assert (await do(anna, one, "remove")).headers["location"] == "/subscriptions"
    assert not await app.subscriptions.list(LOCAL, everybody=True)
    assert (await do(anna, one, "dance")).status_code == 404


async def test_another_secret_is_shown_once(anna: httpx.AsyncClient, app: App):
    one = await hook(app)
    page = await do(anna, one, "secret")
    assert SECRET.search(page.text)
    assert not SECRET.search((await anna.get(f"/subscriptions/{one.id}")).text)


async def test_what_was_given_up_is_sent_again(anna: httpx.AsyncClient, app: App, store: SqlStore, post: Post):
    one = await hook(app)
    letter = DeadLetter("m1", "1", "booking.state", "b", "{}", 9, f"{NASTY} refused")
    await store.write(lambda tx: tx.subscriptions.bury(one.key, letter))
    page = (await anna.get(f"/subscriptions/{one.id}")).text
    assert "9 attempts" in page
    assert "<img" not in page
    post.says = Outcome(0, "nobody answered")
    assert "It was not taken: nobody answered" in (await do(anna, one, "redeliver m1")).text
    post.says = Outcome(204)
    assert "No message was given up." in (await do(anna, one, "redeliver m1")).text
    assert post.sent == ["m1 to room"] * 2


async def test_who_is_no_admin_sees_its_own_alone(anna: httpx.AsyncClient, app: App):
    await app.users.create(LOCAL, NewUser("ben", NamedRights(["operator"]), password=PASSWORD))
    others, own = await hook(app, "others"), await hook(app, "own", "ben")
    assert "others" in (await anna.get("/subscriptions")).text
    await anna.post("/signin", data={"name": "ben", "password": PASSWORD})
    page = (await anna.get("/subscriptions")).text
    assert "others" not in page
    assert f"/subscriptions/{own.id}" in page
    assert (await anna.get(f"/subscriptions/{others.id}")).status_code == 404
