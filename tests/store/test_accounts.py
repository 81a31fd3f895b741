# SPDX-License-Identifier: Apache-2.0
"""Accounts, sessions, tokens, failed sign-ins and scopes of bookings; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app import build
from preroll.domain.account import Failures, Session, Token, User
from preroll.domain.errors import NameInUse, NotFound, Stale
from preroll.domain.permission import Actor, Bounds, Rights
from preroll.domain.window import DAY, MINUTE
from preroll.ports.accounts import Checked, Pending
from preroll.ports.lists import BookingFilter

RIGHTS = Rights(frozenset({"viewer"}), {7: frozenset({"operator", "designer"})}, frozenset({"sport"}))


class PlainPasswords:
    """Hashes nothing, and is quick."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def check(self, password: str, stored: str) -> Checked:
        return Checked(right=bool(stored) and stored == f"plain:{password}")


@pytest.fixture
async def anna(world) -> User:
    return await world.store.write(lambda tx: tx.accounts.add(User("Anna", RIGHTS, "Anna \0 B", "hash")))


async def test_a_person_is_found_by_id_and_by_name(world, anna):
    def query(tx):
        accounts = tx.accounts
        return accounts.user(anna.id), accounts.user("ANNA"), accounts.find("anna"), accounts.users(), accounts.any()

    by_id, by_name, found, everybody, anybody = await world.store.read(query)
    assert by_id == by_name == found == everybody[0]
    assert (by_id.rights, by_id.password, by_id.full_name) == (RIGHTS, "hash", "Anna \ufffd B")
    assert anybody
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.accounts.user("nobody"))


async def test_a_name_is_taken_once_whatever_its_case(world, anna):
    with pytest.raises(NameInUse, match="aNNa"):
        await world.store.write(lambda tx: tx.accounts.add(User("aNNa")))


async def test_a_change_on_an_old_revision_is_refused(world, anna):
    changed = await world.store.write(lambda tx: tx.accounts.put(replace(anna, disabled=True)))
    assert (changed.revision, await world.store.read(lambda tx: tx.accounts.any())) == (2, False)
    with pytest.raises(Stale):
        await world.store.write(lambda tx: tx.accounts.put(replace(anna, full_name="B")))


async def test_somebody_a_provider_vouches_for(world, anna):
    there = User("ben", issuer="https://id.example", subject="42")
    await world.store.write(lambda tx: tx.accounts.add(there))
    found = await world.store.read(lambda tx: tx.accounts.vouched("https://id.example", "42"))
    assert found.name == "ben"
    assert await world.store.read(lambda tx: tx.accounts.vouched("", "")) is None


async def test_a_session_and_a_token_come_with_their_owner_and_go_with_them(world, anna):
    token = Token("ci", anna.key, "t1", 99, Bounds(frozenset({"viewer"}), frozenset({7})))

    def unit(tx):
        tx.accounts.begin_session(Session(anna.key, "s1", 5, 6))
        return tx.accounts.add_token(token)

    made = await world.store.write(unit)
    session, owner = await world.store.read(lambda tx: tx.accounts.session("s1"))
    assert (session.began_us, session.seen_us, owner.id) == (5, 6, anna.id)
    stored, owner = await world.store.read(lambda tx: tx.accounts.token_of("t1"))
    assert (stored, owner.name) == (made, "Anna")
    assert stored.bounds == token.bounds

    def used(tx):
        tx.accounts.seen(session.key)
        tx.accounts.used(made.key)

    await world.store.write(used)
    assert (await world.store.read(lambda tx: tx.accounts.session("s1")))[0].seen_us == world.clock.us
    assert (await world.store.read(lambda tx: tx.accounts.token(made.id)))[0].used_us == world.clock.us
    with pytest.raises(NameInUse):
        await world.store.write(lambda tx: tx.accounts.add_token(replace(token, digest="t2")))
    await world.store.write(lambda tx: tx.accounts.remove(anna.key))
    assert await world.store.read(lambda tx: (tx.accounts.session("s1"), tx.accounts.token_of("t1"))) == (None, None)
    assert await world.store.read(lambda tx: tx.accounts.tokens()) == []


async def test_failures_are_counted_forgiven_and_tidied(world):
    counted = Failures("anna from ::1 \0", "an address", 3, 10, 20)
    await world.store.write(lambda tx: tx.accounts.count([counted]))
    await world.store.write(lambda tx: tx.accounts.count([replace(counted, count=4)]))
    found = await world.store.write(lambda tx: tx.accounts.failures("an address", counted.of))
    assert (found.count, found.since_us, found.locked_until_us) == (4, 10, 20)
    await world.store.write(lambda tx: tx.accounts.tidy(0, world.clock.us))
    assert (await world.store.write(lambda tx: tx.accounts.failures("an address", counted.of))).count == 4
    await world.store.write(lambda tx: tx.accounts.tidy(0, world.clock.us + 1))
    assert (await world.store.write(lambda tx: tx.accounts.failures("an address", counted.of))).count == 0


async def test_what_is_counted_for_an_account_is_found_and_forgiven(world):
    pair, whole = "an account from an address", "an account"
    mine = [Failures("anna from ::1", pair, 1, 10, 20), Failures("anna from ::2", pair, 2), Failures("anna", whole, 3)]
    others = [Failures("annabel from ::1", pair, 4), Failures("annabel", whole, 5), Failures("anna", "an address", 6)]
    await world.store.write(lambda tx: tx.accounts.count([*mine, *others]))
    found = await world.store.read(lambda tx: tx.accounts.against("Anna"))
    assert sorted(found, key=lambda one: one.count) == mine
    await world.store.write(lambda tx: tx.accounts.unlock("ANNA"))
    assert await world.store.read(lambda tx: tx.accounts.against("anna")) == []
    assert len(await world.store.read(lambda tx: tx.accounts.against("annabel"))) == 2
    assert (await world.store.write(lambda tx: tx.accounts.failures("an address", "anna"))).count == 6


async def test_sessions_of_a_person_the_last_used_first(world, anna):
    for n, digest in enumerate(("old", "new")):
        await world.store.write(lambda tx, n=n, d=digest: tx.accounts.begin_session(Session(anna.key, d, n, n)))
    found = await world.store.read(lambda tx: tx.accounts.sessions(anna.key))
    assert [(one.digest, one.user, one.seen_us) for one in found] == [("new", anna.key, 1), ("old", anna.key, 0)]
    assert await world.store.read(lambda tx: tx.accounts.sessions(anna.key + 1)) == []


async def test_a_pending_sign_in_is_taken_once_and_not_late(world):
    now = world.clock.us
    for digest in ("a", "b"):
        pending = Pending(digest, "nonce", "verifier", "/x")
        await world.store.write(lambda tx, pending=pending: tx.accounts.begin_pending(pending))
    assert (await world.store.write(lambda tx: tx.accounts.take_pending("a", now))).verifier == "verifier"
    assert await world.store.write(lambda tx: tx.accounts.take_pending("a", now)) is None
    assert await world.store.write(lambda tx: tx.accounts.take_pending("b", now + 1)) is None


async def test_scopes_of_bookings_decide_what_a_list_shows(world):
    await world.book("open")
    sport = await world.book("sport", scopes=("news", "sport"))
    await world.book("finance", scopes=("finance",))
    assert (await world.booking(sport)).scopes == ("news", "sport")

    async def seen(actor: Actor) -> list[str]:
        page = await world.store.read(lambda tx: tx.bookings.page(BookingFilter(sight=actor.sight), None, 10))
        return sorted(b.name for b in page.items)

    viewer, here = frozenset({"viewer"}), world.platform.key
    assert await seen(Actor("a", frozenset({"admin"}))) == ["finance", "open", "sport"]
    assert await seen(Actor("a", viewer)) == ["open"]
    assert await seen(Actor("a", viewer, scopes=frozenset({"sport", "x"}))) == ["open", "sport"]
    assert await seen(Actor("a", viewer, scopes=frozenset({"port"}))) == ["open"], "a part of a scope is none"
    assert await seen(Actor("a", on={here: viewer}, scopes=frozenset({"finance"}))) == ["finance", "open"]
    assert await seen(Actor("a", on={here: frozenset({"admin"})})) == ["finance", "open", "sport"]
    assert await seen(Actor("a", on={here + 1: viewer})) == []
    assert await seen(Actor("a")) == []
    assert await world.store.read(lambda tx: tx.bookings.scopes([sport.id, "x"])) == {sport.id: ("news", "sport")}


async def test_signing_in_through_the_use_cases(world):
    app = build(world.store, None, PlainPasswords())
    local = Actor("local", frozenset({"admin"}))
    await app.users.make_admin(local, "anna", "correct horse battery")
    opened = await app.sessions.sign_in("Anna", "correct horse battery", "::1")
    known = await app.sessions.of_session(opened.secret)
    assert (known.actor.name, known.actor.roles, known.stale) == ("anna", {"admin"}, False)
    world.clock.us += 2 * MINUTE
    known = await app.sessions.of_session(opened.secret)
    assert known.stale
    await app.sessions.in_use(known)
    assert not (await app.sessions.of_session(opened.secret)).stale
    raw = await world.raw("select digest from session")
    assert opened.secret not in str(raw)
    world.clock.us += DAY
    with pytest.raises(Exception, match="over"):
        await app.sessions.of_session(opened.secret)
