# SPDX-License-Identifier: Apache-2.0
"""Commands that work in their own process: doctor, scripts, states, migrate, openapi, serve."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from preroll import bootstrap
from preroll.app import build
from preroll.app.subscriptions import new_secret
from preroll.bootstrap.wall import WallClock
from preroll.cli import COMMANDS, parsers
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.errors import EngineRunning
from preroll.domain.permission import LOCAL
from preroll.domain.subscription import Kind, Subscription
from preroll.settings import Settings
from preroll.store import open_inline_store
from tests.cli.conftest import Preroll
from tests.postgres import Postgres


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for data; a port that is free."""
    monkeypatch.setenv("PREROLL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PREROLL_PORT", "0")
    return tmp_path / "data"


def test_a_fresh_machine_is_well_and_nothing_is_made(preroll: Preroll, home: Path):
    ended = preroll("doctor", "--json")
    assert ended.code == 0, ended.out
    assert {c["what"]: c["state"] for c in ended.json}.items() >= {
        "Python": "ok",
        "database": "ok",
        "scripts": "ok",
    }.items()
    assert not home.exists()


def test_what_is_wrong_is_told_with_what_to_do(preroll: Preroll, home: Path, tmp_path: Path):
    (home / "scripts").mkdir(parents=True)
    (home / "scripts/broken.py").write_text("import nothing_of_this_name\n")
    (home / "preroll.db").write_text("this is a letter to my aunt")
    ended = preroll("doctor", "--json")
    wrong = {c["what"]: c for c in ended.json if c["state"] == "wrong"}
    assert ended.code == 9
    assert set(wrong) == {"database", "scripts"}
    assert "is no SQLite database" in wrong["database"]["found"]
    assert wrong["scripts"]["hint"] == "preroll scripts check"
    assert "2 of" in ended.err


def test_a_port_in_use_is_noted(preroll: Preroll):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        checks = preroll("doctor", "--port", str(taken.getsockname()[1]), "--json").json
    assert next(c["state"] for c in checks if c["what"] == "port") == "note"


def test_a_database_is_made_and_known(preroll: Preroll, home: Path):
    assert preroll("migrate").out == "the database is up to date\n"
    assert preroll("migrate").code == 0
    checks = preroll("doctor", "--json").json
    found = next(c["found"] for c in checks if c["what"] == "database")
    assert found.startswith(f"SQLite, {home / 'preroll.db'}")
    assert found.endswith("WAL")


def test_scripts_are_checked_in_a_process_of_their_own(preroll: Preroll, home: Path):
    folder = home / "scripts"
    assert preroll("scripts", "list").out == f"no scripts in {folder}\n"
    missing = preroll("scripts", "check")
    assert (missing.code, missing.err.partition("\n")[0]) == (9, f"preroll: there is no folder {folder}")
    folder.mkdir(parents=True)
    (folder / "go.py").write_text('from preroll.sdk import lso\n\n\n@lso\ndef go(ctx):\n    """Goes."""\n')
    (script,) = preroll("scripts", "list", "--json").json["installed"]
    assert (script["name"], script["kind"], script["summary"]) == ("go", "lso", "Goes.")
    assert preroll("scripts", "check").out == "all 1 can be used\n"
    (folder / "bad.py").write_text("x = 1\ny = (\n")
    ended = preroll("scripts", "check")
    assert ended.code == 9
    assert "bad.py" in ended.out


def test_a_script_that_ends_the_process_at_import_is_named_beside_the_others(preroll: Preroll, home: Path):
    folder = home / "scripts"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text("import nothing_of_this_name\n")
    (folder / "exits.py").write_text("print('an author may print')\nimport os\nos._exit(3)\n")
    (folder / "go.py").write_text("from preroll.sdk import lso\n\n\n@lso\ndef go(ctx): ...\n")
    (folder / "segv.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    found = preroll("scripts", "list", "--json").json
    assert [script["name"] for script in found["installed"]] == ["go"]
    told = {Path(b["source"]).name: b["error"] for b in found["broken"]}
    assert told.keys() == {"bad.py", "exits.py", "segv.py"}
    assert told["exits.py"].startswith("importing it ended the process (exit code 3")
    assert told["segv.py"].startswith("importing it ended the process (signal SIGSEGV")


def test_a_script_that_holds_up_the_import_is_named(preroll: Preroll, home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "scripts").mkdir(parents=True)
    (home / "scripts/good.py").write_text("from preroll.sdk import lso\n\n\n@lso\ndef good(ctx): ...\n")
    (home / "scripts/hangs.py").write_text("import time\ntime.sleep(1e6)\n")
    run = subprocess.run

    def impatient(command: list[str], *, timeout: float, **options: Any) -> subprocess.CompletedProcess[bytes]:
        if json.loads(command[-1]):
            return run(command, timeout=timeout, **options)
        with subprocess.Popen(command, stdout=subprocess.PIPE) as hanging:
            assert hanging.stdout
            said = b""
            while b"hangs" not in said:
                said += hanging.stdout.readline()
            hanging.kill()
        raise subprocess.TimeoutExpired(command, timeout, said)

    monkeypatch.setattr(subprocess, "run", impatient)
    found = preroll("scripts", "list", "--json").json
    assert [script["name"] for script in found["installed"]] == ["good"]
    assert [b["error"] for b in found["broken"]] == ["importing it ended the process (not over after 30 s)"]


def test_states_are_printed_in_three_ways(preroll: Preroll):
    assert "Failed Service Pre-Roll" in preroll("states").out
    assert preroll("states", "--mermaid").out.startswith("stateDiagram")
    assert json.dumps(preroll("states", "--json").json)


def test_settings_that_are_wrong_are_told(preroll: Preroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREROLL_PORT", "http")
    ended = preroll("migrate")
    assert ended.code == 8
    assert "port (PREROLL_PORT)" in ended.err
    assert preroll("migrate", "--config", str(tmp_path / "none.toml")).code == 8
    monkeypatch.setenv("PREROLL_PORT", "1")
    assert preroll("migrate", "--database", "oracle://x").code == 8


def test_serve_hands_its_settings_on(preroll: Preroll, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    served: list[Settings] = []
    monkeypatch.setattr(bootstrap, "serve", served.append)
    assert preroll("serve", "--port", "7000", "--scripts", str(tmp_path)).code == 0
    assert (served[0].port, served[0].scripts_folder, served[0].host) == (7000, tmp_path, "127.0.0.1")


def test_what_keeps_the_server_from_starting_is_told(preroll: Preroll, monkeypatch: pytest.MonkeyPatch):
    def busy(_: Settings) -> None:
        raise EngineRunning("an engine works on this file: host a, pid 7", hint="stop it first")

    monkeypatch.setattr(bootstrap, "serve", busy)
    ended = preroll("serve")
    assert (ended.code, ended.err) == (8, "preroll: an engine works on this file: host a, pid 7\n  stop it first\n")


def test_every_command_says_what_it_does():
    found = {parser.prog: parser for parser in parsers()}
    assert {prog.split()[1] for prog in found if " " in prog} == set(COMMANDS)
    for parser in found.values():
        assert parser.description, parser.prog
        assert all(told for _, told in parser.parameters()), parser.prog
        assert parser.format_help().startswith("usage: preroll")


def test_signing_secrets_that_stand_in_the_database_are_noted(preroll: Preroll, home: Path):
    assert preroll("migrate").code == 0
    with closing(open_inline_store(WallClock(), str(home / "preroll.db"))) as store:
        for name, secret in (("NOC", new_secret()), ("MCR", "env:HOOK")):
            hook = Subscription(name, Kind.WEBHOOK, "https://hooks.example.org/", secret=secret)
            asyncio.run(store.write(lambda tx, hook=hook: tx.subscriptions.add(hook)))
    (noted,) = [c for c in preroll("doctor", "--json").json if c["what"] == "secrets"]
    assert (noted["state"], noted["found"].endswith("1 webhooks readably: NOC")) == ("note", True)


@pytest.mark.parametrize("paused", [False, True])
def test_a_paused_platform_is_noted_on_sqlite_too(preroll: Preroll, home: Path, paused: bool):
    assert preroll("migrate").code == 0
    with closing(open_inline_store(WallClock(), str(home / "preroll.db"))) as store:
        app, config = build(store, None), PlatformConfig(paused=paused)
        asyncio.run(app.platforms.put(LOCAL, Platform("tv", config=config)))
    noted = [(c["state"], c["found"]) for c in preroll("doctor", "--json").json if c["what"] == "platform"]
    assert noted == [("note", "tv is paused: nothing begins on it")] * paused


def test_a_place_that_cannot_be_had_is_told_before_anything_runs(
    preroll: Preroll, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("preroll.bootstrap.server.configure", lambda **_: None)
    (tmp_path / "file").touch()
    for command in (("serve",), ("migrate",), ("serve", "--scripts", str(tmp_path / "file"))):
        data = () if "--scripts" in command else ("--data", str(tmp_path / "file" / "data"))
        ended = preroll(*command, *data)
        assert (ended.code, "choose another: --data, --scripts" in ended.err) == (8, True), ended.err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = preroll("serve", "--port", str(port))
    assert (ended.code, f"127.0.0.1:{port} cannot be listened at: Address already in use" in ended.err) == (8, True)
    assert not (home / "preroll.db").exists()
    ended = preroll("migrate", "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert (ended.code, "idempotency" in ended.err, "--database" in ended.err) == (8, False, True)


def test_the_doctor_signs_in_to_postgresql(preroll: Preroll, postgres: Postgres):
    def database(address: str) -> dict[str, str]:
        checks = preroll("doctor", "--database", address, "--json").json
        return next(c for c in checks if c["what"] == "database")

    found = database(postgres.current())
    assert (found["state"], found["found"].startswith("PostgreSQL ")) == ("ok", True)
    found = database(postgres.address("of_no_such_name"))
    assert (found["state"], "of_no_such_name" in found["found"]) == ("wrong", True)
    assert "PGPASSWORD" in found["hint"]
    assert "idempotency" not in found["hint"]


def test_the_doctor_tells_of_a_full_disk(preroll: Preroll, monkeypatch: pytest.MonkeyPatch):
    full = SimpleNamespace(total=10**9, used=10**9, free=4096)
    monkeypatch.setattr("preroll.cli.doctor.shutil.disk_usage", lambda _: full)
    ended = preroll("doctor", "--json")
    found = next(c for c in ended.json if c["what"] == "data folder")
    assert (ended.code, found["state"], "make room" in found["hint"]) == (9, "wrong", True)


def test_the_doctor_tells_a_database_that_is_newer_from_one_that_is_older(preroll: Preroll, postgres: Postgres):
    address = postgres.new()

    def workers() -> tuple[str, str]:
        found = next(c for c in preroll("doctor", "--database", address, "--json").json if c["what"] == "workers")
        return found["state"], found["hint"]

    assert workers() == ("note", "run preroll migrate first, or start preroll serve")
    assert preroll("migrate", "--database", address).code == 0
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    assert workers() == ("note", "install the newer program")
