# SPDX-License-Identifier: Apache-2.0
"""The settings and the document of the how-to page on audits of services."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/audit-a-service.md").read_text(encoding="utf-8")


def test_what_the_page_says_is_taken(server, preroll: Preroll, tmp_path):
    commands = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)
    assert [preroll(*shlex.split(one)).code for one in commands] == [0, 0]
    assert "daily 03:00" in preroll("config", "get", "service_audits").out
    (document,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "line.yaml"
    file.write_text(document)
    assert preroll("apply", str(file)).code == 0
    assert "service_audits" in preroll("export").out
