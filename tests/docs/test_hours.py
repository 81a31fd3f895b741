# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on when a resource can be booked, in order, against a server in memory."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/say-when-a-resource-can-be-booked.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "studio.yaml"
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    earlier = re.search(r"Write `(from: \S+)` into the file", PAGE)
    assert earlier
    file.write_text(text)
    said = []
    for number, command in enumerate(COMMANDS):
        if number == 4:
            file.write_text(text.replace("from: 2030-03-04T11:00:00Z", earlier[1]))
        said.append(preroll(*(str(file) if word == file.name else word for word in shlex.split(command))))
    assert [one.code for one in said] == [0, 0, 0, 0, 3, 0, 0, 0]
    _, hours, free, _, refused, _, shown, course = said
    assert "mon, tue, wed, thu, fri 08:00 to 22:00, Europe/Brussels" in hours.out
    assert "from 2030-03-04T11:00:00Z until 2030-03-05T15:00:00Z: new lights" in hours.out
    assert "nothing fits" in free.out
    assert "none of 1 fits; the next free slot is from 2030-03-05 15:00:00Z" in free.out
    assert "closed from 2030-03-04 11:00:00Z until 2030-03-05 15:00:00Z (blackout, new lights)" in free.out
    assert "Talk show (Partial): would lose Studio 1: closed from 2030-03-04 10:00:00Z" in refused.err
    assert "state       Quarantined\n" in shown.out
    rows = [re.split(r"  +", line) for line in course.out.splitlines()[1:]]
    assert [(row[1], row[3], row[4]) for row in rows] == [
        ("2030-03-04 06:00:00Z", "closed", "weekly hours, Europe/Brussels"),
        ("2030-03-04 07:00:00Z", "free", "1 at once"),
        ("2030-03-04 10:00:00Z", "closed", "blackout, new lights"),
        ("2030-03-04 21:00:00Z", "closed", "blackout, new lights, weekly hours, Europe/Brussels"),
    ]
