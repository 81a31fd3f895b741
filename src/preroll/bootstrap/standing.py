# SPDX-License-Identifier: Apache-2.0
"""What every process of Preroll's stands on: store, engine, outbox and use cases. No door: a worker has none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from preroll.app import App, build
from preroll.audits import SHIPPED as CHECKS
from preroll.bootstrap.engine import Engine, Identity, spawn_thread
from preroll.bootstrap.neighbours import Neighbours
from preroll.bootstrap.people import with_people
from preroll.bootstrap.wall import WallClock
from preroll.clock.dispatcher import Pace
from preroll.domain.config import Platform
from preroll.domain.errors import BadSettings
from preroll.domain.permission import LOCAL
from preroll.drivers import SHIPPED
from preroll.gate.health import Health
from preroll.outbox.pace import never
from preroll.ports.scripts import BrokenScript, InstalledScript
from preroll.scripts.pool import PoolOptions
from preroll.settings import CarrierName, Settings, made
from preroll.store import SqlStore, lock_engine, open_store

if TYPE_CHECKING:
    from preroll.bootstrap.fleet import Fleet

ENDED = "its thread has ended"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a started process consists of."""

    store: SqlStore
    app: App
    """Its use cases."""
    engine: Engine | None
    """None: others run what is due."""
    neighbours: Neighbours | None = None
    """None: others send webhooks and mail."""

    @property
    def alive(self) -> bool:
        """Does its engine work, if it has one?"""
        return self.engine is None or self.engine.alive

    @property
    def left(self) -> int:
        """Runs that were not over when the engine stopped."""
        return 0 if self.engine is None else self.engine.left

    def health(self) -> Health:
        """Can it do its work?"""
        parts = {"store": "ok", "engine": "ok: in other processes"}
        if self.engine is not None:
            parts["engine"] = "ok" if self.engine.alive else ENDED
            parts["script hosts"] = "ok" if self.engine.pool.pids() else "none is running"
        if trouble := next((one.trouble for one in (self.engine, self.neighbours) if one and one.trouble), ""):
            parts["store"] = f"does not answer: {trouble}"
        if self.neighbours is not None:
            parts["outbox"] = "ok" if self.neighbours.alive else ENDED
        return Health(ready=all(state.startswith("ok") for state in parts.values()), parts=parts)

    def scripts(self) -> tuple[Sequence[InstalledScript], Sequence[BrokenScript]]:
        """What its script hosts found: what is installed, and what cannot be used."""
        return ((), ()) if self.engine is None else (self.engine.pool.installed(), self.engine.pool.broken())


@contextlib.contextmanager
def standing(settings: Settings, *, upgrade: bool = True) -> Iterator[Standing]:
    """Open the store, start the engine and the outbox, if they are to be; on the way out stop them all.

    Args:
        settings: of the process.
        upgrade: bring the database to this program's schema; False: refuse another one.

    Raises:
        EngineRunning: another engine works on the database file.
        BadSettings: the database, a folder or the hosts cannot be used.
    """
    if settings.embedded and not settings.engine:
        raise BadSettings(
            "without an engine nothing is run, and nobody else can work on an SQLite database",
            hint="leave the engine on, or move to PostgreSQL and start a preroll worker",
        )
    made(settings.data)
    made(settings.scripts_folder)
    with contextlib.ExitStack() as stack:
        if settings.embedded:
            stack.enter_context(lock_engine(settings.database_url))
        store = open_store(settings.database_url, clock=WallClock(), spawn=spawn_thread, upgrade=upgrade)
        stack.callback(store.close)
        engine = _engine(settings, store) if settings.engine else None
        if engine is not None:
            engine.start()
            stack.callback(engine.stop)
        neighbours = Neighbours(store, settings, never if engine is None else engine.hurries)
        if settings.outbox:
            neighbours.start()
            stack.callback(neighbours.stop)
        app = with_people(build(store, None) if engine is None else engine.app, store, settings)
        app = neighbours.use_cases(app)
        asyncio.run(_first_platform(app))
        yield Standing(store, app, engine, neighbours if settings.outbox else None)


def _engine(settings: Settings, store: SqlStore) -> Engine:
    options = PoolOptions(
        folder=str(settings.scripts_folder),
        drivers=SHIPPED,
        checks=CHECKS,
        secrets=str(settings.secrets_folder),
        hosts=settings.script_hosts,
    )
    who = Identity(settings.worker, only=settings.embedded, labels=frozenset(settings.labels))
    pace = Pace(lease_us=round(settings.lease * 1e6))
    return Engine(store, options, who, pace, settings.drain, _fleet(settings))


def _fleet(settings: Settings) -> Fleet | None:
    """Who carries runs; None: they run here."""
    if settings.carrier is CarrierName.HERE:
        return None
    if settings.embedded:
        raise BadSettings(
            "a carrier needs PostgreSQL: runners on other machines cannot reach an SQLite database",
            hint="set carrier to here, or move to PostgreSQL",
        )
    try:
        from preroll.bootstrap.fleet import Fleet
    except ImportError as error:
        raise BadSettings("Temporal needs its client", hint="pip install 'preroll[temporal]'") from error
    return Fleet(settings.temporal, settings.temporal_namespace, frozenset(settings.labels))


async def _first_platform(app: App) -> None:
    """A fresh database gets one platform, so that there is a place to book in."""
    if not await app.platforms.list(LOCAL):
        await app.platforms.put(LOCAL, Platform("default"))
