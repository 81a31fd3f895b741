# SPDX-License-Identifier: Apache-2.0
"""One tree of errors, each with a stable code of its own and a text that helps."""

from __future__ import annotations

from preroll.domain import errors
from preroll.domain.errors import (
    Clash,
    Conflict,
    Invalid,
    Losing,
    Mistake,
    NotFound,
    NotReady,
    PrerollError,
    Refused,
    Stale,
)


def tree(root: type[PrerollError]) -> list[type[PrerollError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


def own(module: str) -> list[type[PrerollError]]:
    return [error for error in tree(PrerollError) if error.__module__ == module]


def test_every_error_has_a_code_of_its_own():
    codes = [error.code for error in own(errors.__name__)]
    assert len(codes) == len(set(codes))


def test_every_error_stands_in_the_drawing_at_the_top_of_the_file():
    drawn = set((errors.__doc__ or "").split())
    assert {error.__name__ for error in own(errors.__name__)} <= drawn


def test_an_error_without_words_says_its_docstring():
    assert str(Refused()) == "A rule said no; nothing was changed."


def test_mistakes_are_told_all_at_once_each_with_its_field():
    error = Invalid([Mistake("end", "is not after start", "an end after the start"), Mistake("name", "is empty")])
    assert str(error) == "end: is not after start (expected an end after the start); name: is empty"


def test_what_is_missing_is_told_all_at_once():
    error = NotReady([Mistake("nodes.Encoder", "has no resource"), Mistake("nodes.Decoder", "has no resource")])
    assert len(error.missing) == 2
    assert "confirm again" in error.hint


def test_a_conflict_says_who_on_what_and_how_much_is_left():
    error = Conflict([Clash("Encoder 1", "b-2", "Late news", 0, None, limit=1, asked=1, left=0)])
    assert str(error) == "Encoder 1 is held by Late news (b-2): 0 of 1 left, 1 asked"


def test_what_somebody_would_lose_of_several_amounts_is_said_once():
    lost = [Losing("b-2", "News", "Partial", "MUX", name, 1, 0, None, "Closed", "MUX: in maintenance") for name in "ab"]
    assert str(Conflict([], losing=lost)) == "News (Partial) would lose MUX: in maintenance"


def test_a_lost_race_says_what_was_seen_and_what_is_stored():
    error = Stale("booking b-1", 3, 5)
    assert (error.seen, error.stored) == (3, 5)
    assert "you saw revision 3, it is now 5" in str(error)


def test_what_is_not_there_is_named():
    assert str(NotFound("booking", "b-9")) == "no booking b-9"
