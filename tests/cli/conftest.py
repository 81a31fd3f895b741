# SPDX-License-Identifier: Apache-2.0
"""The command line in this process, against the API on a store in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from preroll import cli
from preroll.cli import connect, credentials
from preroll.client import Client
from tests.client.conftest import Direct, api

__all__ = ["api"]


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Preroll = Callable[..., Said]


@pytest.fixture
def preroll(capsys: pytest.CaptureFixture[str]) -> Preroll:
    """Runs a command."""

    def run(*words: str) -> Said:
        code: Any = 0
        try:
            cli.run(list(words))
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture(autouse=True)
def own_credentials(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands know no token but those of the test."""
    monkeypatch.delenv("PREROLL_TOKEN", raising=False)
    place = tmp_path_factory.mktemp("config") / "preroll" / "credentials.json"
    monkeypatch.setattr(credentials, "place", lambda: place)
    return place


@pytest.fixture
def server(api: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Commands reach a server in memory."""
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    monkeypatch.setattr(connect, "Client", partial(Client, transport=Direct(api)))
    return api
