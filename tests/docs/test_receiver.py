# SPDX-License-Identifier: Apache-2.0
"""The receiver of the how-to page, as a process of its own: takes what is signed, once, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from preroll.app.subscriptions import new_secret
from preroll.domain.outward import networks
from preroll.domain.subscription import Kind, Subscription
from preroll.outbox.address import Guard
from preroll.outbox.post import Poster
from preroll.outbox.writing import a_test
from preroll.ports.outbox import Outcome

EXAMPLE = Path(__file__).parents[2] / "examples/webhooks/receiver.py"
SECRET = new_secret()


@pytest.fixture
def said() -> Iterator[IO[str]]:
    """What the receiver prints."""
    command, environment = [sys.executable, str(EXAMPLE), "0"], os.environ | {"SIGNING_SECRET": SECRET}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running.stdout
        finally:
            running.kill()


async def test_it_takes_what_is_signed_once_and_nothing_else(said: IO[str]):
    port = said.readline().split()[-1]
    message = a_test(Subscription("NOC", Kind.WEBHOOK, "", id="s1"), "msg_1", 0)
    now = int(time.time())
    async with Poster(f"http://127.0.0.1:{port}/", Guard(networks(["127.0.0.1"]))) as poster:
        forged = await poster.post(message, new_secret(), now)
        assert (forged.status, "No matching signature" in forged.error) == (401, True)
        assert (await poster.post(message, SECRET, now - 3600)).status == 401
        for _ in range(2):
            assert await poster.post(message, SECRET, now) == Outcome(204)
        other = a_test(Subscription("NOC", Kind.WEBHOOK, "", id="s2"), "msg_2", 0)
        await poster.post(other, SECRET, now)
    assert [said.readline().split() for _ in range(2)] == [["subscription.test", "s1"], ["subscription.test", "s2"]]
