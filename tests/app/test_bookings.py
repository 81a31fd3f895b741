# SPDX-License-Identifier: Apache-2.0
"""What a command answers to a repeated, stale, incomplete or mistaken request: and that a refusal changes nothing."""

from __future__ import annotations

import pytest

from preroll.app.asking import Ask, Replayed
from preroll.app.bookings import Edit, NewBooking
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.errors import (
    ActionNotPossible,
    Conflict,
    Invalid,
    KeyReused,
    NameInUse,
    NotFound,
    NotPermitted,
    NotReady,
    Refused,
    Stale,
)
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.window import DAY, MINUTE
from preroll.ports.lists import BookingFilter
from preroll.ports.store import StoredAnswer
from tests.builders import NOON

VIEWER = Actor("guest", frozenset({"viewer"}))


def new(name: str = "News", **changes) -> NewBooking:
    whole = {"definition": "Contribution", "nodes": {"Encoder": NodeChoice("enc-1")}} | changes
    return NewBooking(name, whole.pop("timing", Timing(NOON, NOON + 60 * MINUTE)), **whole)


def ask(key: str = "k-1", digest: str = "d-1") -> Ask:
    return Ask("POST /bookings", key, digest, lambda made: StoredAnswer("d-1", 201, made.booking.id))


async def everything(stage) -> list:
    return [b.id for b in (await stage.app.bookings.page(LOCAL, BookingFilter())).items]


async def test_a_repeated_request_is_answered_as_the_first_and_done_once(stage):
    made = await stage.app.bookings.create(LOCAL, new(), ask())
    with pytest.raises(Replayed) as again:
        await stage.app.bookings.create(LOCAL, new(), ask())
    assert again.value.answer == StoredAnswer("d-1", 201, made.booking.id)
    assert await everything(stage) == [made.booking.id]


async def test_a_key_with_another_body_is_refused(stage):
    await stage.app.bookings.create(LOCAL, new(), ask())
    with pytest.raises(KeyReused):
        await stage.app.bookings.create(LOCAL, new("Other"), ask(digest="d-2"))


async def test_a_key_is_one_actors_own(stage):
    await stage.app.bookings.create(LOCAL, new(), ask())
    other = Actor("other", frozenset({"operator"}))
    made = await stage.app.bookings.create(other, new("Other", nodes={"Encoder": NodeChoice("enc-2")}), ask())
    assert made.booking.created_by == "other"


async def test_a_refused_request_does_not_use_its_key_up(stage):
    with pytest.raises(Invalid):
        await stage.app.bookings.create(LOCAL, new(" "), ask())
    assert (await stage.app.bookings.create(LOCAL, new(), ask())).booking.name == "News"


@pytest.mark.parametrize("action", ["confirm", "hold", "cancel"])
async def test_a_stale_revision_is_refused_and_says_both(stage, action):
    news = await stage.book(confirm=False)
    await stage.edit(news, properties={"ticket": 7})
    with pytest.raises(Stale, match="you saw revision 1, it is now 2"):
        await getattr(stage.app.bookings, action)(LOCAL, news, 1)
    with pytest.raises(Stale):
        await stage.app.bookings.edit(LOCAL, news, 1, Edit(name="Other"))
    assert (await stage.see(news)).booking.revision == 2


async def test_every_mistake_of_a_new_booking_is_told_at_once(stage):
    timing = Timing(NOON + 1, NOON, pre_roll=8 * DAY, post_roll=-MINUTE)
    with pytest.raises(Invalid) as refused:
        await stage.app.bookings.create(LOCAL, new(" ", timing=timing))
    assert [m.where for m in refused.value.mistakes] == ["start", "pre_roll", "post_roll", "end", "name"]
    assert await everything(stage) == []


async def test_every_mistake_of_the_nodes_is_told_at_once(stage):
    nodes = {
        "Encoder": NodeChoice("enc-1", profile="4K"),
        "Antenna": NodeChoice("enc-2"),
        "Decoder": NodeChoice("enc-2", profile="HD", values={"bitrate": -1, "colour": "red"}),
    }
    with pytest.raises(Invalid) as refused:
        await stage.app.bookings.create(LOCAL, new(nodes=nodes))
    assert {m.where for m in refused.value.mistakes} == {
        "nodes.Encoder.profile", "nodes.Antenna", "nodes.Decoder.values.bitrate", "nodes.Decoder.values.colour",
    }  # fmt: skip


async def test_an_unknown_definition_platform_or_resource_is_told(stage):
    with pytest.raises(NotFound, match="Distribution"):
        await stage.app.bookings.create(LOCAL, new(definition="Distribution"))
    with pytest.raises(NotFound, match="north"):
        await stage.app.bookings.create(LOCAL, new(platform="north"))
    with pytest.raises(Invalid, match=r"nodes\.Encoder\.resource: there is no resource enc-9"):
        await stage.app.bookings.create(LOCAL, new(nodes={"Encoder": NodeChoice("enc-9")}))
    with pytest.raises(NotFound):
        await stage.see("nothing")


async def test_all_that_is_missing_is_told_at_once(stage):
    made = await stage.app.bookings.create(LOCAL, new(nodes={}, timing=Timing(NOON - 2 * DAY, NOON - DAY)))
    with pytest.raises(NotReady) as refused:
        await stage.confirm(made.booking.id)
    assert [m.where for m in refused.value.missing] == ["end", "nodes.Encoder.resource"]
    assert await stage.state(made.booking.id) is State.PARTIAL


async def test_a_name_is_in_use_while_the_windows_overlap(stage):
    await stage.book("News")
    with pytest.raises(NameInUse, match="news"):
        await stage.book("news", encoder="enc-2")
    await stage.book("news", encoder="enc-2", start=NOON + 70 * MINUTE)


async def test_a_name_is_not_taken_by_an_edit_either(stage):
    await stage.book("News")
    other = await stage.book("Other", encoder="enc-2")
    with pytest.raises(NameInUse):
        await stage.edit(other, name="NEWS")
    assert (await stage.see(other)).booking.name == "Other"


async def test_an_edit_into_a_conflict_changes_nothing(stage):
    await stage.book("First")
    other = await stage.book("Other", encoder="enc-2")
    before, told = await stage.see(other), await stage.history(other)
    with pytest.raises(Conflict, match="First"):
        await stage.edit(other, nodes={"Encoder": NodeChoice("enc-1")})
    assert await stage.see(other) == before
    assert await stage.history(other) == told


async def test_what_an_actor_may_not_do_is_refused_with_the_role_that_may(stage):
    news = await stage.book()
    with pytest.raises(NotPermitted) as refused:
        await stage.app.bookings.cancel(VIEWER, news, None)
    assert refused.value.hint == "needs one of the roles: admin, operator"
    assert (await stage.app.bookings.get(VIEWER, news)).booking.state is State.CONFIRMED


async def test_a_clients_own_id_is_taken_once(stage):
    ident = "01a0bf1d-db00-73ab-8d44-7e35b8b6d8fe"
    made = await stage.app.bookings.create(LOCAL, new(id=ident))
    assert made.booking.id == ident
    with pytest.raises(Refused, match=f"a booking with the id {ident} exists"):
        await stage.app.bookings.create(LOCAL, new("Other", id=ident))


async def test_a_property_that_is_none_is_taken_away(stage):
    news = await stage.book()
    await stage.edit(news, properties={"ticket": 7, "note": "late"})
    await stage.edit(news, properties={"note": None})
    assert (await stage.see(news)).booking.properties == {"ticket": 7}


async def test_a_refusal_names_only_what_would_be_accepted(stage):
    """Not what the state alone admits: nothing is to be applied or audited, nobody locks, and it is for who asks."""
    ident = await stage.book()
    await stage.to(0)
    with pytest.raises(ActionNotPossible) as refused:
        await stage.app.bookings.start_now(LOCAL, ident, None)
    named = refused.value.hint.removeprefix("possible now: ").split(", ")
    assert named == list((await stage.see(ident)).possible)
    assert not {"apply-now", "audit", "take", "release", "force-take", "retry"} & set(named)
    await stage.configure(lock_bookings=True)
    with pytest.raises(ActionNotPossible) as refused:
        await stage.app.bookings.start_now(Actor("eve", frozenset({"operator"})), ident, None)
    assert refused.value.hint == "possible now: duplicate, take", "for who asks"
