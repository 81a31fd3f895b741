# SPDX-License-Identifier: Apache-2.0
"""When resources can be booked, and who has them when, at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Preroll

STUDIOS = """\
kind: resource
name: Studio 1
pools: [studios]
capacities: {seats: 80}
availability:
  weekly: [{days: [mon, sun], from: 22:00, to: 02:00}]
  days_ahead: 36500
---
kind: resource
name: Studio 2
pools: [studios]
availability:
  windows: [{until: 2031-01-01T00:00:00Z}]
  blackouts: [{from: 2030-03-04T00:00:00Z, reason: strike}]
---
kind: resource
name: Van
"""


@pytest.fixture(autouse=True)
def studios(server: object, preroll: Preroll, tmp_path: Path) -> None:
    (tmp_path / "studios.yaml").write_text(STUDIOS)
    assert preroll("apply", str(tmp_path)).code == 0


def test_a_pool_that_nothing_is_of_is_told(preroll: Preroll, tmp_path: Path):
    (tmp_path / "south.yaml").write_text("kind: pool\nname: south\n")
    assert preroll("apply", str(tmp_path)).code == 0
    said = preroll("availability", "--pool", "south", "--start", "now+1h", "--end", "now+2h").out
    assert "no resource has this function and is of this pool" in " ".join(said.split())


def test_a_pool_that_is_not_there_is_refused(preroll: Preroll):
    said = preroll("availability", "--pool", "nowhere", "--start", "now+1h", "--end", "now+2h")
    assert (said.code, "nodes.resource.pool: there is no pool nowhere" in said.err) == (2, True)
    said = preroll("resource", "free-busy", "--pool", "nowhere")
    assert (said.code, "pool: there is no pool nowhere" in said.err) == (2, True)


def test_a_slot_for_several_at_once_is_looked_for(preroll: Preroll, tmp_path: Path):
    names = ("ONE", "TWO")
    (tmp_path / "few.yaml").write_text("\n---\n".join(f"{{kind: resource, name: {n}, function: few}}" for n in names))
    assert preroll("apply", str(tmp_path)).code == 0
    booked = ("--start", "2026-03-02T12:00:00Z", "--end", "2026-03-02T13:00:00Z")
    assert preroll("booking", "create", "News", *booked, "--node", "x=ONE").code == 0
    asked = ("availability", "--function", "few", "--start", "2026-03-02T12:30:00Z", "--end", "2026-03-02T14:00:00Z")
    assert "slot" not in preroll(*asked).out
    said = " ".join(preroll(*asked, "--count", "2").out.split())
    assert "1 of 2 fits; the next free slot of 2 at once is from 2026-03-02 13:00:00Z" in said
    assert "is not within 30 days" in " ".join(preroll(*asked, "--count", "3").out.split())
    assert preroll(*asked, "--count", "0").code == 2
    refused = preroll(*asked, "--definition", "Feed")
    assert (refused.code, "--function stands beside --definition" in refused.err) == (2, True)


def test_of_hours_that_change_a_plan_tells_what_is_other(preroll: Preroll, tmp_path: Path):
    file = tmp_path / "studio.yaml"
    text = "kind: resource\nname: S\navailability: {weekly: [{days: [mon, tue, wed, thu], from: 08:00, to: 18:00}]}\n"
    file.write_text(text)
    assert preroll("apply", str(file)).code == 0
    file.write_text(text.replace("18:00", "10:30"))
    assert '    availability.weekly.0.to: "18:00" -> "10:30"\n' in preroll("plan", str(file)).out
    file.write_text(text.replace("}]}", "}, {days: [sun], from: 09:00, to: 10:00}]}"))
    assert "availability.weekly: " in preroll("plan", str(file)).out


def test_the_hours_of_resources_are_told_as_they_were_written(preroll: Preroll):
    told = preroll("resource", "hours").out.splitlines()
    assert [line.split("available ")[1].strip() for line in told[1:]] == [
        "weekly    mon, sun 22:00 to 02:00, the platform's zone",
        "ahead     at most 36500 days",
        "window    until 2031-01-01T00:00:00Z",
        "blackout  from 2030-03-04T00:00:00Z: strike",
        "open      always",
    ]
    assert "hours       weekly: mon, sun 22:00 to 02:00" in preroll("resource", "show", "Studio 1").out
    (studio,) = preroll("resource", "hours", "Studio 1", "--json").json
    assert studio["availability"]["days_ahead"] == 36500
    ended = preroll("resource", "hours", "Studio 3", "Van")
    assert (ended.code, "there is no resource Studio 3" in ended.err) == (4, True)


def test_the_course_of_a_pool_says_who_what_is_left_and_why_it_is_closed(preroll: Preroll):
    when = ("--start", "2030-03-03T22:30:00Z", "--end", "2030-03-03T23:30:00Z", "--node", "studio=Studio 1")
    assert preroll("booking", "create", "Late show", *when).code == 0
    window = ("--from", "2030-03-03T22:00:00Z", "--to", "2030-03-04T00:00:00Z")
    course = preroll("resource", "free-busy", "--pool", "studios", *window)
    assert [line.split() for line in course.out.splitlines() if "busy" in line] == [
        ["Studio", "1", "2030-03-03", "22:30:00Z", "2030-03-03", "23:30:00Z", "busy", "Late", "show", "0", "at",
         "once,", "seats", "80"],
    ]  # fmt: skip
    one, two = preroll("resource", "free-busy", "--pool", "studios", *window, "--json").json["resources"]
    assert [(s["state"], len(s["holders"])) for s in one["spans"]] == [("free", 0), ("busy", 1), ("free", 0)]
    assert [s["state"] for s in two["spans"]] == ["free"]
    wrong = preroll("resource", "free-busy", "Nobody", *window)
    assert (wrong.code, "there is no resource Nobody" in wrong.err) == (2, True)
