# SPDX-License-Identifier: Apache-2.0
"""Spreadsheets of resources: what a line makes of a resource, and where a mistake stands."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.errors import Invalid, Mistake
from preroll.formats import csv

SHEET = """\
name,function,pools,concurrency,hands_off,address.url,capacity.rate,capability.codec,property.rack,label.site
ENC 1,encoding,"north; all",2,true,http://[::1]:80/,50.5,AVC; HEVC,010,north

"ENC
2",,,,,,,,,
"""


def documents(text: str, **stored: Any) -> list[dict[str, Any]]:
    sheet = csv.read(text)
    assert not sheet.mistakes
    return [line.over(stored.get(line.name)) for line in sheet.lines]


def refusal(text: str) -> list[str]:
    try:
        return [str(mistake) for mistake in csv.read(text).refusal([])]
    except Invalid as error:
        return [str(mistake) for mistake in error.mistakes]


def test_a_line_is_a_document():
    first, second = documents(SHEET)
    assert first == {
        "kind": "resource", "name": "ENC 1", "function": "encoding", "pools": ["north", "all"], "concurrency": 2,
        "hands_off": True, "address": {"url": "http://[::1]:80/"}, "capacities": {"rate": 50.5},
        "capabilities": {"codec": {"choices": ["AVC", "HEVC"]}}, "properties": {"rack": "010"},
        "labels": {"site": "north"},
    }  # fmt: skip
    assert second["name"] == "ENC\n2"
    assert [line.number for line in csv.read(SHEET).lines] == [2, 4]


@pytest.mark.parametrize(
    "text", ['\ufeffname;pools\r\nA;"x;y"\r\n', "name\tpools\nA\tx; y\n", "name,pools\nA, x ;; y\n"]
)
def test_spreadsheets_of_every_land_are_read(text: str):
    assert documents(text) == [{"kind": "resource", "name": "A", "pools": ["x", "y"]}]


# fmt: off
CAPABILITIES = [
    ("AVC",           {"choices": ["AVC"]}),
    ("1..50",         {"minimum": 1, "maximum": 50}),
    ("0.5 .. 1.5",    {"minimum": 0.5, "maximum": 1.5}),
    ("..50",          {"maximum": 50}),
    ("-3..",          {"minimum": -3}),
    ("= v1..v2",      {"text": "v1..v2"}),
    ("*",             {"time_dependent": True}),
]
# fmt: on


@pytest.mark.parametrize(("cell", "read"), CAPABILITIES)
def test_what_a_resource_can_do_is_told_in_a_cell(cell: str, read: dict[str, object]):
    (document,) = documents(f"name,capability.x\nA,{cell}\n")
    assert document["capabilities"] == {"x": read}


def test_columns_decide_and_the_rest_stays():
    stored = {"kind": "resource", "name": "A", "driver": "http", "pools": ["x"], "properties": {"a": 1, "b": 2, "c": 3}}
    (document,) = documents("name,pools,property.a,property.b\nA,,9,\n", A=stored)
    assert document == {"kind": "resource", "name": "A", "driver": "http", "properties": {"a": 9, "c": 3}}


# fmt: off
WRONG = [
    ("",                                   "line 1: has no column name (expected a column name)"),
    ("function\nx\n",                      "line 1: has no column name (expected a column name)"),
    ("name,name\nA,B\n",                   "line 1, column name: stands twice (expected each column once)"),
    ("name,pools\n\nA\n",                  "line 3: has 1 cells (expected 2, as the first line has)"),
    ("name,pools\n ,x\n",                  "line 2, column name: is empty (expected the name of a resource)"),
]
# fmt: on


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str):
    assert refusal(text) == [told]


def test_quotes_that_do_not_end_are_told():
    (told,) = refusal('name\n"A\n')
    assert told == "file: is no CSV: unexpected end of data (expected quotes doubled, in quoted cells)"


def test_unknown_columns_are_told_with_the_known_ones():
    first, second, third = refusal("name,colour,capacity.,tint.x\n")
    assert first.startswith("line 1, column colour: is no column (expected one of: name, function")
    assert second.startswith("line 1, column capacity.: is no column")
    assert third.startswith("line 1, column tint.x: is no column")


def test_mistakes_of_documents_get_their_column():
    sheet = csv.read("name,concurrency,capacity.a.b,capability.x,pools,address.url\nA,,,,,\n")
    told = sheet.refusal(
        [
            Mistake(f"0.{where}", "is wrong")
            for where in ("concurrency", "capacities.a.b", "capabilities.x.minimum", "pools.1", "address", "labels")
        ]
    )
    columns = ["concurrency", "capacity.a.b", "capability.x", "pools"]
    assert [m.where for m in told] == [*(f"line 2, column {c}" for c in columns), "line 2", "line 2"]


def test_what_is_whole_is_read_beside_what_is_not():
    sheet = csv.read("name,colour,mode\nA,red,\nB\n,,\nC,,\n,blue,\n")
    assert [(line.number, line.cells) for line in sheet.lines] == [
        (2, {"name": "A", "mode": ""}),
        (5, {"name": "C", "mode": ""}),
    ]
    told = [m.where for m in sheet.refusal([Mistake("1.mode", "is wrong"), Mistake("0.name", "is wrong")])]
    assert told == [
        "line 1, column colour",
        "line 2, column name",
        "line 3",
        "line 5, column mode",
        "line 6, column name",
    ]


def test_bombs_are_refused():
    assert "is too large" in refusal("x" * (csv.MOST_TEXT + 1))[0]
    assert "is one too many" in refusal("name\n" + "A\n" * (csv.MOST_LINES + 1))[0]
    assert "columns" in refusal("name" + "," * csv.MOST_COLUMNS)[0]
    assert "is no CSV" in refusal("name\n" + "A" * 200_000)[0]
    assert len(refusal("name,x\n".replace("x", "pools") + "A\n" * 1000)) == csv.MOST_TOLD


@given(st.text(max_size=200) | st.text(max_size=100).map("name,pools,capability.x\n{}".format))
def test_any_text_is_read_or_refused(text: str):
    with contextlib.suppress(Invalid):
        assert all(line.over(None)["kind"] == "resource" for line in csv.read(text).lines)
