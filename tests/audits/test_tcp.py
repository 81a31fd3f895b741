# SPDX-License-Identifier: Apache-2.0
"""The TCP audit."""

from __future__ import annotations

import socket

from preroll.audits.tcp import tcp
from preroll.sdk import AuditState


async def test_who_listens_is_up_and_who_does_not_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        up = await tcp("127.0.0.1", port)
    assert up.state is AuditState.UP, up
    assert up.evidence["where"] == f"127.0.0.1:{port}"
    down = await tcp("127.0.0.1", port)
    assert down.state is AuditState.DOWN, down


async def test_a_name_that_does_not_exist_says_nothing_about_the_service() -> None:
    audit = await tcp("no-such-host.invalid", 80)
    assert audit.state is AuditState.UNKNOWN, audit
