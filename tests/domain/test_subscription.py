# SPDX-License-Identifier: Apache-2.0
"""Who is told of what, under which id, and what follows from a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.changes import Change
from preroll.domain.subscription import (
    ANSWERS,
    HOUR,
    PAUSES_US,
    Fate,
    Filter,
    Kind,
    Verdict,
    address_mistakes,
    after_failure,
    message_id,
)
from preroll.domain.window import SECOND

CONFIRMED = Change("booking.state", "b1", 7, "anna", "Partial", "Confirmed", position="812.44")
RENAMED = Change("booking.edited", "b1", 7, "anna", "News", "Confirmed", position="45")


def only(**parts: frozenset[str]) -> Filter:
    return Filter(**parts)  # type: ignore[arg-type]


def test_an_empty_filter_lets_everything_pass():
    assert Filter().passes(CONFIRMED)
    assert Filter().passes(RENAMED)


@pytest.mark.parametrize(
    ("filter_", "passing"),
    [
        (Filter(platform=7), [CONFIRMED, RENAMED]),
        (Filter(platform=8), []),
        (only(kinds=frozenset({"booking.state"})), [CONFIRMED]),
        (only(nouns=frozenset({"booking"})), [CONFIRMED, RENAMED]),
        (only(nouns=frozenset({"order", "resource"})), []),
        (only(states=frozenset({"Confirmed"})), [CONFIRMED]),
        (only(kinds=frozenset({"booking.edited"}), states=frozenset({"Confirmed"})), []),
    ],
)
def test_a_change_has_to_pass_every_part(filter_: Filter, passing: list[Change]):
    assert [change for change in (CONFIRMED, RENAMED) if filter_.passes(change)] == passing


def test_an_id_is_the_same_at_every_attempt_and_no_other_message_has_it():
    made = [message_id(sub, change) for sub in ("0f-1", "0f-2") for change in (CONFIRMED, RENAMED)]
    assert made == ["msg_812-44_0f1", "msg_45_0f1", "msg_812-44_0f2", "msg_45_0f2"]


def test_a_message_is_tried_for_hours():
    waits = [after_failure(attempt, 503) for attempt in range(1, 10)]
    assert waits == [Verdict(Fate.AGAIN, pause) for pause in PAUSES_US]
    assert sum(wait.wait_us for wait in waits) // HOUR == 15
    assert after_failure(10, 503) == Verdict(Fate.DEAD)


def test_a_message_that_the_receiver_cannot_read_does_not_keep_the_others_for_hours():
    assert [after_failure(n, 422).fate for n in (1, 2, 3)] == [Fate.AGAIN, Fate.AGAIN, Fate.DEAD]


def test_a_receiver_that_is_gone_gets_nothing_more():
    assert after_failure(1, 410) == Verdict(Fate.STOP)


def test_a_receiver_that_asks_for_a_pause_gets_it_within_reason():
    assert after_failure(1, 429, 60 * SECOND).wait_us == 60 * SECOND
    assert after_failure(1, 429, 1 * SECOND).wait_us == 5 * SECOND
    assert after_failure(1, 503, 1000 * HOUR).wait_us == 8 * HOUR


@given(st.integers(0, 599))
def test_every_message_comes_to_an_end_whatever_is_answered(status: int):
    fates = [after_failure(attempt, status).fate for attempt in range(1, 12)]
    assert fates[-1] is not Fate.AGAIN
    assert fates == sorted(fates, key=lambda fate: fate is not Fate.AGAIN)
    assert all(most <= len(PAUSES_US) for most, _ in ANSWERS.values())


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (Kind.WEBHOOK, "https://hooks.example.org/preroll?team=noc"),
        (Kind.TMF, "http://[2606:4700::1111]:8080/listener"),
        (Kind.MAIL, "noc@example.org, anna.b+tv@mail.example.org"),
    ],
)
def test_addresses_that_will_do(kind: Kind, to: str):
    assert address_mistakes(kind, to) == []


@pytest.mark.parametrize(
    ("kind", "to", "what"),
    [
        (Kind.WEBHOOK, "", "is ''"),
        (Kind.WEBHOOK, "ftp://example.org/", "is 'ftp"),
        (Kind.WEBHOOK, "file:///etc/passwd", "is 'file"),
        (Kind.WEBHOOK, "https:///nowhere", "is 'https"),
        (Kind.WEBHOOK, "https://anna:secret@example.org/", "has a name or a password"),
        (Kind.WEBHOOK, "https://example.org:99999/", "is no address"),
        (Kind.WEBHOOK, "https://[::1/", "is no address"),
        (Kind.WEBHOOK, "https://example.org/a b", "some that no address has"),
        (Kind.WEBHOOK, "https://example.org/\r\nHost: other", "some that no address has"),
        (Kind.TMF, "https://example.org/#part", "has a fragment"),
        (Kind.TMF, "https://example.org/" + "a" * 2000, "longer than"),
        (Kind.MAIL, "", "is ''"),
        (Kind.MAIL, "noc@example.org,", "is ''"),
        (Kind.MAIL, "noc@example.org\r\nBcc: other@example.org", "is 'noc"),
        (Kind.MAIL, "Anna <anna@example.org>", "is 'Anna"),
    ],
)
def test_addresses_that_will_not_do_are_refused_with_what_would(kind: Kind, to: str, what: str):
    (mistake,) = address_mistakes(kind, to)
    assert what in mistake.what
    assert mistake.expected
    if "secret" in to:
        assert "secret" not in str(mistake)
