# SPDX-License-Identifier: Apache-2.0
"""The change log: who did what, why, and a cursor that never skips."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from preroll.domain.changes import Change
from preroll.domain.errors import Invalid
from preroll.ports.store import StoredAnswer
from preroll.store import changes
from tests.builders import NOON

DAY = 86_400_000_000
WAIT = 60


def change(subject: str, platform: int = 1, **more: object) -> Change:
    return Change("thing.changed", subject, platform, "someone", **more)  # type: ignore[arg-type]


async def add(world, *subjects: str, platform: int = 1) -> None:
    await world.store.write(lambda tx: [tx.changes.add(change(s, platform)) for s in subjects])


async def wait(world, after: str, seconds: float) -> object:
    return await world.store.feed.coming(after, seconds, 1, lambda _, found: found)


async def follow(world, after: str = "", limit: int = 2) -> list[str]:
    """All subjects after a cursor, page by page."""
    seen: list[str] = []
    while found := await world.store.feed.read(after, limit):
        seen += [c.subject for c in found]
        after = found[-1].position
    return seen


async def test_a_change_comes_back_as_it_went_in(world):
    said = Change("booking.state", "b-1", 7, "anna", "Partial", "Confirmed", "wanted", "request 9", 3)
    await world.store.write(lambda tx: tx.changes.add(said))
    (stored,) = await world.store.feed.read("")
    assert stored.position
    assert stored == Change(
        "booking.state", "b-1", 7, "anna", "Partial", "Confirmed", "wanted", "request 9", 3,
        world.clock.us, stored.position,
    )  # fmt: skip
    assert await world.store.read(lambda tx: tx.changes.of("b-1")) == [stored]
    assert await world.store.read(lambda tx: tx.changes.of("b-2")) == []


async def test_a_change_tells_what_the_thing_is_called(world):
    news = await world.book("News", on=["enc-1"])
    await add(world, news.id, world.resources["enc-1"].id, "somebody else")
    found = await world.store.feed.read("", 1000)
    assert [c.name for c in found[-3:]] == ["News", "enc-1", ""]
    assert [c.name for c in await world.store.read(lambda tx: tx.changes.of(news.id))][-1:] == ["News"]


async def test_the_feed_is_followed_page_by_page(world):
    await add(world, "a", "b", "c")
    await add(world, "d", "e")
    assert await follow(world) == ["a", "b", "c", "d", "e"]
    cursor = (await world.store.feed.read("", 3))[-1].position
    assert await follow(world, cursor) == ["d", "e"]


async def test_of_one_subject_the_newest_are_told_in_order(world):
    await world.store.write(lambda tx: [tx.changes.add(change("b-1", why=str(i))) for i in range(5)])
    found = await world.store.read(lambda tx: tx.changes.of("b-1", 2))
    assert [c.why for c in found] == ["3", "4"]


async def test_a_platform_sees_its_own(world):
    await add(world, "a", platform=1)
    await add(world, "b", platform=2)
    assert [c.subject for c in await world.store.feed.read("", platform=2)] == ["b"]


async def test_the_tail_is_the_cursor_of_the_newest(world):
    assert await world.store.feed.tail() == ""
    await add(world, "a", "b")
    tail = await world.store.feed.tail()
    assert await world.store.feed.read(tail) == []
    await add(world, "c")
    assert [c.subject for c in await world.store.feed.read(tail)] == ["c"]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.2.3", "1;drop table change_log", "٣"])
async def test_what_never_was_a_cursor_is_refused(world, cursor):
    with pytest.raises(Invalid, match="no cursor"):
        await world.store.feed.read(cursor)


async def test_a_change_of_a_unit_that_failed_is_none(world):
    def unit(tx):
        tx.changes.add(change("a"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await world.store.write(unit)
    assert await follow(world) == []


async def test_to_wait_is_to_hear_of_the_next(world):
    await add(world, "a")
    tail = await world.store.feed.tail()
    waiting = asyncio.ensure_future(wait(world, tail, 3600))
    await asyncio.sleep(0)
    await add(world, "b")
    await asyncio.wait_for(waiting, WAIT)
    assert await follow(world, tail) == ["b"]


async def test_what_is_there_is_not_waited_for(world):
    await add(world, "a")
    await asyncio.wait_for(wait(world, "", 3600), WAIT)


async def test_waiting_has_an_end(world):
    await asyncio.wait_for(wait(world, await world.store.feed.tail(), 0.01), WAIT)
    assert world.store._backend.bells._waiting == set()


async def test_other_processes_are_heard(world, opened):
    other = opened()
    waiting = asyncio.ensure_future(wait(world, "", 3600))
    await asyncio.sleep(0)
    await add(other, "from afar")
    await asyncio.wait_for(waiting, WAIT)
    assert await follow(world) == ["from afar"]


async def late(world) -> list[str]:
    """Follow the feed while an older transaction commits after a younger one."""
    if hasattr(world.store._backend, "_writer"):
        pytest.skip("on SQLite transactions commit in the order of their ids")
    insert = (
        "insert into change_log (at_us, kind, subject, platform, actor, was, became, why, cause, revision)"
        " values (0, 'x', 'late', 1, '', '', '', '', '', 0)"
    )
    with psycopg.connect(world.url) as older:
        older.execute(insert)
        await add(world, "early")
        seen = await world.store.feed.read("")
        older.commit()
    cursor = seen[-1].position if seen else ""
    return [c.subject for c in seen] + await follow(world, cursor)


async def test_what_commits_late_is_not_skipped(world):
    assert sorted(await late(world)) == ["early", "late"]


async def test_by_ids_alone_it_would_be(world, monkeypatch):
    """The control: it is the transaction's number below the snapshot that keeps the order."""
    for name, value in (("_POSITION", "cast(id as text)"), ("_BELOW", "1 = 1"), ("_AFTER", "id > ?"), ("_ORDER", "id")):
        monkeypatch.setitem(getattr(changes, name), True, value)
    monkeypatch.setattr(changes, "_cursor", lambda after, *, postgres: (int(after or 0),))
    assert await late(world) == ["early"]


async def test_many_writers_lose_nothing(world):
    """A reader that follows while units of different length commit in any order."""
    seen: list[str] = []

    async def reader():
        after = ""
        while len(seen) < 60:
            await wait(world, after, 1)
            for found in await world.store.feed.read(after):
                seen.append(found.subject)
                after = found.position

    def unit(number):
        def write(tx):
            tx.changes.add(change(f"{number}a"))
            for _ in range(number % 5 * 20):
                tx.platforms.all()
            tx.changes.add(change(f"{number}b"))

        return write

    following = asyncio.ensure_future(reader())
    await asyncio.gather(*(world.store.write(unit(n)) for n in range(30)))
    await asyncio.wait_for(following, WAIT)
    assert sorted(seen) == sorted(f"{n}{x}" for n in range(30) for x in "ab")


# ---------------------------------------------------------------------- idempotency keys


async def test_an_answer_is_found_for_a_day(world):
    answer = StoredAnswer("sha", 201, '{"id": 1}')
    find = lambda actor="anna", route="POST /b", key="k": world.store.read(  # noqa: E731
        lambda tx: tx.answers.find(actor, route, key)
    )
    assert await find() is None
    await world.store.write(lambda tx: tx.answers.keep("anna", "POST /b", "k", answer))
    assert await find() == answer
    assert (await find(actor="bob"), await find(route="POST /c"), await find(key="l")) == (None, None, None)
    world.clock.us += DAY - 1
    assert await find() == answer
    world.clock.us += 1
    assert await find() is None


async def test_an_old_key_may_be_used_again(world):
    world.clock.us = NOON
    await world.store.write(lambda tx: tx.answers.keep("a", "r", "k", StoredAnswer("1", 200, "")))
    world.clock.us += DAY
    await world.store.write(lambda tx: tx.answers.keep("a", "r", "k", StoredAnswer("2", 200, "")))
    assert (await world.store.read(lambda tx: tx.answers.find("a", "r", "k"))).digest == "2"
    assert await world.raw("select count(*) from answer") == [(1,)]


async def test_what_comes_is_made_something_of_where_it_was_read(world):
    def make(tx, found):
        return [c.subject for c in found], tx.changes.tail()

    tail = await world.store.feed.tail()
    assert await world.store.feed.coming(tail, 0.01, 10, make) is None
    coming = asyncio.ensure_future(world.store.feed.coming(tail, 3600, 10, make))
    await asyncio.sleep(0)
    await world.store.write(lambda tx: [tx.changes.add(change(s)) for s in "ab"])
    assert await asyncio.wait_for(coming, WAIT) == (["a", "b"], await world.store.feed.tail())


async def test_of_much_the_oldest_comes_first_and_then_the_rest_at_once(world):
    await add(world, "a", "b", "c")
    after, seen = "", []
    while found := await world.store.feed.coming(after, 0.01, 2, lambda _, found: found):
        seen.append([c.subject for c in found])
        after = found[-1].position
    assert seen == [["a", "b"], ["c"]]


async def test_what_is_committed_between_two_waits_is_not_overslept(world, opened):
    """Where the last one found nothing, the next does not look again, unless somebody has committed meanwhile."""
    other, after = opened(), await world.store.feed.tail()
    for writer, subject in ((world, "here"), (other, "elsewhere"), (world, "here again")):
        assert await world.store.feed.coming(after, 0.01, 10, lambda _, found: found) is None
        await add(writer, subject)
        found = await asyncio.wait_for(world.store.feed.coming(after, 3600, 10, lambda _, found: found), WAIT)
        assert [c.subject for c in found] == [subject]
        after = found[-1].position
