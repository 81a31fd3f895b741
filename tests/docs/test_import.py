# SPDX-License-Identifier: Apache-2.0
"""The page about spreadsheets: its sheet and its commands, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from preroll.formats import csv
from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/import-resources-from-a-spreadsheet.md").read_text("utf-8")


@pytest.mark.usefixtures("server")
def test_the_sheet_of_the_page_is_imported_as_it_says(
    preroll: Preroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (sheet,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "encoders.csv").write_text(sheet)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n\$ preroll (.*?)\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    for command, told in blocks[:2]:
        assert preroll(*shlex.split(command)).out == told
    assert [r["name"] for r in preroll(*shlex.split(blocks[2][0]), "--json").json] == ["Encoder 1"]


def test_the_page_names_every_column():
    assert [column for column in csv.KNOWN if f"`{column}`" not in PAGE] == []
