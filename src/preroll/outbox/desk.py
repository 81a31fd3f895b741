# SPDX-License-Identifier: Apache-2.0
"""The desk: for each kind of subscription, how its messages are written and who carries them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from secrets import token_hex
from types import TracebackType
from typing import Protocol, Self

from preroll.app.deliveries import Due, Parcel
from preroll.domain.subscription import Kind, Subscription
from preroll.domain.window import MINUTE, SECOND
from preroll.outbox.address import Guard
from preroll.outbox.mail import Mailer, MailServer
from preroll.outbox.post import TIMEOUT_S, Poster
from preroll.outbox.writing import a_test, letters, webhooks
from preroll.ports.clock import Clock
from preroll.ports.outbox import Message, Outcome

Secret = Callable[[str], Awaitable[str]]
"""Follows a reference such as ``env:NAME``, and answers other secrets as they are; raises NoSecret."""
GATHER_US = MINUTE
"""So long a mailbox is left alone after a letter; what happens meanwhile is in the next one."""


class NoSecret(Exception):
    """A reference leads to no secret; the text says which, and why."""


class Courier(Protocol):
    """Carries messages to one subscriber."""

    async def post(self, message: Message, secret: str, at_s: int) -> Outcome:
        """Send it once."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind of subscription is told."""

    write: Callable[[Subscription, Due], Sequence[Parcel]]
    open: Callable[[Subscription], Courier]
    pause_us: int = 0
    """So long the receiver is left alone after each message."""


async def plain(secret: str) -> str:
    """Of a process that follows no references."""
    return secret


def ways(
    guard: Guard, mail: MailServer | None = None, secret: Secret = plain, timeout_s: float = TIMEOUT_S
) -> dict[Kind, Way]:
    """The ways there are: webhooks, and mail where there is a server for it."""
    found = {Kind.WEBHOOK: Way(webhooks, lambda subscription: Poster(subscription.to, guard, timeout_s))}
    if mail is not None:
        by = mail
        found[Kind.MAIL] = Way(letters, lambda subscription: Mailer(by, subscription.to, secret, timeout_s), GATHER_US)
    return found


class Desk:
    """Sends messages of every kind that it has a way for.

    Args:
        ways: how each kind is told.
        clock: for the time in signatures and letters.
        secret: follows references.
    """

    def __init__(self, ways: Mapping[Kind, Way], clock: Clock, secret: Secret = plain) -> None:
        self._ways, self._clock, self._secret = ways, clock, secret

    @property
    def kinds(self) -> Set[Kind]:
        """How it can send."""
        return self._ways.keys()

    def parcels(self, subscription: Subscription, due: Due) -> Sequence[Parcel]:
        """What is to be sent of what is due."""
        return self._ways[subscription.kind].write(subscription, due) if due.changes else ()

    def pause_us(self, kind: Kind) -> int:
        """So long a receiver is left alone after a message."""
        return self._ways[kind].pause_us

    def counter(self, subscription: Subscription) -> Counter:
        """Where messages to one subscriber are handed in."""
        return Counter(self._ways[subscription.kind].open(subscription), self._clock, self._secret)

    async def test(self, subscription: Subscription) -> Outcome:
        """Send something that tells of no change."""
        return await self.send(subscription, a_test(subscription, f"msg_test_{token_hex(8)}", self._clock.now_us()))

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        """Send a message once, beside what is delivered in order."""
        async with self.counter(subscription) as counter:
            return await counter.post(subscription, message)


class Counter:
    """Hands messages to one courier, and closes it at the end."""

    def __init__(self, courier: Courier, clock: Clock, secret: Secret) -> None:
        self._courier, self._clock, self._secret = courier, clock, secret

    async def post(self, subscription: Subscription, message: Message) -> Outcome:
        """Send it once; whatever goes wrong is in the outcome."""
        try:
            secret = await self._secret(subscription.secret)
            return await self._courier.post(message, secret, self._clock.now_us() // SECOND)
        except NoSecret as error:
            return Outcome(error=str(error))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._courier.close()
