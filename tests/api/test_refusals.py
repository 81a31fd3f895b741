# SPDX-License-Identifier: Apache-2.0
"""What is refused is told in plain words, with what was expected and the names that are near; nothing is written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import asked

DOCUMENTS: list[dict[str, Any]] = [
    {"kind": "profile_definition", "name": "Video"},
    {"kind": "profile_instance", "name": "HD", "definition": "Video"},
    {"kind": "profile_instance", "name": "Radio", "definition": "Video"},
    {"kind": "resource", "name": "ENC 1", "function": "encoding"},
]

# fmt: off
REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    # what differs                          where                 what                                 expected
    ({"nodes": {"x": {"profile": "hdd"}}},  "nodes.x.profile",    "there is no profile instance hdd",
     "one of those that preroll profile list shows: HD"),
    ({"nodes": {"x": {"resource": "ENC"}}}, "nodes.x.resource",   "there is no resource ENC",
     "one of those that preroll resource list shows: ENC 1"),
    ({"name": ""},                          "name",               "is empty",       "at least 1 character"),
    ({"name": "x" * 201},                   "name",               "is too long",    "at most 200 characters"),
    ({"id": "5"},                           "id",                 "is '5'",
     "an id as the lists show it, such as 01890a5d-ac96-774b-bcce-b302099a8057"),
]
# fmt: on


@pytest.mark.parametrize(("differs", "where", "what", "expected"), REFUSED)
async def test_a_booking_is_refused_in_words(
    api: httpx.AsyncClient, differs: dict[str, Any], where: str, what: str, expected: str
):
    assert (await api.post("catalogue", json={"documents": DOCUMENTS})).status_code == 200
    answer = await api.post("bookings", json={**asked(nodes={}), **differs})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"where": where, "detail": what, "expected": expected}]
    assert (await api.get("bookings")).json()["items"] == []


async def test_questions_are_refused_in_words(api: httpx.AsyncClient):
    assert (await api.post("catalogue", json={"documents": DOCUMENTS})).status_code == 200
    window = {"start": "2026-03-02T12:00:00Z", "end": "2026-03-02T13:00:00Z"}
    answer = await api.post("availability", json={**window, "nodes": {"x": {"profile": "hd", "function": "encodnig"}}})
    told = {e["where"]: e["expected"] for e in answer.json()["errors"]}
    assert told["nodes.x.profile"] == "one of those that preroll profile list shows: HD"
    (mistake,) = (await api.get("bookings", params={"limit": "x"})).json()["errors"]
    assert (mistake["detail"], mistake["expected"]) == ("is 'x'", "a whole number")
    (mistake,) = (await api.get("bookings/zzz")).json()["errors"]
    assert mistake["expected"].startswith("an id as the lists show it")
    (mistake,) = (await api.post("resources/import", json={"text": "name,functions\nE,x\n"})).json()["errors"][:1]
    assert mistake["expected"].startswith("function, or another of: name, driver,")
