# SPDX-License-Identifier: Apache-2.0
"""The TCP audit."""

from __future__ import annotations

import socket

import pytest

from preroll.audits import Tcp
from preroll.domain.errors import Invalid
from preroll.sdk import AuditState


async def test_who_listens_is_up_and_who_does_not_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = await Tcp("127.0.0.1", port, patience=60).look()
    assert up.state is AuditState.UP, up
    assert up.evidence["where"] == f"127.0.0.1:{port}"
    down = await Tcp("127.0.0.1", port, patience=60).look()
    assert (down.state, down.message) == (AuditState.DOWN, "Connection refused")
    assert (down.what, down.expected) == (f"tcp 127.0.0.1:{port}", "a connection")


async def test_a_name_that_does_not_exist_says_nothing_about_the_service() -> None:
    audit = await Tcp("no-such-host.invalid", 80, patience=60).look()
    assert audit.state is AuditState.UNKNOWN, audit


def test_every_wrong_parameter_is_told() -> None:
    with pytest.raises(Invalid) as refused:
        Tcp("", 99999, patience=0)
    assert [m.where for m in refused.value.mistakes] == ["host", "port", "patience"]
    assert str(refused.value.mistakes[1]) == "port: is '99999' (expected `int` <= 65535)"
