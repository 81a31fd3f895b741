# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the outbox: send one message now, and say what came of it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol

from preroll.domain.subscription import Kind, Subscription


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent."""

    id: str
    """The same at every attempt: by it a receiver knows what it has already. Without a dot."""
    body: str
    """Of a webhook: JSON; what is signed is what is sent, byte by byte. Of a mail: its subject, an empty line, its
    text."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt."""

    status: int = 0
    """Of the answer; 0: there was none."""
    error: str = ""
    """What went wrong; empty: it was taken."""
    retry_after_s: float = 0.0
    """How long the receiver asks to be left alone."""

    @property
    def taken(self) -> bool:
        """Did the receiver take it?"""
        return not self.error


class Outbox(Protocol):
    """Sends at once, beside what is delivered in order."""

    @property
    def kinds(self) -> Set[Kind]:
        """How it can send."""
        ...

    async def test(self, subscription: Subscription) -> Outcome:
        """Send something that tells of no change."""
        ...

    async def send(self, subscription: Subscription, message: Message) -> Outcome:
        """Send a message once."""
        ...
