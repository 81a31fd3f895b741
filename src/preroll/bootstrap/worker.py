# SPDX-License-Identifier: Apache-2.0
"""``preroll worker``: an engine and nothing else, beside others on one PostgreSQL database."""

from __future__ import annotations

from preroll import __version__
from preroll.bootstrap.standing import standing
from preroll.bootstrap.told import Told
from preroll.domain.errors import BadSettings, EngineLost
from preroll.settings import LogFormat, Settings
from preroll.telemetry import configure, logger

log = logger(__name__)

WATCH_SECONDS = 1.0
"""How often a worker looks whether its engine still works."""


def work(settings: Settings) -> int:
    """Claim and run what is due until SIGINT or SIGTERM, then let what runs end within ``settings.drain``.

    Returns:
        How many runs were not over then: they are left to be resumed by another engine, at once.

    Raises:
        BadSettings: the database is a file of SQLite, or has another schema than this program; and as ``standing``.
        EngineLost: the engine ended by itself.
    """
    if settings.embedded:
        raise BadSettings(
            "preroll worker needs PostgreSQL: one engine has an SQLite database to itself, and preroll serve has one",
            hint="on one machine preroll serve is enough; for several move to PostgreSQL: preroll worker --database "
            "postgresql://USER@HOST/NAME",
        )
    configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
    told = Told()
    with standing(settings.model_copy(update={"engine": True}), upgrade=False) as parts:
        log.info("preroll works", version=__version__, worker=settings.worker, labels=list(settings.labels))
        while not told.wait(WATCH_SECONDS):
            if not parts.alive:
                raise EngineLost
        log.info("preroll stops")
    return parts.left
