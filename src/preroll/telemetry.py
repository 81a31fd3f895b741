# SPDX-License-Identifier: Apache-2.0
"""Logs and metrics of the process. What happened to a booking is in the change log, not here."""

from __future__ import annotations

import logging
import sys
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


@cache
def ended(event: str, outcome: Outcome) -> Counter:
    """The counter of runs that have ended so."""
    return RUNS.labels(event, outcome.value)


def logger(name: str) -> Any:
    """A structured logger: ``log.info("claimed", booking=..., event=...)``."""
    return structlog.stdlib.get_logger(name)


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
    for noisy in ("uvicorn.access", "httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
