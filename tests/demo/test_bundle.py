# SPDX-License-Identifier: Apache-2.0
"""The demo's bundle and scripts are what the API and the script hosts take."""

from __future__ import annotations

from string import Template

from pydantic import TypeAdapter

from preroll.api.documents import DocumentGiven
from preroll.demo.media import INITIAL, NEEDED
from preroll.demo.world import HERE
from preroll.formats.bundle import read
from preroll.ports.scripts import ScriptKind
from preroll.scripts.catalogue import load

FILLED = {
    "n": 1, "encoder": "http://127.0.0.1:1/enc-1", "decoder": "http://127.0.0.1:2/dec-1",
    "recorder": "http://127.0.0.1:3/rec-1", "recordings": "/somewhere", "listen_port": 5000, "monitor_port": 5001,
    "feed_port": 5002,
}  # fmt: skip


def documents() -> list[dict[str, object]]:
    texts = {file.name: file.read_text() for file in sorted((HERE / "bundle").glob("*.yaml"))}
    texts["chain.yaml"] = Template(texts["chain.yaml"]).substitute(FILLED)
    return [dict(document.content) for name, text in texts.items() for document in read(text, name)]


def test_every_document_is_what_the_api_takes() -> None:
    for document in documents():
        TypeAdapter(DocumentGiven).validate_python(document)


def test_every_script_that_is_named_is_there() -> None:
    catalogue = load(str(HERE / "scripts"))
    assert catalogue.broken == []
    kinds = {script.name: script.kind for script in catalogue.installed}
    named = {document["kind"]: document for document in documents()}
    assert kinds[named["platform"]["start_failure_script"]] is ScriptKind.START_FAILURE
    for action in named["service_definition"]["actions"].values():  # type: ignore[attr-defined]
        assert kinds[action] is ScriptKind.LSO
    loads = [d["loads"]["http"] for d in documents() if d.get("loads")]  # type: ignore[index]
    assert [kinds[name] for name in loads] == [ScriptKind.PROFILE_LOAD]


def test_profiles_name_what_the_nodes_know() -> None:
    definitions = {d["name"]: d for d in documents() if d["kind"] == "profile_definition"}
    for kind, needed in NEEDED.items():
        parameters = {p["name"] for p in definitions[kind.capitalize()]["parameters"]}  # type: ignore[attr-defined]
        assert parameters == {"enabled", *needed}, kind
        assert INITIAL[kind].keys() <= parameters
