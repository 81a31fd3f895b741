# SPDX-License-Identifier: Apache-2.0
"""The description of the API: checked in, complete, and true."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from preroll import __version__
from preroll.api import Health, contract
from preroll.cli.openapi import printed
from preroll.ports.scripts import BrokenScript, InstalledScript, ScriptKind
from tests.api.conftest import Connect

CHECKED_IN = Path(__file__).parents[2] / "docs/reference/openapi.json"
PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


def operations() -> list[tuple[str, dict[str, object]]]:
    return [(f"{m} {path}", op) for path, methods in contract()["paths"].items() for m, op in methods.items()]


def test_it_is_checked_in():
    assert json.loads(CHECKED_IN.read_text()) == json.loads(printed()), (
        "run: preroll openapi > docs/reference/openapi.json"
    )


def test_names_are_unique_and_calm():
    names = [op["operationId"] for _, op in operations()]
    assert len(names) == len(set(names))
    assert contract()["openapi"].startswith("3.1")


@pytest.mark.parametrize(("name", "operation"), operations())
def test_every_error_is_described_as_a_problem(name: str, operation: dict[str, dict[str, dict[str, object]]]):
    errors = {status: r for status, r in operation["responses"].items() if status.startswith(("4", "5"))}
    for status, response in errors.items():
        if (name, status) != ("get /readyz", "503"):
            assert response["content"] == {"application/problem+json": PROBLEM}, status
    assert errors or name.endswith(("/healthz", "/metrics"))


async def test_health(connect: Connect):
    well, ill = connect(), connect(ready=lambda: Health(ready=False, parts={"engine": "has stopped"}))
    alive = await well.get("http://localhost/healthz")
    assert alive.json() == {"status": "ok", "version": __version__}
    assert (await well.get("http://localhost/readyz")).status_code == 200
    answer = await ill.get("http://localhost/readyz")
    assert (answer.status_code, answer.json()["parts"]) == (503, {"engine": "has stopped"})


async def test_requests_are_counted_by_route_and_not_by_address(connect: Connect):
    api = connect(registry=CollectorRegistry())
    await api.get("bookings/019c0000-0000-7000-8000-000000000000")
    await api.get("nowhere")
    text = (await api.get("http://localhost/metrics")).text
    counted = 'preroll_http_requests_total{method="GET",route="/api/v1/bookings/{ident}",status="404"} 1.0'
    assert counted in text
    assert 'route="other"' in text


async def test_scripts_are_listed(connect: Connect):
    found = InstalledScript("go", ScriptKind.LSO, "0123456789ab", "go.py", "Goes.")
    api = connect(scripts=lambda: ([found], [BrokenScript("bad.py", "SyntaxError", 3)]))
    shown = (await api.get("scripts")).json()
    assert (shown["installed"][0]["name"], shown["broken"][0]["line"]) == ("go", 3)


async def test_the_server_shows_its_description(api: httpx.AsyncClient):
    assert (await api.get("openapi.json")).json() == json.loads(json.dumps(contract()))
