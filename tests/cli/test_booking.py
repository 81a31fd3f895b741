# SPDX-License-Identifier: Apache-2.0
"""Bookings at the command line: what is printed, and how commands end."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Preroll

pytestmark = pytest.mark.usefixtures("server", "catalogue")
TIMES = ("--start", "2026-03-01T13:00:00Z", "--end", "2026-03-01T14:00:00+00:00")


@pytest.fixture
def catalogue(server: object, preroll: Preroll, tmp_path):
    file = tmp_path / "bundle.yaml"
    file.write_text("kind: resource\nname: ENC 1\n---\nkind: resource\nname: ENC 2\n")
    assert preroll("apply", str(file)).code == 0


def test_a_booking_from_first_to_last(preroll: Preroll):
    made = preroll("booking", "create", "News", *TIMES, "--pre-roll", "5m", "--node", "enc=ENC 1", "--json").json
    assert (made["state"], made["pre_roll"], made["start"]) == ("Partial", 300, "2026-03-01T13:00:00Z")
    confirmed = preroll("booking", "confirm", made["id"])
    assert confirmed.code == 0
    assert "state       Confirmed\n" in confirmed.out
    assert "START_BOOKING_WITH_PREROLL" in confirmed.out
    listed = preroll("booking", "list").out.splitlines()
    assert listed[0].split() == ["id", "name", "state", "service", "start", "end"]
    assert "Confirmed" in listed[1]
    assert preroll("booking", "hold", "news").code == 0
    assert preroll("booking", "cancel", "NEWS", "--why", "the match is off").code == 0
    history = preroll("booking", "history", made["id"]).out
    assert "On-Hold" in history
    assert "the match is off" in history
    assert preroll("booking", "log", made["id"]).out == "the log is empty\n"
    assert preroll("runs", made["id"]).out == "nothing ran\n"


@pytest.mark.parametrize(("words", "chosen"), [((), True), (("--auto-select", "false"), False)])
def test_nodes_take_no_resource_by_themselves_when_told_not_to(preroll: Preroll, tmp_path, words, chosen):
    file = tmp_path / "definition.yaml"
    node = "{label: enc, function: Encoding, auto_select: create}"
    file.write_text(
        f"kind: resource\nname: ENC 3\nfunction: Encoding\n---\nkind: service_definition\nname: Feed\nnodes: [{node}]\n"
    )
    assert preroll("apply", str(file)).code == 0
    made = preroll("booking", "create", "News", *TIMES, "--definition", "Feed", *words, "--json").json
    assert bool(made["nodes"].get("enc", {}).get("resource")) is chosen


def test_a_booking_without_end_is_asked_for_as_in_an_edit(preroll: Preroll):
    made = preroll("booking", "create", "News", *TIMES[:2], "--end", "never", "--node", "enc=ENC 1", "--json").json
    assert (made["end"], made["state"]) == (None, "Partial")


def test_an_edit_says_what_it_changed(preroll: Preroll):
    preroll("booking", "create", "News", *TIMES, "--node", "enc=ENC 1", "--property", "colour=red")
    edited = preroll(
        "booking", "edit", "News", "--end", "never", "--node", "enc=", "--node", "b=ENC 2", "--property", "colour=null",
        "--property", "takes=[1, 2]", "--priority", "-3", "--json",
    ).json  # fmt: skip
    assert (edited["end"], set(edited["nodes"]), edited["properties"]) == (None, {"b"}, {"takes": [1, 2]})
    assert edited["priority"] == -3


def test_a_conflict_is_told_in_plain_words(preroll: Preroll):
    preroll("booking", "create", "News", *TIMES, "--node", "enc=ENC 1")
    refused = preroll("booking", "create", "Sports", *TIMES, "--node", "enc=ENC 1")
    assert refused.code == 3
    assert refused.out == ""
    assert "A resource is not free" in refused.err
    assert "0 of 1 left, 1 asked; held by News" in refused.err
    assert "choose another resource or another time" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "Nothing"), 4, "there is no booking Nothing"),
        (("show", "019c0000-0000-7000-8000-000000000000"), 4, "no booking"),
        (("hold", "News", "--revision", "7"), 5, "you saw revision 7, it is now 1"),
        (("retry", "News"), 3, "retry is not possible"),
        (("create",), 2, "required: NAME"),
        (("create", "x", "--start", "soon"), 2, "--start: 'soon' is no time"),
        (("create", "x", "--start", "2026-03-01T13:00"), 2, "has no time zone"),
        (("create", "x", "--start", "2026-03-01T13:00:00.5Z"), 2, "finer than a second"),
        (("create", "x", "--start", "now", "--pre-roll", "long"), 2, "--pre-roll: 'long' is no length"),
        (("create", "x", "--start", "now", "--pre-roll", "8d"), 2, "pre_roll: is 691200 s"),
        (("create", "x", *TIMES[:2], "--end", "2026-03-01T12:00:00Z"), 2, "end: is not after start"),
        (("create", "x", *TIMES, "--node", "ENC 1"), 2, "--node: 'ENC 1' is no pair"),
        (("create", "x", *TIMES, "--node", "enc=ENC 9"), 2, "nodes.enc.resource: there is no resource ENC 9"),
        (("create", "x", *TIMES, "--definition", "Nothing"), 4, "Nothing"),
        (("create", "x", *TIMES, "--priority", "high"), 2, "invalid int value"),
        (("bogus",), 2, "invalid choice"),
    ],
)
def test_a_refusal_says_what_where_and_what_to_do(preroll: Preroll, words: tuple[str, ...], code: int, said: str):
    preroll("booking", "create", "News", *TIMES)
    before = preroll("booking", "list", "--json").json
    ended = preroll("booking", *words)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("preroll: ")
    assert said in ended.err
    assert preroll("booking", "list", "--json").json == before


def test_a_name_that_two_have_is_not_guessed(preroll: Preroll):
    for _ in range(2):
        preroll("booking", "create", "News", *TIMES)
    ended = preroll("booking", "cancel", "News")
    assert ended.code == 2
    assert ended.err.count("Partial") == 2


def test_filters_of_the_list(preroll: Preroll):
    preroll("booking", "create", "News", *TIMES)
    assert preroll("booking", "list", "--state", "Confirmed").out == "no bookings\n"
    assert preroll("booking", "list", "--from", "2026-03-02T00:00:00Z").out == "no bookings\n"
    assert preroll("booking", "list", "--attention", "lapsed").out == "no bookings\n"
    assert len(preroll("booking", "list", "--text", "ew", "--to", "2026-03-02T00:00:00Z", "--json").json) == 1


def test_changes_are_listed_from_a_position(preroll: Preroll):
    whole = preroll("changes", "--json").json
    assert [c["kind"] for c in whole] == ["platform.created", "resource.added", "resource.added"]
    rest = preroll("changes", "--after", whole[0]["position"], "--json").json
    assert rest == whole[1:]
    preroll("booking", "create", "News", *TIMES)
    told = [line.split() for line in preroll("changes").out.splitlines()]
    assert {(line[2], line[3]) for line in told} >= {("resource.added", "ENC"), ("booking.created", "News")}


def test_nothing_that_a_name_holds_moves_the_cursor(preroll: Preroll):
    preroll("booking", "create", "News", *TIMES, "--property", 'note="a\\nb"')
    assert "note=a b" in preroll("booking", "show", "News").out


def test_a_server_that_is_away_is_told(preroll: Preroll, monkeypatch: pytest.MonkeyPatch):
    from preroll.cli import connect
    from preroll.client import Client

    monkeypatch.setattr(connect, "Client", lambda server, **_: Client(server, patience=0))
    ended = preroll("booking", "list", "--server", "http://127.0.0.1:1")
    assert ended.code == 6
    assert "no answer from http://127.0.0.1:1" in ended.err
    assert "preroll serve" in ended.err


def test_a_forced_booking_and_the_way_back(preroll: Preroll):
    news = preroll("booking", "create", "News", *TIMES, "--node", "enc=ENC 1", "--json").json["id"]
    cup = ("booking", "create", "Cup", *TIMES, "--node", "enc=ENC 1", "--priority", "1")
    refused = preroll(*cup)
    assert refused.code == 3
    assert "With force:\n  News (Partial): would lose ENC 1: its place to Cup" in refused.err
    assert preroll(*cup, "--force").code == 0
    shown = preroll("booking", "show", news).out
    assert "state       Quarantined\n" in shown
    assert "lost; was Partial" in shown
    assert "ReservationInstanceUpdated" in shown
    assert preroll("booking", "leave-quarantine", "News").code == 3
    assert preroll("booking", "edit", "Cup", "--node", "enc=ENC 2").code == 0
    assert "leave-quarantine" in preroll("booking", "show", news).out
    left = preroll("booking", "leave-quarantine", "News", "--node", "enc=ENC 1", "--json").json
    assert (left["state"], left["quarantine"]) == ("Partial", None)
    assert preroll("booking", "edit", "Cup", "--node", "enc=ENC 1", "--force").code == 0
    assert preroll("booking", "list", "--state", "Quarantined", "--json").json[0]["name"] == "News"
