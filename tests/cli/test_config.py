# SPDX-License-Identifier: Apache-2.0
"""Settings of a platform at the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Preroll

pytestmark = pytest.mark.usefixtures("server")


def test_settings_are_read_set_reset_and_undone(preroll: Preroll):
    assert preroll("config", "get", "limits.lso", "--json").json == {"limits.lso": 600}
    said = preroll("config", "set", "limits.lso=300", "zone=UTC", "--why", "short scripts")
    assert said.code == 0
    assert "limits.lso: 600 -> 300" in " ".join(said.out.split())
    assert said.out.splitlines()[-1].endswith("version 2")
    assert preroll("config", "reset", "limits").code == 0
    assert preroll("config", "get", "limits.lso", "--json").json == {"limits.lso": 600}
    undone = preroll("config", "undo").out
    assert "limits.lso: 600 -> 300" in " ".join(undone.split()), "it says what it undid"
    assert undone.endswith("version 4\n")
    assert preroll("config", "get", "limits.lso", "--json").json == {"limits.lso": 300}
    history = preroll("config", "history").out
    assert "limits.lso: 600 -> 300" in history
    assert "short scripts" in history


@pytest.mark.parametrize(
    ("setting", "seconds"), [("limits.backoff=0.5s", 0.5), ("guard=10s", 10), ("defaults.pre_roll=1h30m", 5400)]
)
def test_a_length_is_written_as_everywhere_else(preroll: Preroll, setting: str, seconds: float):
    key, _, _ = setting.partition("=")
    assert preroll("config", "set", setting).code == 0
    assert preroll("config", "get", key, "--json").json == {key: seconds}


def test_a_pause_is_seen_wherever_one_looks(preroll: Preroll):
    assert "paused" not in preroll("workers").out
    assert preroll("config", "set", "paused=true").code == 0
    assert preroll("platform", "show", "--json").json["paused"] is True
    assert "nothing begins until" in preroll("platform", "show").out
    assert "paused" in preroll("platform", "list").out
    assert preroll("workers", "--json").json["paused"] == ["default"]
    assert "nothing begins on" in preroll("workers").out
    assert preroll("config", "undo").code == 0
    assert preroll("workers", "--json").json["paused"] == []


def test_transitions_are_shown_added_and_deleted(preroll: Preroll):
    assert preroll("config", "transitions", "--add", "PAUSE:START", "--remove", "STOP:START").code == 0
    rows = preroll("config", "transitions", "--json").json
    assert ["PAUSE", "START"] in rows
    assert ["STOP", "START"] not in rows
    refused = preroll("config", "transitions", "--remove", "STANDBY:STOP")
    assert refused.code != 0
    assert "STANDBY -> STOP is needed by the stage mapping" in refused.err
    assert preroll("config", "transitions", "--remove", "STANDBY:STOP", "--force").code == 0
    assert preroll("config", "reset", "service_states.transitions").code == 0
    assert len(preroll("config", "transitions", "--json").json) == 15


def test_colours_have_glyphs(preroll: Preroll):
    preroll("config", "set", "lifecycle_colors.light.Confirmed=#123456")
    out = preroll("config", "colors").out
    assert "#123456" in out
    assert "◆" in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("get", "limits.lsoo"), "no such setting"), (("set", "limits.lso"), "is no pair"),
        (("set", "limits.lsoo=1"), "is no setting"), (("transitions", "--add", "PAUSE"), "is no row"),
        (("undo",), "no version of the settings 0"),
    ],
)  # fmt: skip
def test_a_slip_is_told(preroll: Preroll, words: tuple[str, ...], told: str):
    said = preroll("config", *words)
    assert said.code != 0
    assert told in said.err


def test_the_page_about_settings_can_be_followed(preroll: Preroll):
    page = (Path(__file__).parents[2] / "docs/how-to/change-settings.md").read_text()
    commands = re.findall(r"^\$ preroll (.+)$", page, re.MULTILINE)
    assert len(commands) >= 12
    for command in commands:
        said = preroll(*shlex.split(command))
        assert said.code == 0, (command, said.err)
