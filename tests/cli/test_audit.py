# SPDX-License-Identifier: Apache-2.0
"""``preroll audit`` against a whole server: engine, script hosts, and a real port that is open, then closed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from preroll.api import create_app
from preroll.app import App
from preroll.bootstrap.standing import standing
from preroll.cli import connect
from preroll.client import Client, calls
from preroll.domain.permission import LOCAL
from preroll.settings import Settings
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct

BUNDLE = """
kind: resource
name: ENC 1
address: {port: %d}
---
kind: service_definition
name: Contribution
nodes: [{label: encoder}]
audits:
  - {name: port, kind: tcp, within: 0, parameters: {host: 127.0.0.1, port: "${encoder.address.port}", patience: 60}}
"""


@dataclass(frozen=True)
class Server:
    """A server that stands in this process."""

    app: App
    client: Client


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that stands in this process, and a client of it; commands reach it too."""
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    with capture_logs(), standing(Settings(data=tmp_path)) as parts:
        transport = Direct(create_app(parts.app, stopping=lambda: True))
        monkeypatch.setattr(connect, "Client", partial(Client, transport=transport))
        with Client("http://localhost", transport=transport) as client:
            yield Server(parts.app, client)


def on_air(server: Server, preroll: Preroll, bundle: Path, port: int) -> str:
    """A booking that runs now; returns its id."""
    bundle.write_text(BUNDLE % port)
    assert preroll("apply", str(bundle)).code == 0
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    made = server.client.send(
        calls.create_booking("News", start, start + timedelta(hours=1), definition="Contribution",
                             nodes={"encoder": "ENC 1"})
    )  # fmt: skip
    server.client.send(calls.act(made.id, "confirm"))
    return made.id


def until(server: Server, ident: str, status: str) -> None:
    """Wait for what the audits say."""
    cursor = ""
    while True:
        found = server.client.send(calls.get_booking(ident))
        if found.audit is not None and found.audit.status == status:
            return
        asyncio.run(server.app.views.wait(LOCAL, cursor, 1.0))
        cursor = asyncio.run(server.app.views.tail(LOCAL))


def test_up_after_start_and_down_when_the_port_is_closed(server: Server, preroll: Preroll, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=8)) as service:
        port = service.getsockname()[1]
        ident = on_air(server, preroll, tmp_path / "bundle.yaml", port)
        until(server, ident, "Up")
        shown = preroll("audit", "News", "--last")
        assert shown.code == 0, shown.err
        lines = shown.out.splitlines()
        assert lines[0].split() == ["check", "state", "what", "expected", "found", "when"]
        assert lines[1].startswith(f"port   Up     tcp 127.0.0.1:{port}  a connection  connected in ")
        assert "asked     START" in lines
        asked = preroll("audit", ident, "--json")
        assert asked.code == 0
        assert asked.json["known"] == {"status": "Up", "configuration": "unknown"}
        assert [r["asked"] for r in asked.json["rounds"]] == ["asked by local", "START"]
    down = preroll("audit", "news")
    assert down.code == 9
    assert down.err.startswith("preroll: the service is Down\n")
    assert f"tcp 127.0.0.1:{port}  a connection  Connection refused" in down.out
    assert "now       Down, devices unknown" in down.out
    assert "audit       Down, devices unknown\n" in preroll("booking", "show", "news").out
    history = [c for c in json.loads(preroll("booking", "history", ident, "--json").out) if "audit" in c["kind"]]
    assert [(c["kind"], c["before"], c["after"], c["actor"]) for c in history] == [
        ("booking.audit", "Pending", "Up", "engine"), ("booking.audit_asked", "", "", "local"),
        ("booking.audit_asked", "", "", "local"), ("booking.audit", "Up", "Down", "engine"),
    ]  # fmt: skip
    assert history[-1]["why"] == "port: Down: Connection refused"


def test_what_does_not_run_is_refused(server: Server, preroll: Preroll, tmp_path: Path) -> None:
    assert preroll("apply", str(_bundle(tmp_path))).code == 0
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    server.client.send(calls.create_booking("Later", start, definition="Contribution", nodes={"encoder": "ENC 1"}))
    refused = preroll("audit", "Later")
    assert refused.code == 3
    assert "audit is not possible: the booking is waiting" in refused.err
    assert preroll("audit", "Later", "--last").out == "nothing was audited yet\n"


def _bundle(folder: Path) -> Path:
    bundle = folder / "bundle.yaml"
    bundle.write_text(BUNDLE % 1)
    return bundle


def test_a_mistake_in_an_audit_is_told_with_its_place(server: Server, preroll: Preroll, tmp_path: Path) -> None:
    bundle = tmp_path / "wrong.yaml"
    bundle.write_text(
        "kind: service_definition\nname: X\naudits:\n  - name: a\n    kind: tcp\n    parameters:\n"
        "      host: here\n      port: 99999\n      speed: 3\n  - {name: b, kind: laser}\n"
        '  - {name: c, kind: ping, parameters: {host: "${camera.address.host}"}}\n'
    )
    wrong = preroll("apply", str(bundle))
    assert wrong.code == 2
    assert f"{bundle}:8:7 audits.0.parameters.port: is 99999 (expected less than or equal to 65535)" in wrong.err
    assert f"{bundle}:9:7 audits.0.parameters.speed" in wrong.err
    assert f"{bundle}:10:15 audits.1.kind" in wrong.err
