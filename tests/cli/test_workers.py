# SPDX-License-Identifier: Apache-2.0
"""``preroll worker`` and ``preroll workers`` at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from preroll import bootstrap
from preroll.cli.exits import CANNOT_START, LEFT, UNEXPECTED, USAGE
from preroll.domain.errors import EngineLost
from preroll.settings import CarrierName, Settings
from tests.cli.conftest import Preroll


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for data."""
    monkeypatch.setenv("PREROLL_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_worker_on_sqlite_is_refused_with_what_to_do(preroll: Preroll, home: Path):
    ended = preroll("worker")
    assert ended.code == CANNOT_START
    assert "preroll worker needs PostgreSQL" in ended.err
    assert "preroll serve is enough" in ended.err
    assert not home.exists(), "nothing was made"


@pytest.mark.parametrize(
    ("words", "told"), [(["--no-engine"], "nobody else can work on"), (["--carrier", "temporal"], "needs PostgreSQL")]
)
def test_a_server_on_sqlite_has_its_engine(preroll: Preroll, words: list[str], told: str):
    ended = preroll("serve", "--port", "0", *words)
    assert ended.code == CANNOT_START
    assert told in ended.err


def test_a_label_that_is_none_is_told(preroll: Preroll):
    ended = preroll("worker", "--label", "north")
    assert ended.code == CANNOT_START
    assert "'north' is no label" in ended.err
    assert "site=north" in ended.err


def test_a_carrier_that_nobody_knows_is_told(preroll: Preroll):
    assert preroll("worker", "--carrier", "pigeon").code == USAGE


def test_what_the_command_line_says_gets_to_the_worker(preroll: Preroll, monkeypatch: pytest.MonkeyPatch):
    given: list[Settings] = []

    def work(settings: Settings) -> int:
        given.append(settings)
        return 0

    monkeypatch.setattr(bootstrap, "work", work)
    words = ["--name", "n", "--label", "site=north", "--label", "rack=1", "--drain", "7", "--carrier", "temporal"]
    assert preroll("worker", *words, "--temporal", "t:1").code == 0
    (told,) = given
    assert (told.worker, told.labels, told.drain) == ("n", ("site=north", "rack=1"), 7.0)
    assert (told.carrier, told.temporal) == (CarrierName.TEMPORAL, "t:1")


def test_how_a_worker_ends(preroll: Preroll, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "work", lambda _: 3)
    ended = preroll("worker")
    assert (ended.code, "3 runs were not over" in ended.err) == (LEFT, True)

    def lost(_: Settings) -> int:
        raise EngineLost

    monkeypatch.setattr(bootstrap, "work", lost)
    assert preroll("worker").code == UNEXPECTED


def test_labels_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREROLL_LABELS", "site=north, rack=1")
    assert Settings().labels == ("site=north", "rack=1")


def test_who_works_is_printed(preroll: Preroll, server: object):
    ended = preroll("workers")
    assert ended.code == 0
    assert ended.out == "no workers\n"
    assert preroll("workers", "--json").json == {"workers": [], "unreached": [], "paused": []}
