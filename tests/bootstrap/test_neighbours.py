# SPDX-License-Identifier: Apache-2.0
"""What a server sends is what its settings let it send; secrets are followed where they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preroll import settings
from preroll.app.subscriptions import new_secret
from preroll.bootstrap.neighbours import desk
from preroll.domain.subscription import Kind, Subscription
from tests.outbox.receiver import receiving


def read(tmp_path: Path, **given: Any) -> settings.Settings:
    return settings.read(data=tmp_path, **given)


def test_mail_is_sent_where_there_is_a_server_for_it(tmp_path: Path):
    mail = {"mail_server": "smtp://localhost:25", "mail_from": "preroll@example.org"}
    assert Kind.MAIL not in desk(read(tmp_path)).kinds
    assert Kind.MAIL in desk(read(tmp_path, **mail)).kinds
    assert Kind.WEBHOOK in desk(read(tmp_path)).kinds


async def test_a_secret_is_followed_and_this_machine_is_reached_only_if_it_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PREROLL_SECRET_HOOK", new_secret())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "weak").write_text("hunter2\n")
    allowed = desk(read(tmp_path, outbox_networks="127.0.0.1"))
    async with receiving() as receiver:
        hook = Subscription("NOC", Kind.WEBHOOK, receiver.url, secret="env:HOOK")
        assert (await allowed.test(hook)).taken
        assert "not public" in (await desk(read(tmp_path)).test(hook)).error
        nowhere = Subscription("NOC", Kind.WEBHOOK, receiver.url, secret="env:NONE")
        assert (await allowed.test(nowhere)).error.startswith("env:NONE needs PREROLL_SECRET_NONE")
        weak = Subscription("NOC", Kind.WEBHOOK, receiver.url, secret="file:weak")
        assert "signing secret" in (await allowed.test(weak)).error
    assert len(receiver.got) == 1
    assert "webhook-signature" in receiver.got[0][0]
