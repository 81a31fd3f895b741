# SPDX-License-Identifier: Apache-2.0
"""What keeps the secrets of a run inside its host: devices get them, nothing that leaves the host shows them.

A value of a secret parameter is a reference. It is followed here, goes to the driver as the text that it names, and is
a ``Secret`` for everybody else. Whatever is told to the engine is covered on its way, also what an author wrote by
mistake.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

from preroll.ports.rows import Severity, StepState, Verdict
from preroll.ports.scripts import Equipment
from preroll.scripts.attended import not_the_script
from preroll.scripts.sessions import Sessions
from preroll.scripts.steps import Book, Diff, digest_of, is_digest
from preroll.sdk import Applied, Change, Driver, Mismatch, Plan, Secret, Tolerance

T = TypeVar("T")

COVER = "<secret>"
SHORTEST = 4
"""Characters. A shorter secret is covered only where it stands alone: within texts it would be everywhere."""


class Veil:
    """The secrets that a run has seen."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def secret(self, text: str) -> Secret:
        """From now on the text is covered, also as it stands in JSON, in an address, or in base 64."""
        encoded = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        forms = (text, json.dumps(text)[1:-1], repr(text)[1:-1], quote(text, safe="", errors="replace"), encoded)
        self._texts |= dict.fromkeys(filter(None, forms))
        return Secret(text)

    def hidden(self, value: object) -> object:
        """A value that is one of them as the Secret that it is."""
        known = isinstance(value, str) and len(value) >= SHORTEST and value in self._texts
        return Secret(str(value)) if known else value

    def covered(self, value: T) -> T:
        """The value with each secret in it covered."""
        return cast("T", self._covered(value)) if self._texts else value

    def _covered(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case Secret():
                return digest_of(value)
            case Mapping():
                return {self._covered(name): self._covered(one) for name, one in value.items()}
            case list():
                return [self._covered(one) for one in value]
            case tuple():
                return tuple(self._covered(one) for one in value)
        return value

    def _text(self, text: str) -> str:
        if text in self._texts:
            return COVER
        for secret in sorted(self._texts, key=len, reverse=True):
            if len(secret) >= SHORTEST:
                text = text.replace(secret, COVER)
        return text


class CoveredBook:
    """A run's line to the engine, on which no secret is told."""

    def __init__(self, book: Book, veil: Veil) -> None:
        self._book, self._veil = book, veil

    async def begin(self, name: str, resource: str, attempt: int) -> Verdict | None:
        """The book's."""
        return await self._book.begin(name, resource, attempt)

    async def end(self, name: str, state: StepState, result: object, diff: Diff, error: str) -> Verdict | None:
        """The book's, covered."""
        cover = self._veil.covered
        return await self._book.end(name, state, cover(result), cover(diff), cover(error))

    def log(self, severity: Severity, text: str, data: Mapping[str, object]) -> None:
        """The book's, covered."""
        self._book.log(severity, self._veil.covered(text), self._veil.covered(data))


class Devices:
    """The devices of one run."""

    def __init__(self, sessions: Sessions, veil: Veil) -> None:
        self._sessions, self._veil = sessions, veil

    async def resolved(self, equipment: Equipment, values: Mapping[str, object]) -> dict[str, object]:
        """Values by parameter name, with each reference of a secret parameter followed.

        Raises:
            InvalidValue: one is no reference, or names nothing.
            Unreachable: where it leads to does not answer now.
        """
        found = await self._sessions.secrets.follow(equipment.name, equipment.secrets, values)
        return {name: self._veil.secret(v.reveal()) if isinstance(v, Secret) else v for name, v in found.items()}

    @contextlib.asynccontextmanager
    async def use(self, equipment: Equipment) -> AsyncIterator[Driver]:
        """The resource's driver, open, for one user of its device; see ``Sessions.use``. Its address is covered too."""
        with not_the_script():
            async with self._sessions.use(equipment, lambda secret: self._veil.secret(secret.reveal())) as driver:
                paths = frozenset(equipment.paths.get(name, name) for name in equipment.secrets)
                yield VeiledDriver(driver, paths, self._veil) if paths else driver


class VeiledDriver:
    """A driver that gets secrets as texts and gives them back as Secrets."""

    def __init__(self, driver: Driver, paths: frozenset[str], veil: Veil) -> None:
        self._driver, self._paths, self._veil = driver, paths, veil
        self.caps = driver.caps

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The driver's."""
        found = await self._driver.read(paths)
        return {path: self._in(path, value) for path, value in found.items()}

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """The driver's."""
        return self._plan_in(await self._driver.plan({path: _out(value) for path, value in desired.items()}))

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """The driver's."""
        applied = await self._driver.apply(_plan_out(plan), revert_in=revert_in, at=at, key=key)
        return replace(applied, plan=self._plan_in(applied.plan), undo=self._changes_in(applied.undo))

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The driver's; a value of which only the digest is known is compared by digest."""
        known = {path: _out(value) for path, value in desired.items() if not is_digest(value)}
        digests = {path: value for path, value in desired.items() if is_digest(value)}
        found = await self._driver.verify(known, tolerance=tolerance) if known or not digests else []
        differing = [replace(m, expected=self._in(m.path, m.expected), found=self._in(m.path, m.found)) for m in found]
        actual = await self.read(list(digests)) if digests else {}
        return differing + [
            Mismatch(path, digest, actual.get(path))
            for path, digest in digests.items()
            if not isinstance(secret := actual.get(path), Secret) or digest_of(secret) != digest
        ]

    async def confirm(self, applied: Applied) -> None:
        """The driver's."""
        await self._driver.confirm(_applied_out(applied))

    async def rollback(self, applied: Applied) -> None:
        """The driver's."""
        await self._driver.rollback(_applied_out(applied))

    async def alive(self) -> bool:
        """The driver's."""
        return await self._driver.alive()

    async def open(self) -> None:
        """The driver's."""
        await self._driver.open()

    async def close(self) -> None:
        """The driver's."""
        await self._driver.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _in(self, path: str, value: object) -> object:
        if path in self._paths and value is not None and not isinstance(value, Secret):
            return self._veil.secret(str(value))
        return self._veil.hidden(value)

    def _changes_in(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        return tuple(Change(c.path, self._in(c.path, c.old), self._in(c.path, c.new)) for c in changes)

    def _plan_in(self, plan: Plan) -> Plan:
        changes, undo = self._changes_in(plan.changes), self._changes_in(plan.undo)
        return replace(plan, changes=changes, undo=undo, native_diff=self._veil.covered(plan.native_diff))


def _out(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _changes_out(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(Change(c.path, _out(c.old), _out(c.new)) for c in changes)


def _plan_out(plan: Plan) -> Plan:
    return replace(plan, changes=_changes_out(plan.changes), undo=_changes_out(plan.undo))


def _applied_out(applied: Applied) -> Applied:
    return replace(applied, plan=_plan_out(applied.plan), undo=_changes_out(applied.undo))
