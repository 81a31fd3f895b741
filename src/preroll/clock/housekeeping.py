# SPDX-License-Identifier: Apache-2.0
"""Housekeeping: now and then, and gently, what is past its retention is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from preroll.domain.errors import StoreUnavailable
from preroll.telemetry import logger

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Rounds:
    """When it looks; in seconds."""

    first: float = 60.0
    """After the start, which has more urgent things to do."""
    between: float = 3600.0
    breath: float = 0.2
    """Between two transactions, so that nobody notices."""


WATCH = Rounds(first=2.0, between=20.0)
"""For what follows a change of the settings soon, and costs little."""


async def keep_house(sweep: Callable[[], Awaitable[bool]], rounds: Rounds = Rounds()) -> None:
    """Sweep for ever; each sweep is one short transaction, and says whether another one is to follow.

    Args:
        sweep: ``app.housekeeping.sweep``.
        rounds: when.
    """
    pause = rounds.first
    while True:
        await asyncio.sleep(pause)
        pause = rounds.between
        try:
            if await sweep():
                pause = rounds.breath
        except StoreUnavailable as error:
            log.warning("a round of housekeeping could not be made; trying again", error=str(error))
        except Exception:
            log.exception("a round of housekeeping could not be made; trying again")
