# SPDX-License-Identifier: Apache-2.0
"""An audit asks whether a service is really up, and keeps the evidence.

A check is one question with its parameters (``Ping("10.0.0.1", count=5)``); its ``look`` answers with an Audit. The
shipped ones are in ``preroll.audits``; any object with ``what`` and ``look`` is one. Checks read and measure: they
change nothing, so they may be made again at any time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from preroll.sdk.driver import Driver
from preroll.sdk.errors import ScriptError

EVERY = 0.25
"""Seconds between two looks of a window, at first; each pause is half as long again as the one before."""
_SLOWER, _SLOWEST = 1.5, 5.0


class AuditState(StrEnum):
    """What an audit found."""

    UP = "Up"
    DOWN = "Down"
    UNKNOWN = "Unknown"
    """The check itself could not be made; that says nothing about the service."""


class WhenDown(StrEnum):
    """What an audit that is not Up does to the step of a script that made it."""

    FAIL = "fail"
    """The step fails, and with it the run, unless the script catches AuditFailed."""
    REPORT = "report"
    """The step is done; the script looks at the audit and decides."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A verdict with its evidence, kept with the booking."""

    state: AuditState
    evidence: Mapping[str, object] = field(default_factory=dict)
    """What was measured; short JSON for programs."""
    message: str = ""
    """What is wrong, or why the check could not be made, in one line; may be empty when it is Up."""
    what: str = ""
    """What was looked at, such as ``tcp 10.0.0.1:80``."""
    expected: str = ""
    found: str = ""
    tries: int = 1
    """How often it was looked at."""

    def __str__(self) -> str:
        said = self.message or self.found
        return ": ".join(part for part in (self.what, self.state.value, said) if part)

    def document(self) -> dict[str, object]:
        """The same as JSON, as it stands in the journal."""
        return {
            "state": self.state.value, "what": self.what, "expected": self.expected, "found": self.found,
            "message": self.message, "evidence": dict(self.evidence), "tries": self.tries,
        }  # fmt: skip


class AuditFailed(ScriptError):
    """An audit is not Up."""

    def __init__(self, audit: Audit) -> None:
        super().__init__(str(audit))
        self.audit = audit


class Scene(Protocol):
    """The run in which a check is made: what it can ask for besides its parameters."""

    def nodes(self) -> tuple[str, ...]:
        """Labels of the booking's nodes that have a resource."""
        ...

    def applied(self, label: str) -> Mapping[str, object]:
        """The values last applied to a node's resource for this booking, by the driver's paths."""
        ...

    def driver(self, label: str) -> AbstractAsyncContextManager[Driver]:
        """A node's driver, open, for one user. Raises any DeviceError."""
        ...


class Check(Protocol):
    """One question about a service."""

    @property
    def what(self) -> str:
        """What is looked at, in a few words."""
        ...

    async def look(self, scene: Scene | None = None, /) -> Audit:
        """Look once. Never raises for what the service does; what hinders the check itself is Unknown.

        Args:
            scene: the run that asks; None outside of any.
        """
        ...


async def watch(
    check: Check,
    scene: Scene | None = None,
    *,
    within: float,
    now: Callable[[], float],
    pause: Callable[[float], Awaitable[object]],
) -> Audit:
    """Look until it is Up, for at most ``within`` seconds: a data plane follows its configuration with a delay.

    Args:
        within: seconds in which a further look may begin; 0 looks once.
        now: monotonic seconds.
        pause: waits so many seconds.

    Returns:
        Up as soon as it is up; otherwise the last audit, at the end of the window.
    """
    until, tries, wait = now() + within, 0, EVERY
    while True:
        audit = await check.look(scene)
        tries += 1
        left = until - now()
        if audit.state is AuditState.UP or left <= 0:
            return replace(audit, what=audit.what or check.what, tries=tries)
        await pause(min(wait, left))
        wait = min(wait * _SLOWER, _SLOWEST)
