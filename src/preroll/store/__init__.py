# SPDX-License-Identifier: Apache-2.0
"""The memory: bookings, timetable, journal and change log on SQLite or PostgreSQL, behind ``preroll.ports.store``.

How to open one (all three are called by ``bootstrap`` and by tests; nothing here makes a thread by itself)::

    open_store(url, *, clock, spawn, reach=nowhere, readers=2, writers=3, pin_clock=False, upgrade=True) -> SqlStore
        url        ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user@host/name``
        spawn      ``spawn(name, function)`` starts a thread that runs ``function()`` until the store is closed
        reach      called at the named points of claim, begin, end and settle
        pin_clock  PostgreSQL too takes its time from ``clock`` (tests); otherwise from ``clock_timestamp()``
        upgrade    an empty or older database is migrated first; False: on PostgreSQL it is refused
        Call ``store.close()`` at the end.

    open_inline_store(clock, path=None, *, reach=nowhere, random_bits=None) -> SqlStore
        SQLite in memory (or in a file) without threads: every call runs at once in the caller.

    lock_engine(path) -> EngineLock
        One engine per SQLite file: raises EngineRunning with host and pid. A context manager with ``release()``.

    migrate(url) -> None
        Brings an empty or older database to this program's schema.

    require_head(url) -> None
        Refuses a database with another schema, and changes nothing.

    greet(url) -> (version, who it is)
    survey(url) -> (workers, unreached) or None
    paused_platforms(url), readable_secrets(url) -> names
        Who works on a database, without changing it.
"""

from __future__ import annotations

from preroll.store.engine import Spawn
from preroll.store.opening import (
    greet,
    migrate,
    open_inline_store,
    open_store,
    paused_platforms,
    readable_secrets,
    require_head,
    survey,
)
from preroll.store.sqlite import EngineLock, lock_engine
from preroll.store.store import SqlStore

__all__ = ["EngineLock", "Spawn", "SqlStore", "greet", "lock_engine", "migrate", "open_inline_store", "open_store",
           "paused_platforms", "readable_secrets", "require_head", "survey"]  # fmt: skip
