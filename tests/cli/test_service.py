# SPDX-License-Identifier: Apache-2.0
"""``preroll service`` on a service whose devices differ, and ``preroll night`` on its alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
from pydantic import TypeAdapter

from preroll.api import create_app
from preroll.api.documents import DocumentGiven
from preroll.app import build
from preroll.cli import connect
from preroll.cli.exits import REFUSED, USAGE
from preroll.client import Client
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock
from tests.api.test_service_audits import DOCUMENTS, drifted
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct

READS: TypeAdapter[DocumentGiven] = TypeAdapter(DocumentGiven)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    store = open_inline_store(StandingClock())
    app = build(store, None)
    asyncio.run(app.platforms.put(LOCAL, Platform("default")))
    asyncio.run(app.catalogue.apply(LOCAL, "default", [READS.validate_python(one).thing() for one in DOCUMENTS]))
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    monkeypatch.setattr(connect, "Client", partial(Client, transport=Direct(create_app(app, stopping=lambda: True))))
    yield asyncio.run(store.write(drifted))
    store.close()


def test_a_difference_is_shown_approved_and_accepted(line: str, preroll: Preroll):
    shown = preroll("service", "show", "line").out
    assert "drift: rate is 7" in shown
    assert any(row.split()[:2] == ["A", "R"] for row in shown.splitlines()), "resources by their names"
    assert [row.split() for row in shown.splitlines() if row.startswith("A ") and "changed" in row] == [
        ["A", "rate", "changed", "5", "7", "no"]
    ]
    assert "services that are not well" in preroll("night").out
    words = ("service", "approve", "line", "--until", "2026-03-09T12:00:00Z", "--reason", "agreed")
    assert "until 2026-03-09" in preroll(*words, "--only", "A:rate").out
    assert preroll(*words, "--drift", "0123").code == REFUSED
    assert preroll("service", "approve", "line", "--until", "soon", "--reason", "x").code == USAGE
    assert preroll("service", "disapprove", "line", "--reason", "no").code == 0
    done = preroll("service", "accept", "line", "--reason", "as agreed", "--json").json
    assert (done["deployed"], done["differences"]) == (2, [])
    refused = preroll("service", "accept", line, "--reason", "again")
    assert (refused.code, "an audit is due" in refused.err) == (REFUSED, True)
