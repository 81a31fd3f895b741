# SPDX-License-Identifier: Apache-2.0
"""Workers: the processes that claim what is due, and run it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from preroll.domain.reach import Labels


class Role(StrEnum):
    """What a worker is for."""

    HERE = "here"
    """Claims what is due and runs it itself."""
    SENDER = "sender"
    """Claims what is due and hands it to a carrier."""
    RUNNER = "runner"
    """Runs what a carrier brings."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process with a lease."""

    key: int
    name: str
    host: str
    pid: int
    version: str
    """Of the program."""
    lease_us: int
    """Until when its claims are its own."""
    alive: bool
    """Its lease is good now."""
    labels: Labels = frozenset()
    role: Role = Role.HERE
    running: int = 0
    """Runs that are its own; of one that is gone: those that wait to be taken over."""


@dataclass(frozen=True, slots=True)
class Unreached:
    """Resources that no live worker reaches."""

    labels: Labels
    resources: tuple[str, ...]
    """Names of the first few."""
    count: int


class Workers(Protocol):
    """The workers as a transaction sees them."""

    def known(self) -> list[Worker]:
        """Those that live, and those that are gone and whose runs nobody has taken over yet."""
        ...

    def reach(self) -> list[Labels]:
        """The labels of each live worker that runs scripts."""
        ...

    def gone(self, worker: int | None) -> bool:
        """Is a worker's lease over?"""
        ...

    def unreached(self) -> list[Unreached]:
        """Resources that no live worker reaches, by their labels."""
        ...
