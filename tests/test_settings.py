# SPDX-License-Identifier: Apache-2.0
"""Settings of the process: where they come from, what wins, what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from preroll import settings
from preroll.domain.errors import BadSettings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)


def test_without_any_it_listens_to_this_machine_alone():
    read = settings.read(data="/srv/preroll")
    assert (read.host, read.port, read.url) == ("127.0.0.1", 8484, "http://127.0.0.1:8484")
    assert read.database_url == "sqlite:////srv/preroll/preroll.db"
    assert read.scripts_folder == Path("/srv/preroll/scripts")
    assert set(read.own_names or ()) == {"127.0.0.1", "localhost", "::1"}


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "preroll.toml"
    file.write_text('port = 1\nhost = "::1"\nscript_hosts = 3\nnames = ["a.example"]\n')
    monkeypatch.setenv("PREROLL_PORT", "2")
    monkeypatch.setenv("PREROLL_SCRIPT_HOSTS", "4")
    read = settings.read(file, port=5, data=None)
    assert (read.port, read.script_hosts, read.host, read.url) == (5, 4, "::1", "http://[::1]:5")
    assert "a.example" in (read.own_names or ())
    monkeypatch.setenv("PREROLL_NAMES", "b.example, c.example,")
    assert settings.read().names == ("b.example", "c.example")


def test_a_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.read(data="~/preroll").data == tmp_path / "preroll"


def test_a_server_on_every_address_answers_to_every_name_unless_it_is_told_its_own():
    assert settings.read(host="0.0.0.0").own_names is None
    assert "a.example" in (settings.read(host="0.0.0.0", names="a.example").own_names or ())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"port": 70_000}, "port (PREROLL_PORT)"),
        ({"script_hosts": 0}, "script_hosts (PREROLL_SCRIPT_HOSTS)"),
        ({"lease": "soon"}, "lease (PREROLL_LEASE)"),
        ({"log_format": "xml"}, "log_format (PREROLL_LOG_FORMAT)"),
        ({"colour": "red"}, "colour (PREROLL_COLOUR): is not a setting (known: data, database"),
        ({"database": "oracle://host/name"}, "oracle is not known"),
        ({"database": "preroll.db"}, "database"),
        ({"outbox_networks": "10.0.0.1/8"}, "outbox_networks (PREROLL_OUTBOX_NETWORKS)"),
        ({"mail_server": "mail.example.org"}, "is no mail server: expected smtp://"),
        ({"mail_server": "smtp://mail.example.org"}, "mail_from"),
        ({"mail_from": "nobody"}, "'nobody' is no mail address"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, object], told: str):
    with pytest.raises(BadSettings) as refused:
        settings.read(**given)
    assert told in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(("text", "told"), [("port = \n", "line 1"), ('port = 1\ncolour = "red"\n', "colour")])
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, told: str):
    file = tmp_path / "preroll.toml"
    file.write_text(text)
    with pytest.raises(BadSettings, match=told) as refused:
        settings.read(file)
    assert str(file) in str(refused.value)
    with pytest.raises(BadSettings, match="no settings file"):
        settings.read(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "hint"), [("PREROLL_PORTT", "did you mean PREROLL_PORT?"), ("PREROLL_Q", "known are")]
)
def test_a_variable_that_is_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    monkeypatch.setenv(name, "8485")
    with pytest.raises(BadSettings, match=f"{name} is not a setting") as refused:
        settings.read()
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize("name", ["PREROLL_CONFIG", "PREROLL_SERVER", "PREROLL_SECRET_LAB"])
def test_variables_for_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")
    settings.read()
