# SPDX-License-Identifier: Apache-2.0
"""Subscriptions as people have them: whose they are, what is refused, and what is sent at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from preroll.app import App, build
from preroll.app.deliveries import Deliveries
from preroll.app.subscriptions import MOST, NewSubscription, SubscriptionEdit, Wanted, new_secret
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.errors import Invalid, NameInUse, NotFound, NotPermitted, Refused, Stale
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.subscription import DeadLetter, Filter, Kind, Status, Subscription, is_secret
from preroll.ports.outbox import Message, Outcome
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock

URL = "https://hooks.example.org/in"


@dataclass
class Post:
    """Sends nothing, and remembers what."""

    kinds: frozenset[Kind] = frozenset({Kind.WEBHOOK, Kind.MAIL})
    outcome: Outcome = field(default_factory=lambda: Outcome(204))
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def test(self, subscription: Subscription) -> Outcome:
        self.sent.append((subscription.name, "a test"))
        return self.outcome

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        self.sent.append((subscription.name, message.id))
        return self.outcome


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def store():
    opened = open_inline_store(StandingClock())
    yield opened
    opened.close()


@pytest.fixture
async def app(store, post: Post) -> App:
    app = build(store, None, outbox=post)
    for name in ("tv", "radio"):
        await app.platforms.put(LOCAL, Platform(name))
    return app


@pytest.fixture
async def who(app: App):
    async def made(name: str, *roles: str, **rights) -> Actor:
        await app.users.create(LOCAL, NewUser(name, NamedRights(roles, **rights)))
        details, _ = await app.tokens.create(LOCAL, NewToken("t", name))
        return details.token.actor(details.owner)

    return made


def hook(name: str = "NOC", **more) -> NewSubscription:
    return NewSubscription(name, Kind.WEBHOOK, URL, **more)


async def test_a_secret_is_made_and_shown_once(app: App, who):
    anna = await who("anna", "operator")
    made, secret = await app.subscriptions.create(anna, hook())
    assert is_secret(secret)
    assert made.owner == "anna"
    own = new_secret()
    other, told = await app.subscriptions.create(anna, hook("MCR", secret=own))
    assert (told, other.subscription.secret) == (own, own)
    again, renewed = await app.subscriptions.renew_secret(anna, made.subscription.id)
    assert (renewed != secret, again.subscription.revision) == (True, 2)
    mail, none = await app.subscriptions.create(anna, NewSubscription("desk", Kind.MAIL, "desk@example.org"))
    assert none == mail.subscription.secret == ""
    with pytest.raises(Refused, match="not signed"):
        await app.subscriptions.renew_secret(anna, mail.subscription.id)


async def test_only_an_admin_refers_to_secrets_of_the_machine(app: App, who):
    with pytest.raises(NotPermitted, match=r"subscription\.refer"):
        await app.subscriptions.create(await who("anna", "operator"), hook(secret="env:HOOK"))
    _, told = await app.subscriptions.create(await who("root", "admin"), hook(secret="env:HOOK"))
    assert told == ""


async def test_where_nobody_has_an_account_it_belongs_to_whoever_uses_the_server_until_somebody_has(
    app: App, store, who
):
    made, secret = await app.subscriptions.create(LOCAL, hook())
    assert (made.owner, is_secret(secret)) == ("local", True)
    assert [d.subscription for d in await app.subscriptions.list(LOCAL)] == [made.subscription]
    await app.platforms.put(LOCAL, Platform("film"))
    due = await Deliveries(store).due(made.subscription)
    assert [change.kind for change in due.changes] == ["platform.created"]
    root = await who("root", "admin")
    with pytest.raises(NotFound, match="local"):
        await Deliveries(store).due(made.subscription)
    assert await app.subscriptions.list(root) == []
    await app.subscriptions.remove(root, made.subscription.id)
    assert await app.subscriptions.list(root, everybody=True) == []


async def test_each_has_an_owner_and_is_in_its_sight_alone(app: App, who):
    anna, ben, root = await who("anna", "operator"), await who("ben", "operator"), await who("root", "admin")
    with pytest.raises(NotPermitted, match="no account") as refused:
        await app.subscriptions.create(LOCAL, hook())
    assert refused.value.hint == "name its owner"
    made, _ = await app.subscriptions.create(LOCAL, hook(owner="anna"))
    ident = made.subscription.id
    with pytest.raises(NotPermitted):
        await app.subscriptions.create(ben, hook(owner="anna"))
    for refuse in (
        app.subscriptions.get,
        app.subscriptions.test,
        app.subscriptions.remove,
        app.subscriptions.outstanding,
    ):
        with pytest.raises(NotFound):
            await refuse(ben, ident)
    assert [d.subscription.name for d in await app.subscriptions.list(anna)] == ["NOC"]
    assert await app.subscriptions.list(ben) == await app.subscriptions.list(LOCAL) == []
    with pytest.raises(NotPermitted):
        await app.subscriptions.list(ben, everybody=True)
    assert len(await app.subscriptions.list(root, everybody=True)) == 1
    await app.subscriptions.remove(root, ident)
    assert await app.subscriptions.list(anna) == []


async def test_a_narrow_token_does_not_touch_what_tells_more_than_it_may_see(app: App, who):
    anna = await who("anna", "operator")
    wide, _ = await app.subscriptions.create(anna, hook())
    details, _ = await app.tokens.create(anna, NewToken("narrow", platforms=["radio"]))
    narrow = details.token.actor(details.owner)
    for refuse in (app.subscriptions.get, app.subscriptions.test, app.subscriptions.remove):
        with pytest.raises(NotFound):
            await refuse(narrow, wide.subscription.id)
    with pytest.raises(NotFound):
        await app.subscriptions.change(narrow, wide.subscription.id, None, SubscriptionEdit(to="https://a.example/"))
    own, _ = await app.subscriptions.create(narrow, hook("own", wanted=Wanted("radio")))
    assert [d.subscription.id for d in await app.subscriptions.list(narrow)] == [own.subscription.id]
    assert len(await app.subscriptions.list(anna)) == 2


async def test_who_works_on_one_platform_says_so(app: App, who):
    anna = await who("anna", on={"tv": ["operator"]})
    with pytest.raises(NotPermitted):
        await app.subscriptions.create(anna, hook())
    with pytest.raises(NotFound):
        await app.subscriptions.create(anna, hook(wanted=Wanted("radio")))
    made, _ = await app.subscriptions.create(anna, hook(wanted=Wanted("tv")))
    assert made.platform == "tv"
    with pytest.raises(NotPermitted):
        await app.subscriptions.change(anna, made.subscription.id, None, SubscriptionEdit(wanted=Wanted()))
    with pytest.raises(NotPermitted):
        await app.subscriptions.create(await who("viewer", "viewer"), hook())


@pytest.mark.parametrize(
    ("new", "field", "said"),
    [
        (replace(hook(), to="https://10.0.0.1/in"), "to", "10.0.0.1, which is not public"),
        (replace(hook(), to="http://[::1]:8484/"), "to", "::1, which is not public"),
        (replace(hook(), to="ftp://hooks.example.org"), "to", "ftp"),
        (replace(hook(), name=" "), "name", "empty"),
        (replace(hook(), secret="short"), "secret", "no signing secret"),
        (replace(hook(), kind=Kind.MAIL, to="nobody"), "to", "nobody"),
        (replace(hook(), kind=Kind.TMF), "kind", "tmf"),
        (hook(wanted=Wanted(kinds=["booking"])), "wanted.kinds.0", "booking"),
        (hook(wanted=Wanted(nouns=["Booking!"])), "wanted.nouns.0", "Booking!"),
    ],
)
async def test_what_could_never_be_told_is_refused_and_nothing_is_stored(app: App, who, new, field, said):
    anna = await who("anna", "operator")
    with pytest.raises(Invalid) as refused:
        await app.subscriptions.create(anna, new)
    (mistake,) = refused.value.mistakes
    assert mistake.where == field
    assert said in str(mistake)
    assert await app.subscriptions.list(anna) == []


async def test_a_change_needs_the_revision_and_a_name_is_taken_once(app: App, who):
    anna = await who("anna", "operator")
    made, _ = await app.subscriptions.create(anna, hook())
    await app.subscriptions.create(anna, hook("MCR"))
    ident, seen = made.subscription.id, made.subscription.revision
    with pytest.raises(NameInUse):
        await app.subscriptions.change(anna, ident, seen, SubscriptionEdit(name="MCR"))
    edit = SubscriptionEdit(to="https://other.example.org/", wanted=Wanted("tv", ["booking.state"]), paused=True)
    after = (await app.subscriptions.change(anna, ident, seen, edit)).subscription
    assert (after.to, after.filter.kinds, after.status) == (
        "https://other.example.org/", frozenset({"booking.state"}), Status.PAUSED
    )  # fmt: skip
    with pytest.raises(Stale):
        await app.subscriptions.change(anna, ident, seen, edit)
    with pytest.raises(Invalid, match="not public"):
        await app.subscriptions.change(anna, ident, None, SubscriptionEdit(to="http://192.168.0.1/"))
    resumed = await app.subscriptions.change(anna, ident, None, SubscriptionEdit(paused=False))
    assert resumed.subscription.status is Status.ACTIVE


async def test_nobody_has_more_than_can_be_followed(app: App, who, store):
    anna = await who("anna", "operator")
    for number in range(MOST):
        await app.subscriptions.create(anna, hook(f"h{number}"))
    with pytest.raises(Refused, match="has 100 subscriptions"):
        await app.subscriptions.create(anna, hook())


async def test_what_was_given_up_is_sent_again_until_it_is_taken(app: App, who, store, post: Post):
    anna = await who("anna", "operator")
    made, _ = await app.subscriptions.create(anna, hook())
    one = made.subscription
    assert (await app.subscriptions.test(anna, one.id)).taken
    letter = DeadLetter("msg_1", "1", "booking.state", "b1", "{}", 10, "the receiver answered 500")

    def happen(tx):
        tx.subscriptions.bury(one.key, letter)
        tx.changes.add(Change("booking.state", "b2", 1, "anna", "Partial", "Confirmed"))

    await store.write(happen)
    found = await app.subscriptions.outstanding(anna, one.id)
    assert ([c.subject for _, c in found.waiting], [d.id for d in found.dead]) == (["b2"], ["msg_1"])
    post.outcome = Outcome(500, "the receiver answered 500")
    assert not (await app.subscriptions.redeliver(anna, one.id, "msg_1")).taken
    post.outcome = Outcome(200)
    assert (await app.subscriptions.redeliver(anna, one.id, "msg_1")).taken
    assert (await app.subscriptions.outstanding(anna, one.id)).dead == []
    with pytest.raises(NotFound):
        await app.subscriptions.redeliver(anna, one.id, "msg_1")
    assert post.sent == [("NOC", "a test"), ("NOC", "msg_1"), ("NOC", "msg_1")]
    post.kinds = frozenset()
    with pytest.raises(Refused, match="sends nothing by webhook"):
        await app.subscriptions.test(anna, one.id)


async def test_what_is_done_to_it_is_told_in_the_change_log(app: App, who, store):
    anna = await who("anna", "operator")
    made, secret = await app.subscriptions.create(anna, hook())
    await app.subscriptions.change(anna, made.subscription.id, None, SubscriptionEdit(name="MCR"))
    await app.subscriptions.remove(anna, made.subscription.id)
    told = await store.read(lambda tx: tx.changes.of(made.subscription.id))
    assert [(c.kind, c.after) for c in told] == [
        ("subscription.created", "NOC"), ("subscription.changed", "MCR"), ("subscription.removed", "MCR"),
    ]  # fmt: skip
    assert secret not in repr(told)
    assert made.subscription.filter == Filter()
