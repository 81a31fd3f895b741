# SPDX-License-Identifier: Apache-2.0
"""``preroll doctor``: is this machine fit to run Preroll with these settings?"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from preroll.cli.parser import Parser

if TYPE_CHECKING:
    from preroll.settings import Settings

OK, NOTE, WRONG = "ok", "note", "wrong"
A_YEAR_WITH_PREROLL = 2024
OLDEST_POSTGRESQL = 150_000
ROOM = 100_000_000
"""Bytes that a disk should have left: SQLite's log alone grows to some megabytes."""


class Check(NamedTuple):
    """What was looked at, how it stands, and what to do about it."""

    what: str
    state: str
    found: str
    hint: str = ""


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, doctor)
    parser.reads_settings("host", "port", "data", "database", "scripts")
    parser.prints_json()
    return parser


def doctor(config: Path | None, *, as_json: bool, **given: Any) -> None:
    """Check this machine and its settings; ends with 9 when something is wrong."""
    from preroll.cli import output
    from preroll.cli.exits import NOT_WELL, Failure
    from preroll.cli.local import settings_of

    with settings_of(config, **given) as settings:
        checks = list(examine(settings))
    if as_json:
        output.as_json([check._asdict() for check in checks])
    else:
        output.table(("", "what", "found", "what to do"), [(c.state, c.what, c.found, c.hint) for c in checks])
    if wrong := [c for c in checks if c.state == WRONG]:
        raise Failure(NOT_WELL, f"{len(wrong)} of {len(checks)} checks found something wrong")


def examine(settings: Settings) -> Iterator[Check]:
    """Every check, one after the other; none of them changes anything."""
    yield _python()
    yield _clock()
    yield _folder("data folder", settings.data)
    database = _database(settings)
    yield database
    if database.state == OK:
        yield from _workers(settings)
        yield from _paused(settings)
        yield from _secrets(settings)
    yield _scripts(settings)
    yield _port(settings)
    yield _ffmpeg()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", OK if sys.version_info >= (3, 11) else WRONG, version, "")


def _clock() -> Check:
    now = time.gmtime()
    resolution_us = time.get_clock_info("time").resolution * 1e6
    found = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', now)}, counts in steps of {resolution_us:.3g} us"
    if now.tm_year < A_YEAR_WITH_PREROLL:
        return Check("clock", WRONG, found, "set the clock, and keep it with NTP or PTP")
    synchronised = Path("/run/systemd/timesync/synchronized").exists() or Path("/run/chrony").exists()
    return Check("clock", OK, found, "" if synchronised else "keep it with NTP or PTP: bookings follow it")


def _folder(what: str, folder: Path) -> Check:
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Check(what, WRONG, f"{folder} cannot be written", "make it writable, or choose another with --data")
    free = shutil.disk_usage(nearest).free
    found = f"{folder}{'' if folder.exists() else ' (will be made)'}, {free / 1e6:,.0f} MB free"
    if free < ROOM:
        return Check(what, WRONG, found, "make room: on a full disk nothing is written, and nothing begins")
    return Check(what, OK, found)


def _database(settings: Settings) -> Check:
    url = settings.database_url
    return _sqlite(Path(url.removeprefix("sqlite:///"))) if url.startswith("sqlite:///") else _postgresql(url)


def _sqlite(file: Path) -> Check:
    from preroll.domain.errors import EngineRunning
    from preroll.store import lock_engine

    if not file.exists():
        folder = _folder("database", file.parent)
        return folder if folder.state == WRONG else Check("database", OK, f"SQLite, {file} (will be made)")
    try:
        with file.open("rb") as opened:
            head = opened.read(20)
    except OSError as error:
        return Check("database", WRONG, f"{file}: {error.strerror}", "make it readable, or name another: --database")
    if not head.startswith(b"SQLite format 3\0"):
        return Check("database", WRONG, f"{file} is no SQLite database", "name another: --database")
    found = f"SQLite, {file}, {file.stat().st_size / 1e6:.1f} MB{', WAL' if head[18:20] == bytes([2, 2]) else ''}"
    if not os.access(file, os.W_OK) or not os.access(file.parent, os.W_OK):
        return Check("database", WRONG, f"{found}, cannot be written", "make file and folder writable")
    try:
        lock_engine(f"sqlite:///{file}").release()
    except EngineRunning as error:
        return Check("database", OK, f"{found}; {error}")
    return Check("database", OK, found)


def _postgresql(url: str) -> Check:
    from preroll.domain.errors import BadSettings, StoreUnavailable
    from preroll.store import greet

    try:
        version, found = greet(url)
    except BadSettings as error:
        return Check("database", WRONG, str(error), error.hint)
    except StoreUnavailable as error:
        hint = "start it; its address: --database; its password: PGPASSWORD or a pgpass file"
        return Check("database", WRONG, str(error), hint)
    if version < OLDEST_POSTGRESQL:
        return Check("database", WRONG, found, "PostgreSQL 15 or later is needed")
    return Check("database", OK, found)


def _workers(settings: Settings) -> Iterator[Check]:
    """On PostgreSQL: does anybody run what is due, and can everything be reached?"""
    from preroll.domain.errors import BadSettings, StoreUnavailable

    if settings.embedded:
        return
    from preroll.domain.reach import written
    from preroll.store import require_head, survey

    try:
        found = survey(settings.database_url)
    except (BadSettings, StoreUnavailable) as error:
        yield Check("workers", WRONG, str(error), error.hint)
        return
    if found is None:
        try:
            require_head(settings.database_url)
        except (BadSettings, StoreUnavailable) as error:
            yield Check("workers", NOTE, str(error), error.hint)
        return
    alive = [worker for worker in found[0] if worker.alive]
    names = ", ".join(f"{worker.name} on {worker.host}" for worker in alive)
    yield Check(
        "workers", OK if alive else NOTE, names or "none lives", "" if alive else "start preroll worker or serve"
    )
    for beyond in found[1] if alive else ():
        some = f"{beyond.count} resources, such as {', '.join(beyond.resources)}"
        yield Check("reach", WRONG, f"no worker with {written(beyond.labels)}: {some}", "start one with --label")


def _paused(settings: Settings) -> Iterator[Check]:
    """Platforms on which nothing begins."""
    from preroll.domain.errors import BadSettings, StoreUnavailable
    from preroll.store import paused_platforms

    url = settings.database_url
    if settings.embedded and not Path(url.removeprefix("sqlite:///")).exists():
        return
    try:
        found = paused_platforms(url)
    except (BadSettings, StoreUnavailable):
        return
    for name in found:
        yield Check("platform", NOTE, f"{name} is paused: nothing begins on it", "preroll config set paused=false")


def _secrets(settings: Settings) -> Iterator[Check]:
    """Signing secrets of webhooks that whoever reads the database reads."""
    from preroll.domain.errors import BadSettings, StoreUnavailable
    from preroll.store import readable_secrets

    url = settings.database_url
    if settings.embedded and not Path(url.removeprefix("sqlite:///")).exists():
        return
    try:
        found = readable_secrets(url)
    except (BadSettings, StoreUnavailable):
        return
    if found:
        names = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        what = f"the database holds the signing secrets of {len(found)} webhooks readably: {names}"
        yield Check("secrets", NOTE, what, "guard it and its backups, or subscribe with a reference such as env:HOOK")


def _scripts(settings: Settings) -> Check:
    from preroll.cli.exits import Failure
    from preroll.cli.scripts import listing

    folder = settings.scripts_folder
    try:
        found = listing(str(folder))
    except Failure as failure:
        return Check("scripts", WRONG, failure.what, "preroll scripts check")
    what = f"{len(found.installed)} in {folder}{'' if folder.exists() else ' (will be made)'}"
    if found.broken:
        return Check("scripts", WRONG, f"{what}, {len(found.broken)} cannot be used", "preroll scripts check")
    return Check("scripts", OK, what)


def _port(settings: Settings) -> Check:
    import socket

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except OSError as error:
        hint = "if it is this server, all is well; otherwise choose another with PREROLL_PORT"
        return Check("port", NOTE, f"{settings.host}:{settings.port}: {error.strerror}", hint)
    return Check("port", OK, f"{settings.host}:{settings.port} is free")


def _ffmpeg() -> Check:
    from importlib.util import find_spec

    found = shutil.which("ffmpeg") or ("imageio-ffmpeg" if find_spec("imageio_ffmpeg") else "")
    if not found:
        return Check("ffmpeg", NOTE, "not installed; only the demo needs it", "pip install preroll[demo]")
    return Check("ffmpeg", OK, found)
