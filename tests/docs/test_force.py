# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on force, in order, against a server in memory."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = Path(__file__).parents[2] / "docs/how-to/force-a-booking.md"
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
NEWS = 'booking create "Evening news" --start 2030-03-01T17:00:00Z --end 2030-03-01T19:00:00Z --node "encoder=ENC 1"'


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "bundle.yaml"
    file.write_text("kind: resource\nname: ENC 1\n---\nkind: resource\nname: ENC 2\n")
    assert preroll("apply", str(file)).code == 0
    assert preroll(*shlex.split(NEWS)).code == 0
    said = [preroll(*shlex.split(command)) for command in COMMANDS]
    assert [one.code for one in said] == [3, 0, 0, 0, 0, 0]
    refused, free, _, listed, shown, left = said
    assert "With force:\n  Evening news (Partial): would lose ENC 1: its place to Cup final" in refused.err
    assert "ENC 2" in free.out
    assert "Evening news" in listed.out
    assert "lost; was Partial" in shown.out
    assert "state       Partial\n" in left.out
