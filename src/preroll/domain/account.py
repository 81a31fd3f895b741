# SPDX-License-Identifier: Apache-2.0
"""Accounts: people, their sessions and their tokens; what a name and a password must be; when sign-ins are locked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.errors import Mistake
from preroll.domain.permission import Actor, Bounds, Rights, unknown_roles
from preroll.domain.window import DAY, MINUTE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", re.ASCII)
A_NAME = "1 to 100 letters, digits and . _ @ + -, beginning with a letter or a digit"
SCOPE = re.compile(r"[a-z0-9][a-z0-9.:-]{0,49}", re.ASCII)
A_SCOPE = "1 to 50 small letters, digits and . : -, such as sport or newsroom:late"
TAKEN = frozenset({"local", "engine"})
"""Names in the change log that are no person's."""
SHORTEST, LONGEST = 12, 1000
"""Characters of a password. Length is what counts (NIST SP 800-63B, 3.1.1.2); no rule asks for kinds of them."""
LONGEST_TOKEN = 366 * DAY


class SignIn(StrEnum):
    """Must people sign in?"""

    AUTO = "auto"
    """As soon as there is an account; until then only this machine is served, and may do everything."""
    NEEDED = "needed"
    """Always; the first start makes an admin."""
    OFF = "off"
    """Never: whoever reaches the server, on this machine alone, may do everything."""


@dataclass(frozen=True, slots=True)
class User:
    """A person, or a program that signs in as one."""

    name: str
    rights: Rights = field(default_factory=Rights)
    full_name: str = ""
    password: str = ""
    """As it is stored: a hash. Empty: no password signs this person in."""
    disabled: bool = False
    issuer: str = ""
    """Of the OpenID Connect provider that vouches for this person; its groups decide the rights."""
    subject: str = ""
    """The person's id there."""
    id: str = ""
    key: int = 0
    revision: int = 1
    created_us: int = 0
    changed_us: int = 0

    @property
    def actor(self) -> Actor:
        """Who asks when this person does."""
        return Actor(self.name, self.rights.roles, self.rights.on, self.rights.scopes, self.id)


@dataclass(frozen=True, slots=True)
class Token:
    """A key for programs: it does what its owner may do, within its bounds, until it ends."""

    name: str
    user: int
    """Key of its owner."""
    digest: str
    """SHA-256 of the token; the token itself is shown once and stored nowhere."""
    ends_us: int
    bounds: Bounds = field(default_factory=Bounds)
    id: str = ""
    key: int = 0
    created_us: int = 0
    used_us: int | None = None

    def actor(self, owner: User) -> Actor:
        """Who asks when this token does: narrowed to what its owner may do now."""
        rights = owner.rights.within(self.bounds)
        name = f"{owner.name}/{self.name}"
        return Actor(name, rights.roles, rights.on, rights.scopes, owner.id, self.bounds, self.ends_us)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has signed in with a browser."""

    user: int
    digest: str
    """SHA-256 of the id in the cookie."""
    began_us: int
    seen_us: int
    key: int = 0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session is over."""

    idle_us: int = 8 * 60 * MINUTE
    longest_us: int = 7 * DAY

    def over(self, session: Session, now: int) -> bool:
        """Has it been idle for too long, or is it too old?"""
        return now >= min(session.seen_us + self.idle_us, session.began_us + self.longest_us)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many sign-ins may fail within a time, and how long none is tried then."""

    failures: int
    within_us: int
    locked_us: int


# fmt: off
LIMITS: Mapping[str, Limit] = {
    # counted for                        failures  within        then locked for
    "an account from an address": Limit(5,        15 * MINUTE,  15 * MINUTE),
    "an address":                 Limit(20,       15 * MINUTE,  15 * MINUTE),
    "an account":                 Limit(100,      60 * MINUTE,  15 * MINUTE),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed sign-ins that are counted for one thing."""

    of: str
    about: str
    """What of LIMITS it is counted for."""
    count: int = 0
    since_us: int = 0
    locked_until_us: int = 0

    def left_us(self, now: int) -> int:
        """How long no sign-in is tried; 0: it may be."""
        return max(0, self.locked_until_us - now)

    def but_one(self) -> Failures:
        """Without the last one, which was none in the end."""
        count = self.count - 1 if self.count else LIMITS[self.about].failures - 1
        return Failures(self.of, self.about, max(0, count), self.since_us)

    def and_one(self, now: int) -> Failures:
        """With one more."""
        limit = LIMITS[self.about]
        fresh = now - self.since_us >= limit.within_us
        count, since = (1, now) if fresh else (self.count + 1, self.since_us)
        until = now + limit.locked_us if count >= limit.failures else 0
        return Failures(self.of, self.about, 0 if until else count, since, until)


def counted_for(name: str, address: str) -> Sequence[tuple[str, str]]:
    """(what of LIMITS, who) a sign-in is counted for, whether or not there is such an account."""
    account = name.casefold()[:100]
    return [
        ("an account from an address", f"{account} from {address}"), ("an address", address), ("an account", account),
    ]  # fmt: skip


def name_mistakes(name: str) -> list[Mistake]:
    """What is wrong with a name."""
    if not NAME.fullmatch(name):
        return [Mistake("name", f"is {name[:100]!r}", A_NAME)]
    return [Mistake("name", f"{name} is not a person's", "another one")] if name.casefold() in TAKEN else []


def password_mistakes(password: str, name: str) -> list[Mistake]:
    """What is wrong with a password; never the password."""
    if not SHORTEST <= len(password) <= LONGEST:
        return [Mistake("password", f"has {len(password)} characters", f"{SHORTEST} to {LONGEST}")]
    if name and name.casefold() in password.casefold() and len(password) < len(name) + SHORTEST:
        return [Mistake("password", "is little more than the name", "one that does not contain it")]
    if len(set(password)) < 4:
        return [Mistake("password", "repeats a few characters", "a less regular one")]
    return []


def role_mistakes(where: str, roles: Iterable[str]) -> list[Mistake]:
    """Those that are no roles."""
    return [Mistake(where, f"{role} is no role", "viewer, operator, provisioner, designer or admin")
            for role in unknown_roles(roles)]  # fmt: skip


def scope_mistakes(where: str, scopes: Iterable[str]) -> list[Mistake]:
    """Those that are no scopes."""
    return [Mistake(where, f"is {scope[:50]!r}", A_SCOPE) for scope in scopes if not SCOPE.fullmatch(scope)]
