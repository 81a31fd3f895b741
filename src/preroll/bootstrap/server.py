# SPDX-License-Identifier: Apache-2.0
"""``preroll serve``: store, engine and REST API in one process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn
from prometheus_client import REGISTRY

from preroll import __version__
from preroll.api.application import create_app
from preroll.api.health import Health
from preroll.app import App
from preroll.audits import SHIPPED as CHECKS
from preroll.bootstrap.engine import Engine, Identity, spawn_thread
from preroll.clock.dispatcher import Pace
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.drivers import SHIPPED
from preroll.scripts.pool import PoolOptions
from preroll.settings import LogFormat, Settings
from preroll.store import SqlStore, lock_engine, open_store
from preroll.telemetry import configure, logger

log = logger(__name__)

GRACEFUL_SECONDS = 5
"""How long open requests may go on when the server stops."""


class WallClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds of UTC."""
        return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What a started process consists of."""

    store: SqlStore
    engine: Engine

    @property
    def app(self) -> App:
        """Its use cases."""
        return self.engine.app

    def health(self) -> Health:
        """Can it do its work?"""
        parts = {
            "engine": "ok" if self.engine.alive else "its thread has ended",
            "script hosts": "ok" if self.engine.pool.pids() else "none is running",
        }
        return Health(ready=all(state == "ok" for state in parts.values()), parts=parts)


@contextlib.contextmanager
def standing(settings: Settings) -> Iterator[Standing]:
    """Open the store and start the engine; on the way out stop both.

    Raises:
        EngineRunning: another engine works on the database file.
        BadSettings: the database, the scripts folder or the hosts cannot be used.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.scripts_folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        embedded = settings.database_url.startswith("sqlite:")
        if embedded:
            stack.enter_context(lock_engine(settings.database_url))
        store = open_store(settings.database_url, clock=WallClock(), spawn=spawn_thread)
        stack.callback(store.close)
        options = PoolOptions(
            folder=str(settings.scripts_folder),
            drivers=SHIPPED,
            checks=CHECKS,
            secrets=str(settings.secrets_folder),
            hosts=settings.script_hosts,
        )
        who = Identity(settings.worker, only=embedded)
        engine = Engine(store, options, who, Pace(lease_us=round(settings.lease * 1e6)))
        engine.start()
        stack.callback(engine.stop)
        asyncio.run(_first_platform(engine.app))
        yield Standing(store, engine)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; what runs then is given a moment, and resumed by the next start.

    Raises: as ``standing``.
    """
    configure(json=settings.log_format is LogFormat.JSON, level=settings.log_level)
    with standing(settings) as parts:
        server = uvicorn.Server(
            uvicorn.Config(
                app="",
                host=settings.host,
                port=settings.port,
                log_config=None,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
            )
        )
        server.config.app = create_app(
            parts.app,
            ready=parts.health,
            scripts=lambda: (parts.engine.pool.installed(), parts.engine.pool.broken()),
            stopping=lambda: server.should_exit,
            registry=REGISTRY,
            hosts=settings.own_names,
            body_limit=settings.body_limit,
            if_match_needed=settings.if_match_needed,
        )
        log.info("preroll serves", version=__version__, url=settings.url, scripts=str(settings.scripts_folder))
        server.run()
        log.info("preroll stops")


async def _first_platform(app: App) -> None:
    """A fresh database gets one platform, so that there is a place to book in."""
    if not await app.platforms.list(LOCAL):
        await app.platforms.put(LOCAL, Platform("default"))
