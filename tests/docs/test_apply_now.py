# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on applying a profile now, in order, with an engine that carries them out."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, preroll
from tests.cli.test_on_the_air import server

__all__ = ["preroll", "server"]

PAGES = Path(__file__).parents[2] / "docs/how-to"
PAGE = (PAGES / "apply-a-profile-now.md").read_text(encoding="utf-8")
(BUNDLE,) = re.findall(
    r"^```yaml\n(.*?)^```$", (PAGES / "book-a-list-of-resources.md").read_text(encoding="utf-8"), re.M | re.S
)
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "lab.yaml"
    file.write_text(BUNDLE)
    assert preroll("apply", str(file)).code == 0
    said = [preroll(*shlex.split(command)) for command in COMMANDS]
    assert [one.code for one in said] == [0, 0, 0, 0, 3], [one.err for one in said]
    tested, raised, reset, _, refused = said
    assert {"bitrate 8", "input SDI 1"} <= {" ".join(line.split()) for line in tested.out.splitlines()}
    assert "outcome   done" in raised.out
    assert "outcome   done" in reset.out
    assert "ENC 1: held by Rehearsal (" in refused.err
