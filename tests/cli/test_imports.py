# SPDX-License-Identifier: Apache-2.0
"""Resources from a spreadsheet, at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Preroll

pytestmark = pytest.mark.usefixtures("server")

SHEET = "name,function,pools,capacity.rate,property.rack\nENC 1,encoding,north,50,A1\nENC 2,encoding,north;all,50,A2\n"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    file = tmp_path / "encoders.csv"
    file.write_text(SHEET)
    return file


def test_lines_are_added_changed_or_left(preroll: Preroll, sheet: Path):
    dry = preroll("resource", "import", str(sheet), "--dry-run")
    told = "+ line 2: ENC 1\n+ line 3: ENC 2\ndefault: 2 added, 0 changed, 0 unchanged"
    assert (dry.code, dry.out) == (11, f"{told}; nothing was stored\n")
    assert preroll("resource", "list").out == "no resources\n"
    assert preroll("resource", "import", str(sheet)).out == f"{told}\n"
    assert preroll("resource", "import", str(sheet), "--dry-run").code == 0
    assert preroll("resource", "set-mode", "ENC 2", "maintenance").code == 0
    sheet.write_text(SHEET.replace("all,50", "all,75"))
    changed = preroll("resource", "import", str(sheet))
    assert changed.out == ("~ line 3: ENC 2\n    capacities.rate: 50 -> 75\ndefault: 0 added, 1 changed, 1 unchanged\n")
    (found,) = preroll("resource", "list", "--pool", "all", "--json").json
    assert (found["mode"], found["properties"]) == ("maintenance", {"rack": "A2"}), "no column tells of the mode"
    report = preroll("resource", "import", str(sheet), "--json").json
    assert [(line["line"], line["change"]) for line in report["lines"]] == [(2, "unchanged"), (3, "unchanged")]


def test_every_mistake_is_told_and_nothing_is_stored(preroll: Preroll, sheet: Path):
    sheet.write_text("name,concurrency,capacity.rate,mode\nA,many,-1,\nB,1,2,asleep\nA,1,1,\n")
    ended = preroll("resource", "import", str(sheet))
    assert ended.code == 2
    for where in (
        "line 2, column concurrency: is 'many'",
        "line 2, column capacity.rate: is -1",
        "line 3, column mode:",
    ):
        assert f"{sheet}: {where}" in ended.err
    assert "nothing was stored" in ended.err
    sheet.write_text(
        "name,color,concurrency,capacity.rate,function\nA,red,1,x,\nB,,1,1\n,,1,1,\nC,,1,1,\nD,,1,1,\nA,,1,1,\nC,,0,1,\n"
    )
    told = preroll("resource", "import", str(sheet)).err
    places = [line.partition(f"{sheet}: ")[2].partition(": ")[0] for line in told.splitlines() if str(sheet) in line]
    assert places == [
        "line 1, column color", "line 2, column capacity.rate", "line 3", "line 4, column name", "line 7, column name",
        "line 8, column concurrency", "line 8, column name",
    ], f"all kinds of mistakes at once, each once, in the order of the lines: {told}"  # fmt: skip
    sheet.write_text("name,mode\nA,\nB,\nA,\n")
    assert f"{sheet}: line 4, column name: A stands twice" in preroll("resource", "import", str(sheet)).err
    sheet.write_text("name,color\nA,red\n")
    assert f"{sheet}: line 1, column color: is no column" in preroll("resource", "import", str(sheet)).err
    sheet.write_bytes(b"name\n\xff\n")
    assert "is not UTF-8 at byte 5" in preroll("resource", "import", str(sheet)).err
    assert preroll("resource", "import", str(sheet.parent / "none.csv")).code == 2
    assert preroll("resource", "list").out == "no resources\n"


def test_bookings_feel_it_only_by_force(preroll: Preroll, sheet: Path):
    assert preroll("resource", "import", str(sheet)).code == 0
    times = ("--start", "2026-03-02T12:00:00Z", "--end", "2026-03-02T13:00:00Z")
    assert preroll("booking", "create", "News", *times, "--node", "x=ENC 1").code == 0
    sheet.write_text("name,mode\nENC 1,maintenance\n")
    refused = preroll("resource", "import", str(sheet))
    assert (refused.code, "News" in refused.err) == (3, True)
    assert preroll("resource", "import", str(sheet), "--force").code == 0
    assert "Quarantined" in preroll("booking", "list").out


def test_ten_thousand_lines_go_in_at_once(preroll: Preroll, sheet: Path):
    rows = "".join(f"ENC {n:05},encoding,site {n % 50},{n % 100},A{n}\n" for n in range(10_000))
    sheet.write_text(SHEET.partition("\n")[0] + "\n" + rows)
    assert preroll("resource", "import", str(sheet)).out.endswith("default: 10000 added, 0 changed, 0 unchanged\n")
    assert len(preroll("resource", "list", "--pool", "site 7", "--json").json) == 200
