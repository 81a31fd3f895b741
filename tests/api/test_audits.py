# SPDX-License-Identifier: Apache-2.0
"""Audits through the API: what a definition may ask for, and what is shown."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from importlib import import_module
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

from preroll.api.checks import PARAMETERS, AuditGiven, Event
from preroll.audits import SHIPPED
from preroll.domain.audit import BEFORE_COMMIT
from preroll.domain.booking import State
from preroll.domain.boundaries import EVENTS, STANDARD
from preroll.store import SqlStore
from tests.api.conftest import asked

AUDIT: TypeAdapter[Any] = TypeAdapter(AuditGiven)
EXAMPLES: dict[str, dict[str, Any]] = {
    "tcp": {"host": "10.0.0.1", "port": 80},
    "http": {"url": "http://10.0.0.1/status", "json": {"locked": True}},
    "ping": {"host": "10.0.0.1", "lost": 0.2, "most_ms": 5},
    "stream": {"source": "udp://127.0.0.1:5000", "size": "1280x720", "loud": -50, "fps": 25},
    "throughput": {"host": "10.0.0.1", "port": 5001, "kbit": 8000},
    "config": {"node": "encoder", "ignore": ["uptime"]},
}


def shipped(kind: str) -> Any:
    module, _, name = SHIPPED[kind].partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("kind", SHIPPED)
def test_a_shape_has_the_parameters_of_its_check_with_the_same_defaults(kind: str) -> None:
    known = {f.name: f for f in fields(shipped(kind))}
    shape = {f.alias or name: f for name, f in PARAMETERS[kind].model_fields.items()}
    assert list(shape) == list(known)
    for name, field in shape.items():
        if known[name].default is not MISSING:
            default: object = known[name].default
            assert field.default == (list(default) if isinstance(default, tuple) else default), name
        elif known[name].default_factory is not MISSING:
            assert field.default == {}, name
        else:
            assert field.default is PydanticUndefined, name


@pytest.mark.parametrize("kind", SHIPPED)
def test_what_a_shape_takes_the_check_takes(kind: str) -> None:
    spec = AUDIT.validate_python({"name": "a", "kind": kind, "parameters": EXAMPLES[kind]}).thing()
    assert spec.parameters == EXAMPLES[kind], "defaults stay those of the program"
    check = shipped(kind).of(spec.parameters)
    assert check.what
    assert get_type_hints(type(check))["kind"]


@pytest.mark.parametrize("kind", SHIPPED)
def test_any_value_but_a_plain_text_may_be_a_reference(kind: str) -> None:
    for name, field in PARAMETERS[kind].model_fields.items():
        if isinstance(field.default, dict | list) or name == "method":
            continue
        given = {**EXAMPLES[kind], field.alias or name: "${encoder.values.x}"}
        spec = AUDIT.validate_python({"name": "a", "kind": kind, "parameters": given}).thing()
        assert spec.parameters[field.alias or name] == "${encoder.values.x}"


def test_the_events_are_those_of_a_booking_and_the_verifying_of_an_order() -> None:
    assert list(get_args(Event)) == [*(EVENTS[kind].name for kind in STANDARD), BEFORE_COMMIT]


async def test_a_definition_shows_its_audits_and_a_change_of_them_is_a_new_version(api: httpx.AsyncClient) -> None:
    audit: dict[str, Any] = {"name": "port", "kind": "tcp", "parameters": {"host": "a", "port": "${encoder.address.p}"}}
    document = {"kind": "service_definition", "name": "C", "nodes": [{"label": "encoder"}], "audits": [audit]}
    for expected in ("added", "unchanged"):
        answer = await api.post("catalogue", json={"documents": [document]})
        assert answer.json()["items"][0]["change"] == expected, answer.text
    audit["within"] = "PT10S"
    answer = await api.post("catalogue", json={"documents": [document]})
    assert answer.json()["items"][0]["change"] == "changed"
    shown = (await api.get("service-definitions")).json()["items"]
    assert [(d["revision"], d["audits"][0]["within"]) for d in shown] == [(1, 5.0), (2, 10.0)]
    assert shown[0]["audits"][0] == {
        "name": "port", "kind": "tcp", "parameters": {"host": "a", "port": "${encoder.address.p}"},
        "after": ["START"], "within": 5.0, "unknown": "Down",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("audit", "where"),
    [
        ({"name": "a", "kind": "tcp", "parameters": {"host": "h", "port": 0}}, "parameters.port"),
        ({"name": "a", "kind": "tcp", "parameters": {"host": "h", "port": "80"}}, "parameters.port"),
        ({"name": "a", "kind": "tcp", "parameters": {"host": "h"}}, "parameters.port"),
        ({"name": "a", "kind": "tcp", "parameters": {"host": "h", "port": 1, "speed": 2}}, "parameters.speed"),
        ({"name": "a", "kind": "stream", "parameters": {"source": "a", "size": "big"}}, "parameters.size"),
        ({"name": "a", "kind": "ping", "after": ["LUNCH"], "parameters": {"host": "h"}}, "after.0"),
        ({"name": "a", "kind": "ping", "parameters": {"host": "${decoder.address.x}"}}, "parameters.host"),
        ({"name": "a", "kind": "laser"}, "kind"), ({"kind": "config"}, "name"),
    ],
)  # fmt: skip
async def test_a_mistake_has_its_place(api: httpx.AsyncClient, audit: dict[str, Any], where: str) -> None:
    document = {"kind": "service_definition", "name": "C", "nodes": [{"label": "encoder"}], "audits": [audit]}
    answer = await api.post("catalogue", json={"documents": [document]})
    assert answer.status_code == 422, answer.text
    assert [e["where"] for e in answer.json()["errors"]] == [f"documents.0.audits.0.{where}".rstrip(".")]


@pytest.fixture
async def running(api: httpx.AsyncClient, store: SqlStore, catalogue: None) -> str:
    """A booking that runs, with one audit."""
    audit = {"name": "port", "kind": "tcp", "parameters": {"host": "127.0.0.1", "port": 1}}
    document = {"kind": "service_definition", "name": "Hall", "nodes": [{"label": "camera"}], "audits": [audit]}
    assert (await api.post("catalogue", json={"documents": [document]})).status_code == 200
    made = await api.post("bookings", json=asked(definition="Hall", nodes={"camera": {"resource": "ENC 1"}}))
    ident = made.json()["id"]
    assert (await api.post(f"bookings/{ident}/confirm")).status_code == 200

    def begin(tx: Any) -> None:
        before = tx.bookings.get(ident)
        after = replace(before, state=State.ACTIVE, began=True, service_state="START", state_version=9)
        tx.bookings.put(after, seen=before)

    await store.write(begin)
    return str(ident)


async def test_asked_for_it_waits_for_the_engine(api: httpx.AsyncClient, running: str) -> None:
    before = (await api.get(f"bookings/{running}")).json()
    assert before["audit"] == {"status": "Pending", "configuration": "unknown"}
    assert "audit" in {a["name"] for a in before["actions"] if a["possible"]}
    assert (await api.get(f"bookings/{running}/audits")).json() == {
        "booking": running, "known": before["audit"], "waiting": False, "rounds": [],
    }  # fmt: skip
    for _ in range(2):
        answer = await api.post(f"bookings/{running}/audit", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 202, answer.text
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert answer.json()["revision"] == before["revision"], "an audit edits nothing"
    assert (await api.get(f"bookings/{running}/audits")).json()["waiting"] is True
    changes = (await api.get(f"bookings/{running}/changes")).json()
    assert [c["kind"] for c in changes].count("booking.audit_asked") == 1


async def test_what_does_not_run_is_refused(api: httpx.AsyncClient, catalogue: None) -> None:
    made = await api.post("bookings", json=asked())
    ident = made.json()["id"]
    refused = await api.post(f"bookings/{ident}/audit")
    assert (refused.status_code, refused.json()["code"]) == (409, "action_not_possible")
    assert (await api.get(f"bookings/{ident}")).json()["audit"] is None
    assert (await api.get(f"bookings/{ident}/audits")).json()["known"] is None
    assert (await api.get("bookings/00000000-0000-7000-8000-000000000000/audits")).status_code == 404
