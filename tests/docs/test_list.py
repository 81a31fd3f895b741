# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on free lists, in order, with the bundle of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/book-a-list-of-resources.md").read_text(encoding="utf-8")
(BUNDLE,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text(BUNDLE)
    said = [preroll(*(str(file) if word == file.name else word for word in shlex.split(c))) for c in COMMANDS]
    assert [one.code for one in said] == [0] * len(COMMANDS), [one.err for one in said]
    _, held, confirmed, whole, loaded, _, changed = said
    assert "free list, held only" in held.out
    assert "state       Confirmed\n" in confirmed.out
    assert "free list, loaded at START and STOP" in loaded.out
    assert "free list, loaded at START and STOP" in changed.out
    assert "state       Confirmed\n" in changed.out
    assert "ENC 2" in whole.out
    bare = preroll(
        "booking", "create", "Bare", "--orchestrated", "--start", "2031-03-04T09:00:00Z", "--node", "a=ENC 1"
    )
    refused = preroll("booking", "confirm", "Bare")
    assert (bare.code, refused.code) == (0, 3)
    assert "have no profile" in refused.err
