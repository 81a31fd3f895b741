# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: who is told of which changes, and what follows when they cannot be told.

A subscription is a place in the change log. What comes after it is sent in order, one message at a time; the place
moves on when a message was taken, or is given up. So nothing is queued twice, and nothing is lost.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from preroll.domain.changes import Change
from preroll.domain.errors import Mistake
from preroll.domain.outward import Network, admitted, literal
from preroll.domain.permission import Bounds
from preroll.domain.window import MINUTE, SECOND

HOUR = 60 * MINUTE
LONGEST_ADDRESS = 2000
SIGNING = "whsec_"
"""Begins every signing secret."""
REFERENCES = ("env:", "file:", "keyring:", "vault:")
"""Begin what is no secret, but names one."""
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", re.ASCII)
"""An address as HTML's e-mail field takes it: narrower than RFC 5322, and nothing in it can end a header's line."""


class Kind(StrEnum):
    """How somebody is told."""

    WEBHOOK = "webhook"
    """A signed message for each change, over HTTP."""
    MAIL = "mail"
    """A letter, with all that has happened since the last one."""
    TMF = "tmf"
    """An event of a TM Forum API, over HTTP."""


class Status(StrEnum):
    """How a subscription does."""

    ACTIVE = "active"
    PAUSED = "paused"
    """Nothing is sent until somebody resumes it; then all that has happened meanwhile is."""
    FAILING = "failing"
    """The last attempt failed; it is tried again."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes somebody is told of: those that pass every part; an empty part lets all pass."""

    platform: int | None = None
    kinds: frozenset[str] = frozenset()
    """Kinds of changes, such as ``booking.state``."""
    nouns: frozenset[str] = frozenset()
    """What they are about, such as ``booking``."""
    states: frozenset[str] = frozenset()
    """States that something has entered; changes that tell of no state do not pass."""
    events: frozenset[str] = frozenset()
    """Of a hub: the published names of those that it is told; empty: of all that these changes are."""

    def passes(self, change: Change) -> bool:
        """Is somebody told of this change?"""
        return (
            self.platform in (None, change.platform)
            and (not self.kinds or change.kind in self.kinds)
            and (not self.nouns or noun_of(change) in self.nouns)
            and (not self.states or state_after(change) in self.states)
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription has come, and how it does."""

    cursor: str = ""
    """Position of the last change that is dealt with; empty: the beginning of the change log."""
    attempts: int = 0
    """How often the message after it was sent in vain."""
    next_us: int = 0
    """Not before then is it sent again."""
    taken_us: int | None = None
    """When a message was last taken."""
    failed_us: int | None = None
    """When an attempt last failed."""
    error: str = ""
    """How it failed."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who is told of changes."""

    name: str
    kind: Kind
    to: str
    """Where it is sent: a URL, or mail addresses with commas."""
    filter: Filter = Filter()
    secret: str = ""
    """Signs webhooks: a secret, or a reference such as ``env:NAME``. Empty: they are not signed."""
    owner: str = ""
    """Id of the person who is told no more than that person may see; empty: made when nobody had to sign in."""
    bounds: Bounds = field(default_factory=Bounds)
    """Of the token by which it was made."""
    status: Status = Status.ACTIVE
    progress: Progress = Progress()
    id: str = ""
    key: int = 0
    revision: int = 1
    created_us: int = 0
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    id: str
    """Of the message."""
    position: str
    """Of the change that it told of."""
    kind: str
    subject: str
    body: str
    """As it was to be sent."""
    attempts: int
    error: str
    at_us: int = 0
    """When it was given up; set by the store."""


def noun_of(change: Change) -> str:
    """What a change is about: ``booking`` of ``booking.state``."""
    return change.kind.partition(".")[0]


def state_after(change: Change) -> str:
    """The state that a change tells of; empty: of none."""
    return change.after if change.kind.endswith((".state", ".created")) else ""


def message_id(subscription: str, change: Change) -> str:
    """The id under which a change is sent to a subscription, at every attempt; a signature wants it without dots."""
    return f"msg_{change.position.replace('.', '-')}_{subscription.replace('-', '')}"


class Fate(StrEnum):
    """What becomes of a message after a failed attempt."""

    AGAIN = "again"
    """It is sent once more, after a while."""
    DEAD = "dead"
    """It is given up and kept as a dead letter; the next one has its turn."""
    STOP = "stop"
    """The receiver wants no more of anything: the subscription is paused."""


PAUSES_US = (
    5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR
)  # fmt: skip
"""Between one attempt and the next; after the last of these a message is given up, 16 hours after the first."""

# fmt: off
ANSWERS: Mapping[int, tuple[int, Fate]] = {
    # status  attempts  and then
    400:     (3,        Fate.DEAD),  # the receiver cannot read this message: others wait behind it
    410:     (1,        Fate.STOP),  # gone, for good (Standard Webhooks, delivery)
    413:     (3,        Fate.DEAD),
    422:     (3,        Fate.DEAD),
}
# fmt: on
PATIENT = (len(PAUSES_US) + 1, Fate.DEAD)
"""For every other failure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failed attempt."""

    fate: Fate
    wait_us: int = 0
    """Until the next attempt, of this message or of the next one."""


def after_failure(attempts: int, status: int, asked_us: int = 0) -> Verdict:
    """What follows when a message was not taken.

    Args:
        attempts: how often it was sent by now, at least once.
        status: of the receiver's answer; 0: there was none.
        asked_us: how long the receiver asks to be left alone; granted up to the longest pause.
    """
    most, then = ANSWERS.get(status, PATIENT)
    if attempts >= most:
        return Verdict(then)
    pause = PAUSES_US[min(attempts, len(PAUSES_US)) - 1]
    return Verdict(Fate.AGAIN, max(pause, min(asked_us, PAUSES_US[-1])))


def is_secret(text: str) -> bool:
    """Is it a signing secret as Standard Webhooks has them: 24 to 64 bytes in base64, after ``whsec_``?"""
    try:
        return 24 <= len(b64decode(text.removeprefix(SIGNING), validate=True)) <= 64
    except ValueError:
        return False


def is_reference(secret: str) -> bool:
    """Does it name a secret that is kept elsewhere, as ``env:NAME`` does?"""
    return secret.startswith(REFERENCES)


def address_mistakes(kind: Kind, to: str, allowed: Iterable[Network] = ()) -> list[Mistake]:
    """What is wrong with the address of a subscription; where a name leads is judged when it is connected to.

    Args:
        allowed: networks that are not public, and may be reached all the same.
    """
    if kind is Kind.MAIL:
        wrong = [part for part in to.split(",") if len(part) > 254 or not MAILBOX.fullmatch(part.strip())]
        return [Mistake("to", f"is {part.strip()[:100]!r}", "mail addresses, with commas") for part in wrong]
    if why := _why_no_url(to):
        return [Mistake("to", why, "an address such as https://hooks.example.org/preroll")]
    address = literal(urlsplit(to).hostname or "")
    if address is None or admitted(address, allowed):
        return []
    expected = "an address of the internet, or of a network in the setting outbox_networks"
    return [Mistake("to", f"leads to {address}, which is not public", expected)]


def _why_no_url(to: str) -> str:
    if len(to) > LONGEST_ADDRESS or not to.isascii() or not to.isprintable() or " " in to:
        return f"is longer than {LONGEST_ADDRESS} characters, or has some that no address has"
    try:
        parts = urlsplit(to)
        _ = parts.port
    except ValueError as error:
        return f"is no address: {error}"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return f"is {to[:100]!r}"
    if parts.username is not None or parts.password is not None:
        return "has a name or a password in it, which logs would show"
    return "has a fragment, which is never sent" if parts.fragment else ""
