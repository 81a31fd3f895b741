# SPDX-License-Identifier: Apache-2.0
"""Actions at the command line: what they send, how clocks are read, and how a refusal is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from preroll.cli import parsers
from preroll.cli.exits import Failure
from preroll.cli.words import clock
from preroll.domain.actions import ACTIONS
from tests.cli.conftest import Preroll

TIMES = ("--start", "2026-03-01T13:00:00Z", "--end", "2026-03-01T14:00:00+00:00")
WORDS = {"properties": "set", "audit": None}
"""Action -> its command below ``preroll booking``; None: it has a command of its own."""


@pytest.fixture
def news(server: object, preroll: Preroll, tmp_path) -> str:
    file = tmp_path / "bundle.yaml"
    file.write_text("kind: resource\nname: ENC 1\n---\nkind: resource\nname: ENC 2\n")
    assert preroll("apply", str(file)).code == 0
    return preroll("booking", "create", "News", *TIMES, "--node", "enc=ENC 1", "--json").json["id"]


def test_every_action_has_a_command():
    (booking,) = (p for p in parsers() if p.prog.endswith(" booking"))
    wanted = {WORDS.get(action, action) for action in ACTIONS} - {None}
    assert [word for word in sorted(wanted) if booking.below(word) is None] == []


def test_times_are_changed(preroll: Preroll, news):
    moved = preroll("booking", "move", "News", "--by", "15m", "--json").json
    assert (moved["start"], moved["end"]) == ("2026-03-01T13:15:00Z", "2026-03-01T14:15:00Z")
    back = preroll("booking", "move", "News", "--by=-15m", "--json").json
    assert back["start"] == "2026-03-01T13:00:00Z"
    adjusted = preroll("booking", "adjust", "News", "--end", "15:30", "--pre-roll", "5m", "--json").json
    assert (adjusted["end"], adjusted["pre_roll"], adjusted["zone"]) == ("2026-03-01T15:30:00Z", 300, "UTC")


def test_names_properties_and_resources_are_changed(preroll: Preroll, news):
    assert preroll("booking", "rename", "News", "Late news", "--json").json["name"] == "Late news"
    assert preroll("booking", "set", news, "ticket=7", "--json").json["properties"] == {"ticket": 7}
    assert preroll("booking", "swap", news, "enc", "--json").json["nodes"]["enc"]["name"] == "ENC 2"
    assert preroll("booking", "add", news, "b", "--resource", "ENC 1", "--json").json["nodes"]["b"]["name"] == "ENC 1"
    assert set(preroll("booking", "remove", news, "b", "--json").json["nodes"]) == {"enc"}


def test_a_duplicate_and_the_end_of_it(preroll: Preroll, news):
    made = preroll("booking", "duplicate", "News", "--start", "2026-03-02T13:00:00Z", "--json").json
    assert (made["name"], made["end"]) == ("News Copy", "2026-03-02T14:00:00Z")
    refused = preroll("booking", "delete", "News Copy")
    assert (refused.code, "is for one that is ended" in refused.err) == (3, True)
    assert preroll("booking", "cancel", "News Copy").code == 0
    assert preroll("booking", "delete", made["id"]).code == 0
    assert preroll("booking", "show", made["id"]).code == 4


@pytest.mark.parametrize(
    "words",
    [("extend", "News", "--by", "5m"), ("start-now", "News"), ("force-state", "News", "START"), ("take", "News"),
     ("release", "News"), ("force-take", "News"), ("finish", "News")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_what_is_not_possible_says_why_and_what_is(preroll: Preroll, news, words):
    refused = preroll("booking", *words)
    assert (refused.code, refused.out) == (3, "")
    assert f"{words[0]} is not possible: " in refused.err


def test_a_conflict_shows_the_ways_out(preroll: Preroll, news):
    preroll("booking", "create", "Next", "--start", "2026-03-01T14:00:00Z", "--node", "enc=ENC 1")
    refused = preroll("booking", "adjust", "News", "--end", "14:30")
    assert refused.code == 3
    assert "held by Next" in refused.err
    assert "take ENC 2 for enc" in refused.err


def test_show_says_why_not(preroll: Preroll, news):
    shown = preroll("booking", "show", "News").out
    assert "possible" in shown
    assert "the booking is waiting (Partial); it is for one that is running" in shown


def test_a_time_of_the_clock_is_the_next_one_there():
    evening = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    assert clock("21:30", "Europe/Brussels", evening, "--until") == "2026-03-01T20:30:00Z"
    assert clock("20:30", "Europe/Brussels", evening, "--until") == "2026-03-02T19:30:00Z"
    assert clock("21:30", "UTC", evening, "--until") == "2026-03-01T21:30:00Z"


@pytest.mark.parametrize(
    ("day", "text", "often"), [(datetime(2026, 3, 28, 12, tzinfo=UTC), "02:30", "never"),
                               (datetime(2026, 10, 24, 12, tzinfo=UTC), "02:30", "twice")],
)  # fmt: skip
def test_a_time_that_the_clocks_show_twice_or_never_is_refused(day, text, often):
    with pytest.raises(Failure, match=f"the clocks of Europe/Brussels show {text} {often}"):
        clock(text, "Europe/Brussels", day, "--until")
