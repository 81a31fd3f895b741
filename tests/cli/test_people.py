# SPDX-License-Identifier: Apache-2.0
"""Signing in at the command line, people and tokens."""

from __future__ import annotations

import asyncio
import io
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from preroll.api import create_app
from preroll.app import App, build
from preroll.app.users import NamedRights, NewUser
from preroll.cli import connect, credentials
from preroll.cli.exits import NOT_PERMITTED, USAGE
from preroll.client import Client
from preroll.domain.account import SignIn
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.gate.guard import Guard
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock
from tests.api.people import PASSWORD, passwords
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch):
    """A server at which people sign in; root may do everything, and anna looks."""
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    store = open_inline_store(StandingClock())
    app = build(store, None, passwords())
    asyncio.run(app.platforms.put(LOCAL, Platform("default")))
    for name, role in (("root", "admin"), ("anna", "viewer")):
        asyncio.run(app.users.create(LOCAL, NewUser(name, NamedRights([role]), password=PASSWORD)))
    api = create_app(app, guard=Guard(app, SignIn.NEEDED, fresh_s=0.0))

    def client(server: str, **options: Any) -> Client:
        return Client(server, transport=Direct(api), **options)

    monkeypatch.setattr(connect, "Client", client)
    yield app
    store.close()


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch):
    """Sends lines to the next command."""
    return lambda *lines: monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_signing_in_and_out(app: App, preroll: Preroll, types, own_credentials: Path):
    said = preroll("booking", "list")
    assert (said.code, "preroll login" in said.err) == (NOT_PERMITTED, True)
    types("not this one")
    assert preroll("login", "root").code == NOT_PERMITTED
    types(PASSWORD)
    said = preroll("login", "root")
    assert (said.code, "act as root" in said.out) == (0, True)
    assert PASSWORD not in said.out + said.err
    assert stat.S_IMODE(own_credentials.stat().st_mode) == 0o600
    assert PASSWORD not in own_credentials.read_text()
    assert preroll("booking", "list").code == 0
    assert preroll("user", "show", "--json").json["roles"] == ["admin"]
    assert preroll("logout").code == 0
    assert credentials.token_for("http://127.0.0.1:8484") == ""
    assert preroll("booking", "list").code == NOT_PERMITTED
    assert asyncio.run(app.tokens.list(LOCAL, everybody=True)) == []


def test_signing_in_again_leaves_one_token(app: App, preroll: Preroll, types):
    for _ in range(2):
        types(PASSWORD)
        assert preroll("login", "anna").code == 0
    assert len(preroll("token", "list", "--json").json) == 1


def test_a_token_goes_to_the_server_that_it_is_of(app: App, preroll: Preroll, types):
    types(PASSWORD)
    preroll("login", "anna")
    assert credentials.token_for("http://127.0.0.1:8484/") != ""
    assert credentials.token_for("http://elsewhere.example:8484") == ""


def test_tokens_from_the_environment(app: App, preroll: Preroll, types, monkeypatch: pytest.MonkeyPatch):
    types(PASSWORD)
    preroll("login", "root")
    made = preroll("token", "create", "ci", "--role", "viewer", "--lasts", "1d", "--json").json
    assert made["roles"] == ["viewer"]
    monkeypatch.setenv("PREROLL_TOKEN", made["secret"])
    assert preroll("user", "show", "--json").json["name"] == "root/ci"
    assert preroll("user", "list").code == NOT_PERMITTED
    monkeypatch.delenv("PREROLL_TOKEN")
    assert made["secret"] not in preroll("token", "list").out
    assert preroll("token", "revoke", "ci").code == 0
    monkeypatch.setenv("PREROLL_TOKEN", made["secret"])
    assert preroll("booking", "list").code == NOT_PERMITTED


def test_people(app: App, preroll: Preroll, types):
    types(PASSWORD)
    preroll("login", "root")
    types("short")
    assert preroll("user", "add", "ben").code == USAGE
    types("a much longer password")
    words = ("--role", "viewer", "--role", "operator@default", "--scope", "sport", "--full-name", "Ben B")
    assert preroll("user", "add", "ben", *words).code == 0
    assert "operator@default" in preroll("user", "list").out
    said = preroll("user", "edit", "ben", "--scope", "news", "--json").json
    assert (said["roles"], said["on"], said["scopes"]) == (["viewer"], {"default": ["operator"]}, ["news"])
    assert preroll("user", "edit", "ben", "--disable", "--json").json["disabled"] is True
    assert preroll("user", "unlock", "ben").code == 0
    assert preroll("user", "sign-out", "ben", "--json").json == {"signed_out": "ben"}
    assert preroll("user", "unlock", "nobody").code != 0
    assert preroll("user", "remove", "ben").code == 0
    types(PASSWORD, "a much longer password")
    said = preroll("user", "password")
    assert said.code == 0, said.err


def test_a_viewer_is_told_which_role_would_do(app: App, preroll: Preroll, types):
    types(PASSWORD)
    preroll("login", "anna")
    said = preroll("booking", "create", "News", "--start", "+1h", "--end", "+2h")
    assert (said.code, "admin, operator" in said.err) == (NOT_PERMITTED, True)


def test_the_first_admin_is_made_in_the_database(preroll: Preroll, types, tmp_path: Path):
    for words in (["short"], ["correct horse battery"], ["another long password"]):
        types(*words)
        said = preroll("user", "add", "root", "--admin", "--data", str(tmp_path))
        assert said.code == (USAGE if words == ["short"] else 0), said.err
    types(PASSWORD)
    assert preroll("user", "add", "root", "--admin", "--role", "viewer", "--data", str(tmp_path)).code == USAGE
