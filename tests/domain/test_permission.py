# SPDX-License-Identifier: Apache-2.0
"""Who may do what."""

from __future__ import annotations

import pytest

from preroll.domain.actions import ACTIONS
from preroll.domain.errors import NotPermitted
from preroll.domain.permission import ENGINE, LOCAL, PERMISSIONS, Actor, permit


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
