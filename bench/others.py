# SPDX-License-Identifier: Apache-2.0
"""The same burst on two engines from PyPI: APScheduler 3 and DBOS, as their documentation sets them up.

Both get SQLite files in WAL mode, which is faster than what they would choose. APScheduler keeps no journal: its job
writes and commits the begin and the end of each step itself.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime

from bench.bare import BEGIN_STEP, END_STEP, STEPS, Connection, connect, make

PENDING = 100


class _Done:
    """Counts ends; tells when the last came."""

    def __init__(self, count: int) -> None:
        self._left, self._lock, self._event = count, threading.Lock(), threading.Event()

    def one(self) -> None:
        """One more is over."""
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._event.set()

    def wait(self) -> None:
        """Until all are over.

        Raises:
            TimeoutError: ten minutes have passed.
        """
        if not self._event.wait(600):
            raise TimeoutError(f"{self._left} runs did not end")


_done = _Done(0)
_local = threading.local()


def _durable(sql: str, row: tuple[object, ...]) -> None:
    connection: Connection = _local.connection
    connection.begin()
    connection.many(sql, [row])
    connection.commit()


def job(url: str, key: int, steps: int) -> None:
    """What APScheduler runs."""
    if steps and not hasattr(_local, "connection"):
        _local.connection = connect(url)
    for name in STEPS[:steps]:
        _durable(BEGIN_STEP, (key, name, time.time_ns() // 1000))
        _durable(END_STEP, (time.time_ns() // 1000, key, name))
    _done.one()


def write_ahead(url: str) -> None:
    """Switch a SQLite file to WAL; nothing for other databases."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("pragma journal_mode = wal")
        connection.close()


def apscheduler(url: str, count: int, steps: int) -> float:
    """Jobs due at one instant in the SQLAlchemy job store, a pool of 100 threads; jobs a second."""
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    global _done
    _done = _Done(count)
    write_ahead(url)
    make(connect(url))
    logging.disable(logging.WARNING)
    scheduler = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=url.replace("postgresql://", "postgresql+psycopg://"))},
        executors={"default": ThreadPoolExecutor(PENDING)},
        job_defaults={"misfire_grace_time": None},
        timezone=UTC,
    )
    scheduler.start(paused=True)
    due = time.time()
    for key in range(count):
        scheduler.add_job("bench.others:job", "date", (url, key, steps), run_date=datetime.fromtimestamp(due, UTC))
    began = time.perf_counter()
    scheduler.resume()
    _done.wait()
    took = time.perf_counter() - began
    scheduler.shutdown()
    return count / took


def dbos(url: str, count: int, steps: int) -> float:
    """Workflows of so many steps, started at once, 100 at a time; workflows a second."""
    from dbos import DBOS, SetWorkflowID

    write_ahead(url)
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def step(name: str) -> str:
        return name

    @DBOS.workflow()
    def workflow() -> None:
        for name in STEPS[:steps]:
            step(name)

    DBOS.launch()
    numbers = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            with SetWorkflowID(f"bench-{number}"):
                workflow()

    threads = [threading.Thread(target=work) for _ in range(PENDING)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    DBOS.destroy()
    return count / took
