# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: the calls, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType
from typing import Any
from urllib.parse import quote

from preroll.client.calls import API, Call


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes somebody is told of; empty parts let all pass."""

    platform: str
    kinds: list[str]
    nouns: list[str]
    states: list[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of what, and how that goes."""

    id: str
    name: str
    kind: str
    to: str
    wanted: Wanted
    owner: str
    signed: bool
    reference: str
    status: str
    attempts: int
    error: str
    revision: int
    created: datetime
    next: datetime | None = None
    taken: datetime | None = None
    failed: datetime | None = None
    secret: str = ""
    """Only of one that was just made, or given a new one."""


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Subscriptions."""

    items: list[Subscription]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt."""

    taken: bool
    status: int
    error: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that has not been taken yet."""

    message: str
    kind: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    message: str
    kind: str
    subject: str
    body: str
    attempts: int
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What a receiver has not taken."""

    waiting: list[Waiting]
    dead: list[DeadLetter]


def list_subscriptions(*, everybody: bool = False) -> Call[Subscriptions]:
    """One's own subscriptions, or everybody's."""
    return Call("GET", f"{API}/subscriptions", Subscriptions, (("everybody", "true"),) if everybody else ())


def create_subscription(
    name: str, kind: str, to: str, *, wanted: Mapping[str, Any] | None = None, secret: str = "", owner: str = ""
) -> Call[Subscription]:
    """Tell somebody from now on, by ``webhook`` or ``mail``; the answer is the only one with the secret.

    Args:
        wanted: see ``wanted``; None: everything that the owner may see.
        secret: of a webhook; empty: one is made.
        owner: empty: who asks.
    """
    body = {"name": name, "kind": kind, "to": to, "wanted": wanted or {}, "secret": secret or None}
    return Call("POST", f"{API}/subscriptions", Subscription, body={**body, "owner": owner or None})


def wanted(
    *, platform: str = "", kinds: Iterable[str] = (), nouns: Iterable[str] = (), states: Iterable[str] = ()
) -> dict[str, Any]:
    """Which changes somebody wants to be told of; an empty part lets all pass."""
    return {"platform": platform or None, "kinds": list(kinds), "nouns": list(nouns), "states": list(states)}


def get_subscription(ident: str) -> Call[Subscription]:
    """One subscription, and how it does."""
    return Call("GET", _one(ident), Subscription)


def change_subscription(ident: str, change: Mapping[str, Any], *, seen: int | None = None) -> Call[Subscription]:
    """Change ``name``, ``to``, ``wanted`` (as a whole) or ``paused``."""
    return Call("PATCH", _one(ident), Subscription, body=change, seen=seen)


def remove_subscription(ident: str) -> Call[None]:
    """Tell nothing more."""
    return Call("DELETE", _one(ident), NoneType)


def renew_secret(ident: str) -> Call[Subscription]:
    """Sign with another secret from now on; the answer is the only one with it."""
    return Call("POST", f"{_one(ident)}/secret", Subscription)


def test_subscription(ident: str) -> Call[Outcome]:
    """Send something now that tells of no change."""
    return Call("POST", f"{_one(ident)}/test", Outcome)


def deliveries(ident: str) -> Call[Deliveries]:
    """What the receiver has not taken: what comes next, and what was given up."""
    return Call("GET", f"{_one(ident)}/deliveries", Deliveries)


def redeliver(ident: str, message: str) -> Call[Outcome]:
    """Send a message that was given up once more, now."""
    return Call("POST", f"{_one(ident)}/deliveries/{quote(message, safe='')}/redeliver", Outcome)


def _one(ident: str) -> str:
    return f"{API}/subscriptions/{quote(ident, safe='')}"
