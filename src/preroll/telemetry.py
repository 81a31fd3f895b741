# SPDX-License-Identifier: Apache-2.0
"""Logs and metrics of the process. What happened to a booking is in the change log, not here."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from preroll.domain.machine import Outcome

RUNS = Counter("preroll_runs", "Runs that have ended", ["event", "outcome"])
LATENESS = Histogram(
    "preroll_lateness_seconds",
    "From an event's due instant to the start of its run",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)
RUNNING = Gauge("preroll_running_scripts", "Scripts that run now")
CLAIM_FAILURES = Counter("preroll_claim_failures", "Claims that the store could not answer")
REMIND_SECONDS = 60.0
"""After so long an outage is told of again."""


@cache
def ended(event: str, outcome: Outcome) -> Counter:
    """The counter of runs that have ended so."""
    return RUNS.labels(event, outcome.value)


def logger(name: str) -> Any:
    """A structured logger: ``log.info("claimed", booking=..., event=...)``."""
    return structlog.stdlib.get_logger(name)


class Outage:
    """Tells of what does not work when it begins, once a minute while it lasts, and when it is over.

    Args:
        log: the logger.
        what: does not work.
        again: what to say when it does.
        now: seconds, counted by whatever clock.
    """

    def __init__(self, log: Any, what: str, again: str, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._what, self._again, self._now = log, what, again, now
        self.error = ""
        """What it says as long as it does not work."""
        self._since: float | None = None
        self._told = 0.0

    def lasts(self, error: Exception) -> None:
        """It does not work, and will be tried again."""
        now, self.error = self._now(), str(error)
        if self._since is None:
            self._since = now
        elif now - self._told < REMIND_SECONDS:
            return
        self._told = now
        self._log.warning(f"{self._what}; trying again", error=self.error, seconds=round(now - self._since))

    def is_over(self) -> None:
        """It works."""
        self.error = ""
        if self._since is not None:
            self._log.warning(self._again, seconds=round(self._now() - self._since))
            self._since = None


def configure(*, json: bool, level: str = "info") -> None:
    """Set up the process's log on stderr: one line an event, JSON or readable."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
