# SPDX-License-Identifier: Apache-2.0
"""Bundles and the catalogue at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_every_file_that_cannot_be_read_is_told(preroll: Preroll, tmp_path: Path):
    (tmp_path / "a.yaml").write_text("kind: resource\nname: [\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    ended = preroll("apply", str(tmp_path))
    assert ended.code == 2
    assert "a.yaml:3:1: is no YAML" in ended.err
    assert "b.yaml: is not UTF-8" in ended.err


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_nothing_to_apply_is_told(preroll: Preroll, tmp_path: Path, name: str):
    assert preroll("apply", str(tmp_path / name)).code == 2
