# SPDX-License-Identifier: Apache-2.0
"""Bundles and the catalogue at the command line."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import pytest

from preroll.cli import bundles
from preroll.client.things import Plan
from preroll.formats import bundle
from preroll.formats.bundle import Budget
from tests.cli.conftest import Preroll

pytestmark = pytest.mark.usefixtures("server")

GOOD = """\
kind: platform
name: default
zone: Europe/Paris
limits: {late: PT5M}
---
kind: resource
name: ENC 1
function: encoding
---
kind: service_definition
name: Hall
nodes: [{label: camera}]
"""


def test_a_folder_is_applied_and_shown(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "more").mkdir()
    (tmp_path / "more/b.yml").write_text("kind: resource\nname: ENC 2\n")
    (tmp_path / "notes.txt").write_text("not a bundle")
    applied = preroll("apply", str(tmp_path), "--json").json
    assert [(a["kind"], a["name"], a["change"]) for a in applied] == [
        ("platform", "default", "changed"),
        ("resource", "ENC 1", "added"),
        ("resource", "ENC 2", "added"),
        ("service_definition", "Hall", "added"),
    ]
    again = preroll("apply", str(tmp_path))
    assert again.out == "default: 0 added, 0 changed, 0 removed, 4 unchanged\n"
    assert "encoding" in preroll("resource", "list").out
    assert "camera" in preroll("definition", "list").out
    assert "Europe/Paris" in preroll("platform", "list").out
    assert "late=300" in preroll("platform", "show").out


def test_pools_and_functions_are_listed_and_shown(preroll: Preroll, tmp_path: Path):
    texts = (
        "{kind: pool, name: encoders, description: all of them}",
        "{kind: function, name: encoding, interfaces: [{name: stream, direction: out}]}",
        "{kind: resource, name: ENC 1, function: encoding, pools: [encoders, north]}",
    )
    (tmp_path / "a.yaml").write_text("\n---\n".join(texts))
    assert preroll("apply", str(tmp_path)).code == 0
    lines = preroll("pool", "list").out.splitlines()
    assert [line.split() for line in lines[1:]] == [["encoders", "1", "yes", "all", "of", "them"], ["north", "1", "no"]]
    assert "all of them" in preroll("pool", "show", "encoders").out
    assert "stream" in preroll("function", "list").out
    assert "out" in preroll("function", "show", "encoding").out
    missing = preroll("pool", "show", "south")
    assert (missing.code, "there is no pool south" in missing.err) == (4, True)


def test_a_definition_is_shown_published_and_retired(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(
        "{kind: service_definition, name: Hall, publication: draft, nodes: [{label: a}, {label: b}],"
        " connections: [{source: a, target: b}]}"
    )
    assert preroll("apply", str(tmp_path)).code == 0
    assert preroll("definition", "publish", "Hall").out == "Hall version 1 is published\n"
    assert preroll("definition", "publish", "Hall").code == 3
    assert preroll("definition", "retire", "Hall", "--version", "1", "--json").json["publication"] == "retired"
    shown = preroll("definition", "show", "Hall").out.splitlines()
    assert "publication  retired" in shown
    assert [line.split() for line in shown[-2:]] == [["from", "output", "to", "input"], ["a", "b"]]
    assert preroll("definition", "show", "Hall", "--version", "2").code == 4


def test_resources_are_added_shown_set_and_removed(preroll: Preroll):
    words = ("--function", "encoding", "--pool", "north", "--address", '{"url": "http://[::1]"}')
    added = preroll("resource", "add", "ENC 1", *words)
    assert (added.code, added.out.startswith("ENC 1 was added, ")) == (0, True)
    again = preroll("resource", "add", "ENC 1")
    assert (again.code, "there is a resource ENC 1 already" in again.err) == (3, True)
    assert preroll("resource", "add", "ENC 2", "--address", "{").code == 2
    wrong = preroll("resource", "add", "ENC 2", "--concurrency", "0")
    assert (wrong.code, "\n  concurrency: is 0 (" in wrong.err) == (2, True)
    shown = preroll("resource", "show", "ENC 1").out
    assert "url=http://[::1]" in shown
    assert preroll("resource", "set-mode", "ENC 1", "maintenance").out == "ENC 1 is maintenance\n"
    assert preroll("resource", "hands-off", "ENC 1", "yes").out == "ENC 1 is maintenance, hands off\n"
    assert "maintenance, hands off" in preroll("resource", "list").out
    assert "maintenance, hands off" in preroll("resource", "show", "ENC 1").out
    assert preroll("resource", "hands-off", "ENC 1", "no").out == "ENC 1 is maintenance\n"
    assert preroll("resource", "list", "--mode", "available").out == "no resources\n"
    found = preroll("resource", "list", "--pool", "north", "--sort=-priority", "--json").json
    assert [(r["name"], r["mode"]) for r in found] == [("ENC 1", "maintenance")]
    assert preroll("resource", "remove", "ENC 1", "--json").json["change"] == "removed"
    for words in (("remove", "ENC 1"), ("show", "ENC 1"), ("set-mode", "ENC 1", "available")):
        assert preroll("resource", *words).code == 4


def test_pools_are_added_and_removed(preroll: Preroll):
    assert preroll("pool", "add", "north", "--description", "the roof").out == "north was added\n"
    assert preroll("pool", "add", "north").code == 3
    assert "the roof" in preroll("pool", "list").out
    assert preroll("pool", "remove", "north").out == "north was removed\n"
    assert preroll("pool", "remove", "north").code == 4


def test_mistakes_name_file_line_and_column_and_nothing_is_stored(preroll: Preroll, tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text("kind: resource\nname: ENC 1\n---\nkind: profile_instance\nname: HD\ndefinition: Video\n")
    ended = preroll("apply", str(file))
    assert ended.code == 2
    assert f"{file}:6:1 definition: there is no profile definition Video" in ended.err
    assert "nothing was stored" in ended.err
    assert preroll("resource", "list").out == "no resources\n"
    file.write_text("kind: resource\nname: ENC 1\nconcurrency: many\naddress:\n  url: {a: [1, 2]}\ncolour: red\n")
    ended = preroll("apply", str(file))
    assert f"{file}:3:1 concurrency: is 'many'" in ended.err
    assert f"{file}:6:1 colour: is not a known field" in ended.err
    file.write_text(
        "kind: service_definition\nname: Line\nnodes:\n- label: A\n  profle: HD\n"
        "---\nkind: resource\nname: ENC 1\ncapabilities: {format: {choice: [HD]}}\n"
    )
    said = " ".join(preroll("apply", str(file)).err.split())
    assert f"{file}:5:3 nodes.0.profle: is not a known field" in said
    assert "profile, or another of: label, function, pool," in said
    assert "choices, or another of: minimum, maximum, text, time_dependent" in said


def test_mistakes_of_kind_shape_and_references_in_several_files_are_told_together(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text("kind: resources\nname: ENC 1\n")
    (tmp_path / "b.yaml").write_text("kind: profile_instance\nname: HD\ndefinition: Video\n")
    (tmp_path / "c.yaml").write_text("kind: resource\nname: ENC 1\nconcurrency: many\n---\nname: x\n")
    ended = preroll("apply", str(tmp_path))
    assert ended.code == 2
    for told in (
        "a.yaml:1:1 kind: is 'resources' (expected resource, or another of: ",
        "b.yaml:3:1 definition: there is no profile definition Video",
        "c.yaml:3:1 concurrency: is 'many'",
        "c.yaml:5:1 kind: is missing",
    ):
        assert told in ended.err
    assert preroll("resource", "list").out == "no resources\n"


def test_every_file_that_cannot_be_read_is_told(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text("kind: resource\nname: [\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    ended = preroll("apply", str(tmp_path))
    assert ended.code == 2
    assert "a.yaml:3:1: is no YAML" in ended.err
    assert "b.yaml: is not UTF-8" in ended.err


NAMED = """\
kind: bundle
name: hall
---
kind: resource
name: ENC 1
concurrency: 2
---
kind: service_definition
name: Hall
nodes: [{label: camera}]
"""


def test_a_plan_is_shown_and_its_exit_code_tells_whether_there_is_something_to_do(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(NAMED)
    first = preroll("plan", str(tmp_path))
    assert first.code == 11
    assert first.out == (
        "+ resource ENC 1\n+ service_definition Hall\ndefault: 2 added, 0 changed, 0 removed, 0 unchanged\n"
    )
    assert preroll("resource", "list").out == "no resources\n"
    assert preroll("apply", str(tmp_path)).out == first.out
    assert preroll("plan", str(tmp_path)).code == 0
    (tmp_path / "a.yaml").write_text(NAMED.replace("concurrency: 2", "concurrency: 3"))
    assert "~ resource ENC 1\n    concurrency: 2 -> 3\n" in preroll("plan", str(tmp_path)).out
    (step,) = preroll("plan", str(tmp_path), "--json").json["steps"]
    assert step["fields"] == [{"field": "concurrency", "before": 2, "after": 3}]


def test_what_a_bundle_does_not_have_any_more_is_pruned(preroll: Preroll, tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(NAMED)
    assert preroll("apply", str(file)).code == 0
    file.write_text("kind: bundle\nname: hall\n")
    assert preroll("plan", str(file)).code == 0
    assert preroll("plan", str(file), "--prune").code == 11
    booking = preroll(
        "booking", "create", "News", "--start", "2026-03-02T12:00:00Z", "--end", "2026-03-02T13:00:00Z",
        "--node", "x=ENC 1", "--json",
    )  # fmt: skip
    assert booking.code == 0, booking.err
    plan = preroll("plan", str(file), "--prune")
    assert plan.code == 3
    lost = "would lose ENC 1: it was removed (ResourceDeleted)"
    assert f"! booking News (Partial), 2026-03-02 12:00:00Z to 2026-03-02 13:00:00Z: {lost}\n" in plan.out
    refused = preroll("apply", str(file), "--prune")
    assert refused.code == 3
    assert "With force:\n  News (Partial): would lose ENC 1: it was removed" in refused.err
    assert preroll("booking", "cancel", booking.json["id"]).code == 0
    assert "- resource ENC 1\n- " not in preroll("apply", str(file), "--prune").err
    assert preroll("resource", "list").out == "no resources\n"


def test_a_resource_that_a_booking_has_is_removed_in_two_steps(preroll: Preroll):
    assert preroll("resource", "add", "ENC 1").code == 0
    booking = preroll(
        "booking", "create", "News", "--start", "2026-03-02T12:00:00Z", "--end", "2026-03-02T13:00:00Z",
        "--node", "x=ENC 1", "--json",
    )  # fmt: skip
    refused = preroll("resource", "remove", "ENC 1")
    assert refused.code == 3
    assert "With force:\n  News (Partial): would lose ENC 1: it was removed" in refused.err
    assert "ENC 1" in preroll("resource", "list").out
    assert preroll("resource", "remove", "ENC 1", "--force").out == "ENC 1 was removed\n"
    assert preroll("booking", "show", booking.json["id"], "--json").json["state"] == "Quarantined"


def test_an_export_is_a_bundle(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(NAMED)
    preroll("apply", str(tmp_path))
    assert preroll("export", "--bundle", "hall").out == (
        "{kind: bundle, name: hall}\n---\n{kind: resource, name: ENC 1, concurrency: 2}\n---\n"
        "kind: service_definition\nname: Hall\nnodes:\n- {label: camera}\n"
    )
    assert preroll("export", "--kind", "resource", "--json").json == [
        {"kind": "resource", "name": "ENC 1", "concurrency": 2}
    ]
    out = tmp_path / "out"
    assert [Path(line).name for line in preroll("export", str(out)).out.splitlines()] == [
        "platform.yaml", "resource.yaml", "service-definition.yaml",
    ]  # fmt: skip
    assert preroll("plan", str(out)).code == 0
    assert preroll("export", str(out), "--kind", "resource").code == 0
    assert [path.name for path in out.iterdir()] == ["resource.yaml"]


def test_an_export_leaves_the_files_of_others_alone(preroll: Preroll, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    refused = preroll("export", str(tmp_path))
    assert refused.code == 2
    assert "mine.yaml" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_plan_that_is_old_by_now_is_not_carried_out(
    preroll: Preroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mine, other = tmp_path / "mine.yaml", tmp_path / "other.yaml"
    mine.write_text(NAMED)
    other.write_text("kind: resource\nname: ENC 9\n")
    show = bundles.show

    def slow(plan: Plan) -> None:
        monkeypatch.setattr(bundles, "show", show)
        assert preroll("apply", str(other)).code == 0

    monkeypatch.setattr(bundles, "show", slow)
    refused = preroll("apply", str(mine))
    assert refused.code == 5
    assert "make a new plan" in refused.err
    assert "ENC 1" not in preroll("resource", "list").out


def test_a_folder_has_the_limits_of_a_file(preroll: Preroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(4):
        (tmp_path / f"{number}.yaml").write_text(f"kind: resource\nname: R{number}\npools: &p [a, b]\nx: *p\n")
    for limit, text in (
        ("documents", "3.yaml:1:1: is one too many"),
        ("values", "3.yaml:4:4 x: is one value too many"),
    ):
        budget = {"documents": 3} if limit == "documents" else {"values": 35}
        monkeypatch.setattr(bundle, "Budget", partial(Budget, **budget))
        ended = preroll("plan", str(tmp_path))
        assert ended.code == 2
        assert text in ended.err
    monkeypatch.setattr(bundle, "MOST_FILES", 3)
    assert "4 files" in preroll("plan", str(tmp_path)).err
    monkeypatch.setattr(bundles, "MOST_BYTES", 10)
    assert "too much for one bundle" in preroll("plan", str(tmp_path / "1.yaml")).err


def test_what_is_no_file_is_left_alone(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    assert preroll("apply", str(tmp_path)).code == 0


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_nothing_to_apply_is_told(preroll: Preroll, tmp_path: Path, name: str):
    assert preroll("apply", str(tmp_path / name)).code == 2


def test_the_page_about_files_says_what_happens(preroll: Preroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = (Path(__file__).parents[2] / "docs/how-to/keep-the-catalogue-in-files.md").read_text()
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.S | re.M)
    told = dict(re.findall(r"^\$ preroll (.*)\n((?:[+\-~!].*\n)+default: .*\n)", page, re.M))
    monkeypatch.chdir(tmp_path)
    Path("catalogue").mkdir()
    Path("catalogue/studio.yaml").write_text(text)
    assert preroll("plan", "catalogue").out == told.pop("plan catalogue")
    assert preroll("apply", "catalogue").code == 0
    Path("catalogue/studio.yaml").write_text(text.rpartition("---\n")[0])
    assert preroll("plan", "--prune", "catalogue").out == told.pop("plan --prune catalogue")
    assert told == {}


def test_a_bundle_that_bookings_would_feel_is_applied_by_force(preroll: Preroll, tmp_path):
    file = tmp_path / "closing.yaml"
    file.write_text("kind: resource\nname: ENC 9\n")
    assert preroll("apply", str(file)).code == 0
    times = ("--start", "2026-03-01T13:00:00Z", "--end", "2026-03-01T14:00:00Z")
    assert preroll("booking", "create", "Feed", *times, "--node", "a=ENC 9").code == 0
    file.write_text("kind: resource\nname: ENC 9\nmode: maintenance\n")
    refused = preroll("apply", str(file))
    assert refused.code == 3
    assert "With force:\n  Feed (Partial): would lose ENC 9: it is in maintenance" in refused.err
    assert preroll("apply", str(file), "--force").code == 0
    assert preroll("booking", "list", "--state", "Quarantined", "--json").json[0]["name"] == "Feed"


def test_what_force_would_cost_stands_once_however_much_of_a_resource_goes_with_it(preroll: Preroll, tmp_path: Path):
    file = tmp_path / "mux.yaml"
    texts = (
        "{kind: profile_definition, name: Carrier, parameters: [{name: rate, type: number, kinds: [capacity]}]}",
        "{kind: profile_instance, name: Small, definition: Carrier, values: {rate: 4}}",
        "{kind: resource, name: MUX 7, capacities: {rate: 10}}",
    )
    file.write_text("\n---\n".join(texts))
    assert preroll("apply", str(file)).code == 0
    times = ("--start", "2026-03-01T13:00:00Z", "--end", "2026-03-01T14:00:00Z")
    chosen = ("--node", "a=MUX 7", "--profile", "a=Small")
    assert preroll("booking", "create", "Feed", *times, *chosen).code == 0
    refused = preroll("resource", "set-mode", "MUX 7", "maintenance")
    assert refused.err.count("Feed (Partial): would lose MUX 7: it is in maintenance") == 1
    file.write_text("\n---\n".join(texts).replace("10}}", "10}, mode: maintenance}"))
    assert preroll("plan", str(file)).out.count("would lose MUX 7: it is in maintenance") == 1


def test_profiles_tell_where_their_values_come_from(preroll: Preroll, tmp_path: Path):
    texts = (
        "{kind: profile_definition, name: Video, parameters: [{name: rate, type: number}, {name: codec}]}",
        "{kind: profile_instance, name: HD, definition: Video, values: {rate: 8, codec: AVC}}",
        "{kind: profile_instance, name: Low, definition: Video, parent: HD, values: {rate: 3}, variants: {PAUSE: HD}}",
    )
    (tmp_path / "a.yaml").write_text("\n---\n".join(texts))
    assert preroll("apply", str(tmp_path)).code == 0
    lines = preroll("profile", "list").out.splitlines()
    assert lines[2].split() == ["Low", "Video", "HD", "rate=3", "PAUSE"]
    shown = preroll("profile", "show", "Low").out.splitlines()
    assert shown[:3] == ["profile       Low", "definition    Video", "derives from  HD"]
    assert [line.split() for line in shown[4:]] == [
        ["rate", "3", "Low"], ["codec", "AVC", "HD"], ["PAUSE", "rate", "8", "HD"], ["PAUSE", "codec", "AVC", "HD"],
    ]  # fmt: skip
    assert preroll("profile", "show", "Low", "--json").json["values"]["rate"] == {"value": 3, "source": "Low"}
    words = (
        "--start",
        "2030-03-01T13:00:00Z",
        "--node",
        "enc=ENC 1",
        "--profile",
        "enc=Low",
        "--profile-by",
        "enc=value",
    )
    (tmp_path / "b.yaml").write_text("{kind: resource, name: ENC 1}")
    preroll("apply", str(tmp_path))
    node = preroll("booking", "create", "News", *words, "--json").json["nodes"]["enc"]
    assert (node["profile_by"], node["kept"]) == ("value", {"rate": 3, "codec": "AVC"})
    missing = preroll("profile", "show", "4K")
    assert (missing.code, "there is no profile 4K" in missing.err) == (4, True)
