# SPDX-License-Identifier: Apache-2.0
"""``preroll worker``: an engine beside others, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from preroll.cli.exits import LEFT, Failure
from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, worker)
    parser.reads_settings("data", "database", "scripts", "worker", "labels", "drain", "carrier", "temporal")
    return parser


def worker(config: Path | None, **given: Any) -> None:
    """Run what is due, beside other engines on one PostgreSQL database. On SIGTERM it claims nothing more, gives what
    runs its time, and leaves the rest to the others: then it ends with 10 instead of 0."""
    from preroll import bootstrap
    from preroll.cli.local import settings_of

    with settings_of(config, **given) as settings:
        left = bootstrap.work(settings)
    if left:
        raise Failure(LEFT, f"{left} runs were not over", "another engine resumes them")
