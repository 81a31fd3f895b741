# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a program and the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import httpx
import msgspec


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong in the input."""

    where: str
    detail: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}" + (f" (expected {self.expected})" if self.expected else "")


@dataclass(frozen=True, slots=True)
class Clash:
    """One resource that is not free."""

    resource: str
    rival: str
    rival_name: str
    start: datetime
    end: datetime | None
    limit: float
    asked: float
    left: float
    dimension: str = ""
    """Empty: how many at once; otherwise the capacity or the capability."""
    why: str = ""
    """Set when it is no matter of amounts."""
    opens: datetime | None = None
    """It is closed then, and opens again at this time."""
    nodes: tuple[str, ...] = ()
    """Labels of the nodes that ask for it, of a refused booking."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a conflict."""

    text: str
    node: str = ""
    resource: str = ""
    start: datetime | None = None
    rival: str = ""


@dataclass(frozen=True, slots=True)
class Losing:
    """What one booking would lose if the request were sent with ``force``."""

    booking: str
    name: str
    state: str
    resource: str
    dimension: str
    amount: float
    start: datetime
    end: datetime | None
    type: str
    what: str
    runs: bool
    reason: str
    """Such as ``CapacityDowngraded``."""
    becomes: str = ""
    """The state in which it would be then."""


@dataclass(frozen=True, slots=True)
class Told:
    """The members of a problem, as the server sent them (RFC 9457)."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    code: str = "http"
    hint: str = ""
    errors: list[FieldProblem] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    losing: list[Losing] = field(default_factory=list)
    possible: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    seen: int | None = None
    revision: int | None = None


class ClientError(Exception):
    """The call did not succeed."""


class Unreachable(ClientError):
    """The server does not answer. A command that was under way may have been carried out."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"no answer from {server}: {reason}")
        self.server, self.reason = server, reason


class Problem(ClientError):
    """The server refused. Every member of its problem is here; ``code`` is the stable word for programs."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.detail or told.title)
        self.told = told
        self.status, self.code, self.title, self.hint = told.status, told.code, told.title, told.hint
        self.detail, self.errors, self.clashes, self.ways = told.detail, told.errors, told.clashes, told.ways
        self.losing, self.possible, self.seen, self.revision = told.losing, told.possible, told.seen, told.revision
        self.roles = told.roles


def problem_in(response: httpx.Response) -> Problem:
    """The problem in a response; one that has none, from a proxy for example, is described by its status."""
    try:
        return Problem(msgspec.json.decode(response.content, type=Told))
    except msgspec.MsgspecError:
        title = response.reason_phrase or "refused"
        return Problem(Told(title=title, status=response.status_code, detail=f"{response.status_code} {title}"))


def foreign(response: httpx.Response, reason: str) -> Problem:
    """The problem of an answer that is none of this API: another server, or another version of it."""
    detail = f"{response.url} did not answer as this API does: {reason}"
    return Problem(Told("Not an answer of this API", response.status_code, detail, hint="is it the right address?"))
