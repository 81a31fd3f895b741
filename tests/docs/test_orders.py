# SPDX-License-Identifier: Apache-2.0
"""The commands of the how-to page on orders, in order, with the bundle of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

from tests.cli.conftest import Preroll, api, preroll, server

__all__ = ["api", "preroll", "server"]

PAGE = (Path(__file__).parents[2] / "docs/how-to/order-a-service.md").read_text(encoding="utf-8")
BUNDLE, SEVERAL = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ preroll (.+)$", PAGE, re.MULTILINE)


def test_the_commands_do_what_the_page_says(server, preroll: Preroll, tmp_path):
    file = tmp_path / "lines.yaml"
    file.write_text(BUNDLE)
    said = [preroll(*(str(file) if word == file.name else word for word in shlex.split(c))) for c in COMMANDS]
    assert [one.code for one in said] == [0] * len(COMMANDS), [one.err for one in said]
    _, made, checked, shown, scheduled, moved = said
    assert "state     Requested" in made.out
    assert "its plan is being made" in checked.out
    assert "rate=20" in shown.out or "Requested" in shown.out
    assert "Scheduled" in scheduled.out
    assert "2031-03-02 04:00:00Z" in moved.out


def test_an_order_of_several_items_is_read_and_told_what_it_lacks(server, preroll: Preroll, tmp_path):
    file = tmp_path / "lines.yaml"
    file.write_text(BUNDLE)
    assert preroll("apply", str(file)).code == 0
    file.write_text(SEVERAL)
    refused = preroll("order", "create", str(file))
    assert "items.1.values.nodes.Decoder.resource" in refused.err
    several = yaml.safe_load(SEVERAL)
    for item in several["items"]:
        item["values"]["nodes"] = {"Encoder": {"resource": "ENC 1"}, "Decoder": {"resource": "DEC 1"}}
    file.write_text(yaml.safe_dump(several))
    made = preroll("order", "create", str(file), "--json").json
    assert [item["after"] for item in made["items"]] == [[], ["first"]]
