# SPDX-License-Identifier: Apache-2.0
"""The demo's bundle and scripts are what the API and the script hosts take."""

from __future__ import annotations

from string import Template
from typing import Any

import pytest
from pydantic import TypeAdapter

from preroll.api.documents import DocumentGiven
from preroll.demo.media import INITIAL, NEEDED
from preroll.demo.network import ENTERED, PINGED
from preroll.demo.world import HERE
from preroll.drivers.netconf import netconf
from preroll.formats.bundle import read
from preroll.ports.scripts import ScriptKind
from preroll.scripts.catalogue import load
from preroll.sdk import Secret

CHAIN = {
    "n": 1, "encoder": "http://127.0.0.1:1/enc-1", "decoder": "http://127.0.0.1:2/dec-1",
    "recorder": "http://127.0.0.1:3/rec-1", "recordings": "/somewhere", "listen_port": 5000, "monitor_port": 5001,
    "feed_port": 5002,
}  # fmt: skip


PORT = {
    "n": 1, "device": "pe-1", "netconf": 830, "username": "preroll", "host_key": "ssh-ed25519 AAAA", "door": 4001,
    "pinged": "true", "customer": "192.0.2.6", "gateway": "192.0.2.5", "remote": "198.51.100.4/30",
    "next_hop": "203.0.113.6",
}  # fmt: skip


@pytest.fixture(params=[PINGED, ENTERED], ids=["ping", "relay"])
def documents(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    filled = {
        "lights.yaml": {"lights": "/somewhere"},
        "chain.yaml": CHAIN,
        "port.yaml": PORT,
        "circuit.yaml": request.param,
    }
    texts = {file.name: file.read_text() for file in sorted((HERE / "bundle").glob("*.yaml"))}
    texts |= {name: Template(texts[name]).substitute(values) for name, values in filled.items()}
    return [dict(document.content) for name, text in texts.items() for document in read(text, name)]


def test_every_document_is_what_the_api_takes(documents: list[dict[str, Any]]) -> None:
    for document in documents:
        TypeAdapter(DocumentGiven).validate_python(document)


def test_every_script_that_is_named_is_there(documents: list[dict[str, Any]]) -> None:
    catalogue = load(str(HERE / "scripts"))
    assert catalogue.broken == []
    kinds = {script.name: script.kind for script in catalogue.installed}
    (platform,) = [d for d in documents if d["kind"] == "platform"]
    assert kinds[platform["start_failure_script"]] is ScriptKind.START_FAILURE
    services = [d for d in documents if d["kind"] == "service_definition"]
    assert {kinds[action] for d in services for action in d["actions"].values()} == {ScriptKind.LSO}
    assert {d["name"] for d in services} == {"Circuit", "Contribution"}
    loads = [d["loads"]["http"] for d in documents if d.get("loads")]
    assert [kinds[name] for name in loads] == [ScriptKind.PROFILE_LOAD]


def test_profiles_name_what_the_nodes_know(documents: list[dict[str, Any]]) -> None:
    definitions = {d["name"]: d for d in documents if d["kind"] == "profile_definition"}
    for kind, needed in NEEDED.items():
        parameters = {p["name"] for p in definitions[kind.capitalize()]["parameters"]}
        assert parameters == {"enabled", *needed}, kind
        assert INITIAL[kind].keys() <= parameters


def test_the_profile_of_a_circuit_names_what_the_address_declares(documents: list[dict[str, Any]]) -> None:
    (ends,) = [d for d in documents if d["name"] == "Circuit end"]
    (port,) = [d for d in documents if d["kind"] == "resource" and d["driver"] == "netconf"]
    (profile,) = [d for d in documents if d["kind"] == "profile_instance" and d["name"] == port["name"]]
    names = {p["name"] for p in ends["parameters"]}
    assert names == port["address"]["parameters"].keys() == profile["values"].keys()
    assert netconf(port["name"], {**port["address"], "password": Secret("x")})
