# SPDX-License-Identifier: Apache-2.0
"""Who may do what."""

from __future__ import annotations

import pytest

from preroll.domain.actions import ACTIONS
from preroll.domain.errors import NotFound, NotPermitted
from preroll.domain.permission import ENGINE, LOCAL, PERMISSIONS, ROLES, Actor, Bounds, may, permit


@pytest.mark.parametrize("action", PERMISSIONS)
def test_the_local_actor_may_do_everything(action):
    permit(LOCAL, action)


@pytest.mark.parametrize("action", PERMISSIONS)
def test_each_row_is_kept_for_each_role(action):
    for role in ("viewer", "operator", "provisioner", "designer", "engine", "stranger"):
        person = Actor("somebody", frozenset({role}))
        if role in PERMISSIONS[action]:
            permit(person, action)
        else:
            with pytest.raises(NotPermitted, match=f"somebody may not {action}"):
                permit(person, action)


def test_an_action_without_a_row_is_refused_for_everybody():
    with pytest.raises(NotPermitted):
        permit(LOCAL, "booking.explode")


def test_the_engine_looks_and_changes_nothing_by_command():
    permit(ENGINE, "view")
    with pytest.raises(NotPermitted):
        permit(ENGINE, "booking.cancel")


def test_a_refusal_says_where_and_which_roles_would_do():
    with pytest.raises(NotPermitted, match="on platform 3") as refused:
        permit(Actor("somebody"), "booking.create", platform=3)
    assert refused.value.hint == "needs one of the roles: admin, operator"


def test_every_action_of_a_booking_has_its_row():
    assert {f"booking.{action}" for action in ACTIONS} <= set(PERMISSIONS)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("action", PERMISSIONS)
def test_a_role_on_one_platform_counts_there_and_nowhere_else(action, role):
    person = Actor("somebody", on={7: frozenset({role})})
    if role in may(action):
        permit(person, action, 7)
    else:
        with pytest.raises(NotPermitted):
            permit(person, action, 7)
    with pytest.raises(NotFound):
        permit(person, action, 8)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_without_a_platform_looking_needs_a_role_anywhere_and_all_else_needs_it_everywhere(role):
    person = Actor("somebody", on={7: frozenset({role})})
    permit(person, "view")
    with pytest.raises(NotPermitted):
        permit(person, "config.change")
    with pytest.raises(NotPermitted):
        permit(Actor("nobody"), "view")


def test_a_booking_with_scopes_is_seen_by_who_has_one_of_them():
    plain = Actor("somebody", frozenset({"operator"}))
    sporty = Actor("somebody", frozenset({"operator"}), scopes=frozenset({"sport", "news"}))
    assert plain.sees(7)
    assert not plain.sees(7, ("sport",))
    assert sporty.sees(7, ("sport", "finance"))
    assert not sporty.sees(7, ("finance",))
    assert not Actor("somebody", scopes=frozenset({"sport"})).sees(7, ("sport",)), "a scope is no role"
    assert Actor("somebody", on={7: frozenset({"admin"})}).sees(7, ("sport",))
    assert ENGINE.sees(7, ("sport",))


def test_what_an_actor_sees_of_a_list():
    assert LOCAL.sight is None
    assert ENGINE.sight is None
    everywhere = Actor("somebody", frozenset({"viewer"}), {7: frozenset({"admin"})}).sight
    assert everywhere is not None
    assert (everywhere.platforms, everywhere.whole) == (None, {7})
    here = Actor("somebody", on={7: frozenset({"viewer"}), 8: frozenset()}, scopes=frozenset({"x"})).sight
    assert here is not None
    assert (here.platforms, here.whole, here.scopes) == ({7}, frozenset(), {"x"})


def test_bounds_within_bounds_are_never_wider():
    free, viewer = Bounds(), Bounds(frozenset({"viewer"}))
    both = Bounds(frozenset({"viewer", "operator"}), frozenset({1, 2}))
    assert free.within(both) == both
    assert both.within(free) == both
    assert both.within(viewer) == Bounds(frozenset({"viewer"}), frozenset({1, 2}))
    assert both.within(Bounds(platforms=frozenset({2, 3}))) == Bounds(both.roles, frozenset({2}))
    assert viewer.within(Bounds(frozenset({"designer"}))) is None
    assert both.within(Bounds(platforms=frozenset({3}))) is None
