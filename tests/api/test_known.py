# SPDX-License-Identifier: Apache-2.0
"""A field that is not known is answered with those that are, the nearest first."""

from __future__ import annotations

import httpx
import pytest

from preroll.domain.near import told

RESOURCE = {"kind": "resource", "name": "ENC 1"}
SENT = [
    ({"documents": [{**RESOURCE, "conurrency": 2}]}, "documents.0.conurrency", "concurrency, or another of: kind, "),
    (
        {"documents": [{**RESOURCE, "capabilities": {"format": {"textt": "HD"}}}]},
        "documents.0.capabilities.format.textt",
        "text, or another of: choices, minimum, maximum, time_dependent",
    ),
    (
        {"documents": [{**RESOURCE, "availability": {"zzz": "mon"}}]},
        "documents.0.availability.zzz",
        "one of: windows, weekly,",
    ),
    (
        {"documents": [{"kind": "service_definition", "name": "Line", "audits": [
            {"name": "up", "kind": "tcp", "parameters": {"host": "h", "port": 1, "patince": 2}}]}]},
        "documents.0.audits.0.parameters.patince",
        "patience, or another of: host, port",
    ),
    ({"documents": [], "frce": True}, "frce", "force, or another of: platform, documents"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "where", "expected"), SENT, ids=[where for _, where, _ in SENT])
async def test_the_fields_that_there_are_are_named(api: httpx.AsyncClient, body, where: str, expected: str):
    answer = await api.post("catalogue", json=body)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["where"], error["detail"]) == (422, where, "is not a known field")
    assert error["expected"].startswith(expected)


async def test_a_filter_that_is_not_known_names_those_that_are(api: httpx.AsyncClient):
    (error,) = (await api.get("bookings", params={"stat": "Confirmed"})).json()["errors"]
    assert (error["where"], error["expected"][:32]) == ("query.stat", "state, or another of: platform, ")


def test_where_nothing_is_known_nothing_is_said_to_be():
    assert (told("a", []), told("a", ["a1"])) == ("no field", "a1")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("pools", "north", "a list"), ("capacities", 3, "an object"), ("concurrency", "2", "a whole number")],
)
async def test_what_was_expected_is_told_in_plain_words(
    api: httpx.AsyncClient, field: str, value: object, expected: str
):
    (error,) = (await api.post("catalogue", json={"documents": [{**RESOURCE, field: value}]})).json()["errors"]
    assert (error["where"], error["expected"]) == (f"documents.0.{field}", expected)
