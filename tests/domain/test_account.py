# SPDX-License-Identifier: Apache-2.0
"""Names, passwords, the end of sessions, and when sign-ins are locked."""

from __future__ import annotations

import pytest

from preroll.domain.account import (
    LIMITS,
    Failures,
    Session,
    SessionLimits,
    Token,
    User,
    counted_for,
    name_mistakes,
    password_mistakes,
    role_mistakes,
    scope_mistakes,
)
from preroll.domain.permission import Bounds, Rights
from preroll.domain.window import MINUTE


@pytest.mark.parametrize("name", ["anna", "Anna.B", "anna@example.org", "7of9", "a" * 100])
def test_a_good_name(name):
    assert name_mistakes(name) == []


@pytest.mark.parametrize("name", ["", " anna", "anna/ci", "-x", "a" * 101, "anna\n", "local", "ENGINE"])
def test_a_name_that_will_not_do(name):
    assert len(name_mistakes(name)) == 1


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "anna-anna", "aaaaaaaaaaaaaaaa", "anna-12345678"])
def test_a_password_that_will_not_do_is_refused_and_not_shown(password):
    (mistake,) = password_mistakes(password, "anna")
    assert not password or password not in str(mistake)


def test_a_long_password_of_words_will_do():
    assert password_mistakes("correct horse battery", "anna") == []


def test_roles_and_scopes_are_told_from_other_words():
    assert [m.what for m in role_mistakes("roles", ["viewer", "king"])] == ["king is no role"]
    assert [m.where for m in scope_mistakes("scopes", ["sport", "newsroom:late", "Sport", "a b", "50%", ""])] == [
        "scopes"
    ] * 4


def test_a_session_ends_when_idle_and_when_old():
    limits = SessionLimits(idle_us=10, longest_us=25)
    assert not limits.over(Session(1, "", began_us=0, seen_us=0), 9)
    assert limits.over(Session(1, "", began_us=0, seen_us=0), 10)
    assert not limits.over(Session(1, "", began_us=0, seen_us=20), 24)
    assert limits.over(Session(1, "", began_us=0, seen_us=20), 25)


@pytest.mark.parametrize("about", LIMITS)
def test_sign_ins_are_locked_after_so_many_failures_within_the_time(about):
    limit, counted = LIMITS[about], Failures("x", about)
    for number in range(limit.failures):
        assert not counted.left_us(number)
        counted = counted.and_one(number)
    last = limit.failures - 1
    assert counted.left_us(last) == limit.locked_us
    assert counted.left_us(last + limit.locked_us) == 0
    assert counted.and_one(last + limit.locked_us).left_us(last + limit.locked_us) == 0, "it counts from nothing again"


def test_failures_of_long_ago_do_not_count():
    limit = LIMITS["an address"]
    counted = Failures("x", "an address")
    for number in range(3 * limit.failures):
        counted = counted.and_one(number * limit.within_us)
    assert counted.count == 1


def test_an_attempt_that_did_not_fail_is_taken_back():
    counted = Failures("x", "an address")
    for now in range(LIMITS["an address"].failures):
        after = counted.and_one(now)
        assert (after.but_one().count, after.but_one().left_us(now)) == (counted.count, 0)
        counted = after


def test_what_a_sign_in_is_counted_for_does_not_depend_on_the_case():
    assert counted_for("ANNA", "::1") == counted_for("anna", "::1")
    assert {about for about, _ in counted_for("anna", "::1")} == set(LIMITS)


def test_a_token_does_no_more_than_its_owner_may_now():
    owner = User("anna", Rights(frozenset({"operator"}), {7: frozenset({"admin"})}, frozenset({"sport"})), id="u")
    wide = Token("ci", 1, "", 9).actor(owner)
    assert (wide.name, wide.roles, wide.roles_on(7), wide.scopes) == (
        "anna/ci", {"operator"}, {"operator", "admin"}, {"sport"},
    )  # fmt: skip
    viewer = Token("ci", 1, "", 9, Bounds(frozenset({"viewer"}))).actor(owner)
    assert (viewer.roles, viewer.roles_on(7)) == (frozenset(), {"viewer"})
    there = Token("ci", 1, "", 9, Bounds(platforms=frozenset({3}))).actor(owner)
    assert (there.roles, there.roles_on(3), there.roles_on(7)) == (frozenset(), {"operator"}, frozenset())
    assert there.ends_us == 9 < MINUTE
