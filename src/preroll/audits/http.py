# SPDX-License-Identifier: Apache-2.0
"""Does it answer over HTTP, and does it say what it should?"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import httpx
import msgspec

from preroll.audits.parameters import Parameters, Seconds, Text
from preroll.audits.tcp import OURS
from preroll.domain.errors import Mistake
from preroll.sdk import Audit, AuditState, Scene

MOST = 1_000_000
"""Bytes of a body that are looked at."""
_SHOWN = 200
_MISSING = object()
Status = Annotated[int, msgspec.Meta(ge=100, le=599)]


@dataclass(frozen=True)
class Http(Parameters):
    """Asks once and compares. Redirects are not followed: where it should lead is for ``status`` to say.

    Up when status, ``contains`` and every value of ``json`` are as expected; Down when there is no answer in
    ``patience`` seconds or another one; Unknown when the name cannot be resolved, or this machine cannot ask.
    """

    kind: ClassVar = "http"
    url: Annotated[str, msgspec.Meta(max_length=2000)]
    status: Status = 200
    contains: Text = ""
    """Text of the body."""
    json: Mapping[str, object] = field(default_factory=dict)
    """Path -> value in a JSON body: ``{"active.rate": 5, "ports.0.up": true}``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    patience: Seconds = 5.0

    def contradictions(self) -> list[Mistake]:
        """The address is one of HTTP, and what has no body is not asked for one."""
        found = []
        try:
            fits = httpx.URL(self.url).scheme in ("http", "https") and bool(httpx.URL(self.url).host)
        except httpx.InvalidURL:
            fits = False
        if not fits:
            found.append(Mistake("url", f"is {self.url[:80]!r}", "an http or https address"))
        if self.method == "HEAD" and (self.contains or self.json):
            found.append(Mistake("method", "is HEAD, which brings no body", "GET for contains and json"))
        return found

    @property
    def what(self) -> str:
        return f"{self.method} {self._shown}"

    @property
    def _shown(self) -> str:
        """The address without a password in it."""
        return str(httpx.URL(self.url).copy_with(userinfo=None))

    @property
    def expected(self) -> str:
        """In words."""
        words = [f"status {self.status}"]
        words += [f"{self.contains!r} in the body"] if self.contains else []
        words += [f"{path} = {shown(value)}" for path, value in self.json.items()]
        return ", ".join(words)

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Ask once."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.patience):
                status, body = await self._ask()
        except (httpx.TimeoutException, TimeoutError):
            return self._audit(AuditState.DOWN, f"no answer in {self.patience:g} s")
        except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
            state, why = _blame(error)
            return self._audit(state, why)
        evidence: dict[str, object] = {
            "status": status, "seconds": round(time.monotonic() - began, 4), "bytes": len(body),
        }  # fmt: skip
        wrong = self._mismatches(status, body, evidence)
        found = f"status {status} in {evidence['seconds']} s"
        state = AuditState.DOWN if wrong else AuditState.UP
        return self._audit(state, "; ".join(wrong) or found, evidence)

    async def _ask(self) -> tuple[int, bytes]:
        secure = httpx.URL(self.url).scheme == "https"
        trusted = ssl.create_default_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with (
            httpx.AsyncClient(timeout=self.patience, trust_env=False, verify=trusted) as client,
            client.stream(self.method, self.url, headers=dict(self.headers)) as answer,
        ):
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) >= MOST:
                    break
            return answer.status_code, body[:MOST]

    def _mismatches(self, status: int, body: bytes, evidence: dict[str, object]) -> list[str]:
        wrong = [] if status == self.status else [f"status: expected {self.status}, found {status}"]
        text = body.decode("utf-8", "replace")
        if self.contains and self.contains not in text:
            wrong.append(f"body: expected {self.contains!r} in it, found {text[:_SHOWN]!r}")
        if not self.json:
            return wrong
        try:
            document = json.loads(body)
        except ValueError:
            return [*wrong, f"body: expected JSON, found {text[:_SHOWN]!r}"]
        read = {path: at(document, path) for path in self.json}
        evidence["json"] = {path: value for path, value in read.items() if value is not _MISSING}
        return wrong + [
            f"{path}: expected {shown(value)}, found {shown(read[path])}"
            for path, value in self.json.items()
            if read[path] != value or isinstance(read[path], bool) is not isinstance(value, bool)
        ]

    def _audit(self, state: AuditState, found: str, evidence: Mapping[str, object] | None = None) -> Audit:
        message = "" if state is AuditState.UP else found
        return Audit(state, {"url": self._shown, **(evidence or {})}, message, self.what, self.expected, found)


def at(document: object, path: str) -> object:
    """The value at a dotted path; numbers count in lists."""
    value = document
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def shown(value: object) -> str:
    """A value of a document in a message."""
    return "nothing" if value is _MISSING else json.dumps(value)[:_SHOWN]


def _blame(error: BaseException) -> tuple[AuditState, str]:
    """Is it the service, or is it us?"""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return AuditState.UNKNOWN, f"the name cannot be resolved: {cause.strerror}"
        if isinstance(cause, OSError) and cause.errno in OURS:
            return AuditState.UNKNOWN, cause.strerror or str(cause)
        cause = cause.__cause__ or cause.__context__
    return AuditState.DOWN, str(error) or type(error).__name__
