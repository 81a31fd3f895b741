# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on nodes that choose, in order, with the bundle of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/let-nodes-choose.md").read_text(encoding="utf-8")
(BUNDLE,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "bundle.yaml"
    file.write_text(BUNDLE)
    assert preroll("apply", str(file)).code == 0
    said = [preroll(*shlex.split(command)) for command in COMMANDS]
    assert [one.code for one in said] == [0] * len(COMMANDS), [one.err for one in said]
    news, history, sports, talk, moved = said
    assert "ENC 1" in news.out
    assert "main: ENC 1, the best of 2 eligible by priority" in history.out
    assert "ENC 2" in sports.out
    assert "ENC" not in talk.out
    assert "ENC 1" in moved.out
