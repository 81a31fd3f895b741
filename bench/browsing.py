# SPDX-License-Identifier: Apache-2.0
"""A browser for the bench: pages loaded cold, panned frame by frame, with what came over the wire counted."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from bench.rig import processor

SIZE: ViewportSize = {"width": 1920, "height": 1080}
FRAMES, STEP = 180, 12
"""A pan: so many frames of so many pixels each."""
PAINTED = """async () => {
  const marked = window.benchReady ?? performance.getEntriesByName("timeline-ready")[0]?.startTime;
  return marked ?? await new Promise((told) => requestAnimationFrame(() => told(performance.now())));
}"""
PAN = """async ([frames, step]) => {
  const found = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < frames; i++) {
    window.benchPan?.(step);
    const now = await new Promise(requestAnimationFrame);
    found.push(now - last);
    last = now;
  }
  return found;
}"""


DRAWING = frozenset({"renderer", "GPU"})
"""Processes of the browser that draw."""
REST_MS = 10
"""Of their processor time in a quarter of a second: they have nothing to do."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that was loaded cold."""

    ready_ms: float
    """From the request until it is painted."""
    render_ms: float
    """Of it, until the bookings stood in the page."""
    transferred: int
    """Bytes over the wire."""
    frames_ms: list[float]
    """Between the frames of a pan."""
    load_cpu_ms: float = 0.0
    """Processor time of the browser until it is ready."""
    frame_cpu_ms: float = 0.0
    """Processor time of the browser for a frame of the pan."""


def browser_path() -> str | None:
    """The browser of this machine."""
    return os.environ.get("PREROLL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def browsing(path: str) -> Iterator[Browser]:
    """A browser, without a window."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def look(browser: Browser, url: str, ready: str, pan: str = "", render: str = "0") -> Seen:
    """Load a page that nobody has loaded before, wait until it is painted, pan it.

    Args:
        ready: an expression that is true once all is there.
        pan: what moves it by ``step`` pixels.
        render: an expression for how long it took to make the bookings appear, in milliseconds.
    """
    context = browser.new_context(viewport=SIZE)
    try:
        page = context.new_page()
        _rested(browser, page)
        wire = Wire(page)
        used = Used(browser)
        page.goto(url)
        _until(page, ready)
        ready_ms = float(
            page.evaluate("async () => { await new Promise(requestAnimationFrame); return performance.now() }")
        )
        if marked := page.evaluate(
            "window.benchReady ?? performance.getEntriesByName('timeline-ready')[0]?.startTime ?? 0"
        ):
            ready_ms = float(marked)
        load_cpu = used.milliseconds
        page.wait_for_timeout(500)
        transferred = wire.bytes
        if pan:
            page.evaluate(f"window.benchPan = (step) => {{ {pan} }}")
        used = Used(browser)
        frames = [float(one) for one in page.evaluate(PAN, [FRAMES, STEP])]
        frame_cpu = used.milliseconds / FRAMES
        return Seen(ready_ms, float(page.evaluate(render)), transferred, frames, load_cpu, frame_cpu)
    finally:
        context.close()


class Used:
    """Processor time of what draws pages, from here on: what others do to the machine meanwhile does not count."""

    def __init__(self, browser: Browser) -> None:
        self._session = browser.new_browser_cdp_session()
        self._before = self._used()

    @property
    def milliseconds(self) -> float:
        """So far."""
        return sum(max(0.0, used - self._before.get(pid, 0.0)) for pid, used in self._used().items()) * 1e3

    def _used(self) -> dict[int, float]:
        found = self._session.send("SystemInfo.getProcessInfo")["processInfo"]
        return {int(one["id"]): processor(int(one["id"])) for one in found if one["type"] in DRAWING}


class Wire:
    """Counts what a page receives."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0
        session = page.context.new_cdp_session(page)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _finished(self, event: dict[str, float]) -> None:
        self.bytes += int(event["encodedDataLength"])


def _rested(browser: Browser, page: Page) -> None:
    """Wait until the browser has opened the window: its own bars and menus are pages too, hundreds of requests that run
    beside whatever is asked for meanwhile."""
    used, before = Used(browser), 0.0
    for _ in range(50):
        page.wait_for_timeout(250)
        if (now := used.milliseconds) - before < REST_MS:
            return
        before = now


def _until(page: Page, expression: str) -> None:
    """Poll, because a strict policy forbids the driver's own way.

    Raises:
        TimeoutError: a minute has passed.
    """
    for _ in range(6000):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(10)
    raise TimeoutError(expression)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """A server of files; its address."""
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
