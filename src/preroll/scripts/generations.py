# SPDX-License-Identifier: Apache-2.0
"""What the hosts of one state of the folder have found in it, and how well hosts start."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from preroll.scripts import frames
from preroll.scripts.catalogue import Fingerprint, Listing
from preroll.scripts.host import describe_exit
from preroll.telemetry import logger

log = logger(__name__)

FROM_OUTSIDE = describe_exit(-signal.SIGKILL)
"""How a host ends that was killed by an operator or by the kernel; the engine's own kills say why."""
DOUBTS = 3
"""How many such kills it takes where one death of another kind is enough to blame somebody."""
_DEATHS = 2
"""Hosts that must die while they import a source before it is left out."""
_FAILURES = 3
"""Starts in a row that must fail before runs are not kept waiting any longer."""
_BACK_OFF = 5.0


@dataclass(slots=True)
class Generation:
    """The hosts of one state of the folder share what they find."""

    number: int
    print: Fingerprint
    listing: Listing | None = None
    """None until the first host is ready."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Script -> version."""
    broken: dict[str, str] = field(default_factory=dict)
    """Sources that are not imported any more, and why."""
    _deaths: dict[str, int] = field(default_factory=dict)

    def learn(self, ready: frames.Ready) -> None:
        """A host is ready."""
        listing = Listing(ready.installed, ready.broken)
        if self.listing != listing:
            for one in listing.broken:
                log.warning("scripts cannot be used", source=one.source, line=one.line, why=one.error)
        self.listing = listing
        self.versions = {script.name: script.version for script in ready.installed}

    def blame(self, source: str, how: str) -> None:
        """A host died while it imported this source; the next hosts leave it out when that happens again."""
        deaths = self._deaths[source] = self._deaths.get(source, 0) + 1
        if deaths >= (_DEATHS * DOUBTS if how == FROM_OUTSIDE else _DEATHS):
            self.broken[source] = f"a host died while importing it ({how})"


@dataclass(slots=True)
class Starts:
    """Do hosts start at all?"""

    failures: int = 0
    """In a row."""
    why: str = ""

    def failed(self, why: str) -> None:
        """One more did not."""
        self.failures, self.why = self.failures + 1, why

    def succeeded(self) -> None:
        """One did."""
        self.failures = 0

    @property
    def hopeless(self) -> bool:
        """So many failed that no run should wait for the next."""
        return self.failures >= (_FAILURES * DOUBTS if self.why == FROM_OUTSIDE else _FAILURES)

    @property
    def back_off(self) -> float:
        """Seconds to wait before the next try."""
        return min(_BACK_OFF, 0.1 * 2.0**self.failures)

    def __str__(self) -> str:
        return f"script hosts cannot be started: {self.why}"
