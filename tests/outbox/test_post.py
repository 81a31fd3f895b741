# SPDX-License-Identifier: Apache-2.0
"""Webhooks over a real connection: what arrives is what was signed, and every failure says what it was."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from preroll.app.subscriptions import new_secret
from preroll.domain.outward import networks
from preroll.domain.subscription import is_secret
from preroll.outbox.address import Guard
from preroll.outbox.post import Poster, signed
from preroll.ports.outbox import Message, Outcome
from tests.outbox.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HERE = Guard(networks(["127.0.0.1"]))
MESSAGE = Message("msg_1", '{"type": "booking.state", "data": {"state": "Confirmé"}}')


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def test_the_signature_is_that_of_the_reference_libraries():
    """The vector that the libraries of Standard Webhooks test themselves with."""
    message = Message("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}')
    assert signed(message, SECRET, 1614265330) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_secrets_are_long_and_never_the_same():
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(is_secret(secret) for secret in made)
    assert [s for s in (SECRET, "whsec_c2hvcnQ=", "whsec_no base64 at all", "") if is_secret(s)] == [SECRET]


async def test_what_arrives_can_be_checked_and_nothing_else_passes(receiver: Receiver):
    async with Poster(receiver.url, HERE, 60.0) as poster:
        assert await poster.post(MESSAGE, SECRET, int(time.time())) == Outcome(204)
        assert (await poster.post(MESSAGE, "", 0)).taken
    (headers, body), (bare, _) = receiver.got
    assert Webhook(SECRET).verify(body, headers)["data"] == {"state": "Confirmé"}
    assert headers["content-type"] == "application/json"
    for forged in (body.replace(b"state", b"stats"), body + b" "):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(forged, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    assert "webhook-signature" not in bare


async def test_one_connection_serves_one_message_after_the_other(receiver: Receiver):
    async with Poster(receiver.url, HERE, 60.0) as poster:
        for _ in range(3):
            assert (await poster.post(MESSAGE, SECRET, 1)).taken
    assert len(receiver.ports) == 1


async def test_a_failure_says_what_it_was(receiver: Receiver):
    receiver.status, receiver.text, receiver.headers = 503, "busy\n" + "x" * 1000, {"Retry-After": "30"}
    async with Poster(receiver.url, HERE, 60.0) as poster:
        outcome = await poster.post(MESSAGE, SECRET, 1)
    assert (outcome.status, outcome.taken, outcome.retry_after_s) == (503, False, 30.0)
    assert outcome.error.startswith("the receiver answered 503: busy xxx")
    assert len(outcome.error) < 250


async def test_a_redirect_is_not_followed(receiver: Receiver):
    receiver.status, receiver.headers = 307, {"Location": "http://169.254.169.254/latest/meta-data/"}
    async with Poster(receiver.url, HERE, 60.0) as poster:
        outcome = await poster.post(MESSAGE, SECRET, 1)
    assert (outcome.status, outcome.error.partition(":")[0], len(receiver.got)) == (307, "the receiver answered 307", 1)


async def test_a_receiver_that_says_nothing_is_left(receiver: Receiver):
    receiver.hangs = True
    async with Poster(receiver.url, HERE, timeout_s=0.2) as poster:
        outcome = await poster.post(MESSAGE, SECRET, 1)
    assert outcome == Outcome(error="the receiver did not answer within 0.2 s")


async def test_nobody_is_there(receiver: Receiver):
    async with Poster("http://127.0.0.1:1/", HERE, 60.0) as poster:
        assert (await poster.post(MESSAGE, SECRET, 1)).error.startswith("ClientConnectorError")


async def test_this_machine_is_not_reached_unless_it_is_allowed(receiver: Receiver):
    async with Poster(receiver.url, Guard()) as poster:
        outcome = await poster.post(MESSAGE, SECRET, 1)
    assert outcome.status == 0
    assert "127.0.0.1, which is not public" in outcome.error
    assert receiver.got == []
