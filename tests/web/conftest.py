# SPDX-License-Identifier: Apache-2.0
"""The pages without a browser, and in one: a server of its own a module, and a page that fails on whatever goes wrong.

A module with browser tests has no asynchronous ones: the browser's driver runs a loop of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Response, Route, expect, sync_playwright
from prometheus_client import CollectorRegistry

from preroll.app import App, build
from preroll.app.users import NamedRights, NewUser
from preroll.bootstrap.engine import spawn_thread
from preroll.bootstrap.people import with_people
from preroll.bootstrap.server import doors, listener
from preroll.bootstrap.standing import Standing, standing
from preroll.bootstrap.wall import WallClock
from preroll.domain.account import SignIn
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.gate.guard import Guard
from preroll.settings import Settings, read
from preroll.store import SqlStore, open_inline_store, open_store
from preroll.web import create_pages
from preroll.web.shelf import Shelf
from tests.api.conftest import StandingClock
from tests.api.people import PASSWORD, passwords

PATIENCE_MS = 60_000
"""Milliseconds for whatever happens on a page: it happens, however slow the machine is."""
expect.set_options(timeout=PATIENCE_MS)
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


# ---------------------------------------------------------------------- without a browser


@pytest.fixture
def store() -> Iterator[SqlStore]:
    opened = open_inline_store(StandingClock())
    yield opened
    opened.close()


@pytest.fixture
async def app(store: SqlStore) -> App:
    app = build(store, None, passwords())
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))
    return app


@pytest.fixture
def shelf() -> Shelf:
    """What many ask for is kept on it, in a time that stands."""
    return Shelf(ticks=lambda: 0.0)


@pytest.fixture
async def pages(app: App, shelf: Shelf) -> AsyncIterator[httpx.AsyncClient]:
    """The pages of a server on which nobody has an account."""
    transport = httpx.ASGITransport(
        create_pages(app, guard=Guard(app, fresh_s=0.0), shelf=shelf), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def signed_in(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """The pages, for an admin who is called anna and has signed in."""
    await app.users.create(LOCAL, NewUser("anna", NamedRights(["admin"]), password=PASSWORD))
    made = create_pages(app, guard=Guard(app, SignIn.NEEDED, fresh_s=0.0))
    transport = httpx.ASGITransport(made, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/signin", data={"name": "anna", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield client


# ---------------------------------------------------------------------- in a browser


@dataclass
class Site:
    """A server that is up, on a database of its own, with the use cases behind it."""

    app: App
    store: SqlStore
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, doing: Any) -> Any:
        """Await something."""
        found: list[Any] = []
        worker = threading.Thread(target=lambda: found.append(asyncio.run(doing)), daemon=True)
        worker.start()
        worker.join(100)
        return found[0]


@contextmanager
def serving(folder: Path, port: int = 0, prepare: Any = None, **more: Any) -> Iterator[Site]:
    """A server that is up, and down again at the end; without an engine. ``more``: of its settings."""
    settings = read(None, data=folder, port=port, **more)
    store = open_store(settings.database_url, clock=WallClock(), spawn=spawn_thread)
    with closing(store), closing(socket.create_server(("127.0.0.1", port))) as listening:
        app = with_people(build(store, None), store, settings)
        site = Site(app, store, listening.getsockname()[1])
        if prepare is not None:
            site.do(prepare(app))
        with _up(Standing(store, app, None), settings, listening):
            yield site


@contextmanager
def serving_whole(folder: Path, prepare: Any) -> Iterator[Site]:
    """A server that is up with an engine of its own and one script host, and down again at the end."""
    settings = read(None, data=folder, script_hosts=1, outbox=False)
    with standing(settings) as parts, closing(socket.create_server(("127.0.0.1", 0))) as listening:
        site = Site(parts.app, parts.store, listening.getsockname()[1])
        site.do(prepare(parts.app))
        with _up(parts, settings, listening):
            yield site


@contextmanager
def _up(parts: Standing, settings: Settings, listening: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(listener(settings))
    server.config.app = doors(parts, settings, lambda: server.should_exit, CollectorRegistry())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            thread.join(0.01)
        assert server.started
        yield
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server does not end"


def chromium() -> str:
    """The browser of this machine."""
    found = os.environ.get("PREROLL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        assert not os.environ.get("CI"), "install chromium"
        pytest.skip("no browser on this machine: install chromium, or name one in PREROLL_CHROMIUM")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield opened
        opened.close()


async def seed(app: App) -> None:
    """What every site has: a platform."""
    await app.platforms.put(LOCAL, Platform("default", zone="Europe/Brussels"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server on which nobody has an account, for all tests of a module."""
    with serving(tmp_path_factory.mktemp("site"), prepare=seed) as found:
        yield found


@dataclass
class Watch:
    """Whatever went wrong on a page."""

    url: str
    allowed: set[int] = field(default_factory=set)
    """Statuses that a test provokes."""
    down: bool = False
    """The server is away for a while."""
    wrong: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error on the page: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if self.down and "ERR_" in message.text:
            return
        if message.type == "error" and not any(f"status of {status}" in message.text for status in self.allowed):
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.wrong.append(f"request to another site: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.allowed:
            self.wrong.append(f"{response.status}: {response.request.method} {response.url}")


def until(page: Page, expression: str) -> Any:
    """Wait until something on a page is true; the driver's own way to wait needs eval, which the policy forbids."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        if found := page.evaluate(expression):
            return found
        page.wait_for_timeout(10)
    raise AssertionError(f"never true: {expression}")


def held_back(page: Page, path: str) -> list[Route]:
    """The first answer from a path is held back; its route, once it is asked for, can let it go."""
    held: list[Route] = []

    def once(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(path), once)
    return held


def let_go(page: Page, held: list[Route]) -> None:
    """The answer that was held back comes at last, and what the page does with it is done; it may want it no more."""
    with suppress(Error):
        held[0].fulfill(response=held[0].fetch())
        if answer := held[0].request.response():
            answer.finished()
    page.wait_for_load_state("networkidle")
    page.evaluate("fetch('/live/allowed').then(answer => answer.text())")


AXE = Path(__file__).parent / "vendor/node_modules/axe-core/axe.min.js"
BARRIERS = """
axe.run({resultTypes: ["violations"]}).then(found => found.violations.flatMap(
    one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 120)}`)
))
"""
"""All rules; what they found right is not written out, which takes most of the time."""


def barriers(page: Page) -> list[str]:
    """What keeps people out of a page, as axe-core finds it (WCAG 2.2 A and AA, and its best practices)."""
    if not AXE.exists():
        assert not os.environ.get("CI"), "python hatch_build.py check"
        pytest.skip("axe-core is not there: python hatch_build.py check")
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(BARRIERS))


def barriers_in_both_themes(page: Page) -> list[str]:
    """The same, on a light and on a dark ground."""
    found = []
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        found += [f"{theme}: {one}" for one in barriers(page)]
    return found


@dataclass
class Visit:
    """Pages of one person's browser."""

    page: Page
    watch: Watch


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A fresh browser on a site; at the end nothing has gone wrong."""
    with ExitStack() as stack:
        context = browser.new_context(base_url=url, **options)
        stack.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        visit = Visit(context.new_page(), Watch(url))
        visit.watch.on(visit.page)
        yield visit
    assert visit.watch.wrong == []


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    with visiting(browser, site.url) as found:
        yield found
