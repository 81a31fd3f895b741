# SPDX-License-Identifier: Apache-2.0
"""The demo's server lets nobody in without the password that it made, and nobody but this machine at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from preroll import settings
from preroll.demo.server import Server
from preroll.domain.account import SignIn


def test_it_asks_for_a_password_of_its_own_whatever_the_users_server_does(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PREROLL_SIGN_IN", "off")
    monkeypatch.setenv("PREROLL_HOST", "0.0.0.0")
    one, other = (Server(tmp_path, tmp_path) for _ in range(2))
    for name, value in one._environment().items():
        if name.startswith("PREROLL_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("PREROLL_HOST")
    assert "PREROLL_HOST" not in one._environment()
    found = settings.read()
    assert (found.sign_in, found.is_public) == (SignIn.NEEDED, False)
    assert found.admin_password.get_secret_value() == one.password
    assert len(one.password) >= 24
    assert one.password != other.password


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7"])
def test_an_address_that_others_reach_is_public(address: str):
    assert settings.read(host=address).is_public
