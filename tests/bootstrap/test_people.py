# SPDX-License-Identifier: Apache-2.0
"""Nobody is let in from outside without an account; the first account is made, or said how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preroll import settings
from preroll.app import App, build
from preroll.bootstrap import people
from preroll.domain.errors import BadSettings
from preroll.domain.permission import LOCAL
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock
from tests.api.people import PASSWORD, passwords


@pytest.fixture
def app() -> Iterator[App]:
    store = open_inline_store(StandingClock())
    yield build(store, None, passwords())
    store.close()


def read(tmp_path: Path, **given: Any) -> settings.Settings:
    return settings.read(data=tmp_path, **given)


PUBLIC = ({"host": "0.0.0.0"}, {"host": "192.0.2.7"}, {"names": ("booking.example.org",)})


@pytest.mark.parametrize("given", PUBLIC)
async def test_a_public_server_without_accounts_does_not_start(app: App, tmp_path: Path, given: dict[str, Any]):
    with pytest.raises(BadSettings, match="nobody has an account") as refused:
        await people.admit(app, read(tmp_path, **given))
    assert "preroll user add NAME --admin" in refused.value.hint
    await app.users.make_admin(LOCAL, "root", PASSWORD)
    await people.admit(app, read(tmp_path, **given))


@pytest.mark.parametrize("given", PUBLIC)
async def test_a_public_server_is_never_without_sign_in(app: App, tmp_path: Path, given: dict[str, Any]):
    await app.users.make_admin(LOCAL, "root", PASSWORD)
    with pytest.raises(BadSettings, match="sign_in is off"):
        await people.admit(app, read(tmp_path, sign_in="off", **given))


async def test_on_this_machine_alone_nobody_has_to_sign_in(app: App, tmp_path: Path):
    for sign_in in ("auto", "off"):
        await people.admit(app, read(tmp_path, sign_in=sign_in))
    assert not await app.users.any()


async def test_a_first_password_is_printed_once(app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    await people.admit(app, read(tmp_path, sign_in="needed", host="0.0.0.0"))
    password = capsys.readouterr().out.split()[-1]
    assert (await app.sessions.sign_in("admin", password, "::1")).user.name == "admin"
    await people.admit(app, read(tmp_path, sign_in="needed", host="0.0.0.0"))
    assert capsys.readouterr().out == ""


async def test_a_given_first_password_is_not_printed(app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = read(tmp_path, sign_in="needed", admin_password=PASSWORD)
    assert PASSWORD not in f"{given} {given!r}"
    await people.admit(app, given)
    assert capsys.readouterr().out == ""
    assert (await app.sessions.sign_in("admin", PASSWORD, "::1")).user.name == "admin"
