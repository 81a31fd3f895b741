# SPDX-License-Identifier: Apache-2.0
"""``preroll night`` at the command line."""

from __future__ import annotations

from tests.cli.conftest import Preroll


def test_a_quiet_night(preroll: Preroll, server: object):
    ended = preroll("night")
    assert ended.code == 0
    assert "on the air: nothing" in ended.out
    assert "no engine lives" in ended.out
    assert preroll("night", "--json").json["troubles"] == []
