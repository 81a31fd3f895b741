# SPDX-License-Identifier: Apache-2.0
"""The page of the bookings: 5,000 of them on 200 resources, beside an empty page and vis-timeline in the same run."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from bench.browsing import Seen, browser_path, browsing, files, look
from bench.figures import Figure, middle, percentile
from bench.held import held
from bench.rig import opened, processor
from bench.station import Station, station
from hatch_build import npm
from preroll.app import build
from preroll.domain.permission import LOCAL

BOOKINGS, HISTORY = 5_000, 45_000
VIS = (
    "vis-timeline@8.5.4",
    "vis-timeline/standalone/umd/vis-timeline-graph2d.min.js",
    "vis-timeline/styles/vis-timeline-graph2d.min.css",
)
EMPTY = "<!doctype html><meta charset=utf-8><title>empty</title><p>An empty page."
MOVING = """<!doctype html><meta charset=utf-8><title>moving</title>
<style>div { width: 1700px; height: 600px; background: #5f97f7; will-change: transform }</style><div></div>
<script>
let x = 0;
window.benchMove = (step) => {
  x = (x + step) % 200;
  document.querySelector("div").style.transform = `translateX(${x}px)`;
};
</script>"""
"""What it costs this browser to draw anything that moves."""
POSITION = re.compile(r'name="position" content="([^"]*)"')
CLIENTS, EACH_S, CHANGES = 20, 0.2, 25
OURS = {
    "ready": "document.querySelector('booking-timeline[ready]') !== null",
    "pan": "document.querySelector('booking-timeline').pan(-step)",
    "render": "document.querySelector('booking-timeline').stats.longest",
}
MORE = 1.1
"""By how much history may slow things down."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best of some cold loads, and the frames of the quietest pan."""

    ready_s: float
    render_s: float
    kilobytes: float
    p95_ms: float
    load_cpu_s: float
    frame_cpu_ms: float

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> Best:
        """Of several loads of one page."""
        return cls(
            min(one.ready_ms for one in seen) / 1e3,
            min(one.render_ms for one in seen) / 1e3,
            max(one.transferred for one in seen) / 1e3,
            min(percentile(one.frames_ms, 95) for one in seen),
            min(one.load_cpu_ms for one in seen) / 1e3,
            min(one.frame_cpu_ms for one in seen),
        )


def measure(*, quick: bool) -> Iterator[Figure]:
    """Cold loads in turns, the best of each; processor time of the server, idle time subtracted."""
    path = browser_path()
    if path is None:
        yield Figure("web", 0, "", note="not taken: no browser on this machine")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="preroll-bench-")))
        few = stack.enter_context(station(folder / "few", BOOKINGS))
        many = stack.enter_context(station(folder / "many", BOOKINGS, HISTORY))
        (folder / "www").mkdir()
        (folder / "www" / "empty.html").write_text(EMPTY)
        (folder / "www" / "moving.html").write_text(MOVING)
        why_not = _furnish_vis(folder / "www", few)
        served = stack.enter_context(files(folder / "www"))
        with browsing(path) as browser:
            seen = _loads(browser, served, few, many, vis=not why_not, rounds=2 if quick else 4)
            asked = _asked(browser, few.url)
        yield from _shown(seen, why_not)
        bare = stack.enter_context(held(folder / "held", few, asked))
        yield from _served({"few": few, "many": many, "held": bare}, asked, loads=10 if quick else 40)
        yield from _told(few, many, rounds=1 if quick else 3)


def _loads(browser: Browser, served: str, few: Station, many: Station, *, vis: bool, rounds: int) -> dict[str, Best]:
    found: dict[str, list[Seen]] = {}
    stations = {"few": few, "many": many}
    for number in range(rounds):
        found.setdefault("empty", []).append(look(browser, f"{served}/empty.html", "true"))
        moving = look(browser, f"{served}/moving.html", "true", "window.benchMove(step)")
        found.setdefault("moving", []).append(moving)
        for name in sorted(stations, reverse=bool(number % 2)):
            found.setdefault(name, []).append(look(browser, f"{stations[name].url}/bookings", **OURS))
        if vis:
            page = look(
                browser, f"{served}/vis_timeline.html", "window.benchReady > 0", "window.benchMove(step)", "benchRender"
            )
            found.setdefault("vis", []).append(page)
    return {name: Best.of(seen) for name, seen in found.items()}


def _shown(seen: dict[str, Best], why_not: str) -> Iterator[Figure]:
    empty, ours = seen["empty"], seen["few"]
    note = f"{BOOKINGS:,} bookings, 200 resources, 1920 x 1080, cold, best of the loads"
    late = empty.ready_s + 0.4
    yield Figure(
        "web.ready", ours.ready_s, "s", "<= empty + 0.4 s", ours.ready_s <= late, empty.ready_s, "an empty page", note
    )
    yield Figure("web.render", ours.render_s, "s", "<= 0.25 s", ours.render_s <= 0.25, note="the bars of a day")
    near = empty.p95_ms + 4
    yield Figure(
        "web.pan", ours.p95_ms, "ms", "p95 <= empty + 4 ms", ours.p95_ms <= near, empty.p95_ms, "an empty page"
    )
    beside = seen["moving"].p95_ms
    yield Figure(
        "web.pan.moving", ours.p95_ms, "ms", "", None, beside, "an empty page on which one box of that size moves"
    )
    moved = seen["moving"].frame_cpu_ms
    yield Figure("web.pan.cpu", ours.frame_cpu_ms, "ms", "", None, moved, "that page; the browser's processor, a frame")
    drawn = empty.load_cpu_s
    yield Figure("web.ready.cpu", ours.load_cpu_s, "s", "", None, drawn, "an empty page; the browser's processor")
    yield Figure("web.bytes", ours.kilobytes, "kB", "<= 200 kB", ours.kilobytes <= 200, note="all that is loaded, cold")
    if "vis" not in seen:
        yield Figure("web.vis", 0, "", note=f"vis-timeline was not driven: {why_not}")
    for name, value, beside in _beside(ours, seen.get("vis")):
        yield Figure(f"web.vis.{name}", value, UNITS[name], "", None, beside, "vis-timeline")
    for name, value, beside in _beside(seen["many"], ours):
        yield _no_more(f"web.history.{name}", value, UNITS[name], beside, slack=SLACK[name])


UNITS = {"ready": "s", "render": "s", "pan": "ms", "bytes": "kB", "ready.cpu": "s", "pan.cpu": "ms"}
SLACK = {"ready": 0.05, "render": 0.02, "pan": 2.0, "bytes": 1.0, "ready.cpu": 0.05, "pan.cpu": 1.0}
"""What the clock of a shared machine does by itself."""


def _beside(one: Best, other: Best | None) -> Iterator[tuple[str, float, float]]:
    if other is not None:
        yield "ready", one.ready_s, other.ready_s
        yield "render", one.render_s, other.render_s
        yield "pan", one.p95_ms, other.p95_ms
        yield "bytes", one.kilobytes, other.kilobytes
        yield "ready.cpu", one.load_cpu_s, other.load_cpu_s
        yield "pan.cpu", one.frame_cpu_ms, other.frame_cpu_ms


def _no_more(name: str, value: float, unit: str, reference: float, slack: float) -> Figure:
    held = value <= reference * MORE + slack
    return Figure(name, value, unit, f"<= {MORE:g}x", held, reference, f"without {HISTORY:,} more")


# ---------------------------------------------------------------------- the server


def _asked(browser: Browser, url: str) -> list[str]:
    """What a cold page asks for, without the stream."""
    context = browser.new_context()
    page = context.new_page()
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url.removeprefix(url)))
    page.goto(f"{url}/bookings")
    page.wait_for_selector("booking-timeline[ready]")
    context.close()
    return [one for one in found if not one.startswith("/live")]


def _served(places: dict[str, Station], asked: list[str], loads: int) -> Iterator[Figure]:
    """Processor time of a page: all that it asks for, and its stream; the servers take turns."""
    calm = asyncio.run(_costs(places, asked, loads, changed=False))
    after = asyncio.run(_costs(places, asked, loads, changed=True))
    ours, bare = calm["few"], calm["held"]
    note = f"{len(asked)} requests and a stream, median of {loads} loads"
    beside = "the same answers, ready in memory"
    yield Figure("web.cpu", ours, "ms", "<= 25 ms", ours <= 25, bare, beside, note)
    note = "the same, each load after a change: the window is made anew"
    yield Figure("web.cpu.changed", after["few"], "ms", "", None, after["held"], beside, note)
    yield _no_more("web.history.cpu", calm["many"], "ms", ours, slack=1)
    yield _no_more("web.history.cpu.changed", after["many"], "ms", after["few"], slack=2)


async def _costs(places: dict[str, Station], asked: list[str], loads: int, *, changed: bool) -> dict[str, float]:
    """Milliseconds of each server's processor for one page."""
    found: dict[str, list[float]] = {name: [] for name in places}
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(httpx.AsyncClient(base_url=place.url))
            for name, place in places.items()
        }
        for number in range(-1, loads):
            for name, place in places.items():
                if changed and name != "held":
                    await _rename(place, number + 1)
                after = await _position(clients[name]) if name != "held" else ""
                before = processor(place.pid)
                await _load(clients[name], asked, after)
                if number >= 0:
                    found[name].append((processor(place.pid) - before) * 1e3)
    return {name: middle(costs) for name, costs in found.items()}


async def _load(client: httpx.AsyncClient, asked: list[str], after: str) -> None:
    for path in asked:
        (await client.get(path)).raise_for_status()
    async with client.stream("GET", "/live", params={"platform": "default", "after": after}) as stream:
        await anext(stream.aiter_bytes(), b"")


async def _position(client: httpx.AsyncClient) -> str:
    """Where the stream of a page goes on that is loaded now.

    Raises:
        RuntimeError: the page does not say it.
    """
    after = POSITION.search((await client.get("/bookings")).text)
    if after is None:
        raise RuntimeError("the page does not say where its changes begin")
    return after[1]


async def _rename(place: Station, number: int) -> None:
    store = opened(place.database)
    await build(store, None).bookings.rename(
        LOCAL, _some(place, number + 1)[-1], None, f"changed {number} {time.monotonic_ns()}"
    )
    store.close()


def _told(few: Station, many: Station, rounds: int) -> Iterator[Figure]:
    """Processor time of one change that another process makes, told to many pages, in turns with telling nobody."""
    cases = {"nobody": (few, 0), "one": (few, 1), "all": (few, CLIENTS), "many": (many, CLIENTS), "none": (many, 0)}
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (place, clients) in cases.items():
            found[name].append(asyncio.run(_update(place, clients)) * 1e3)
    cost = {name: middle(costs) for name, costs in found.items()}
    ours = cost["all"] - cost["nobody"]
    note = f"{CLIENTS} clients of one class, {1 / EACH_S:g} a second, beyond what it costs when nobody listens"
    beside = "what the engine and the outbox do with it"
    yield Figure("web.live", ours, "ms", "<= 0.6 ms", ours <= 0.6, cost["nobody"], beside, note)
    note = "the same for one client: reading the change, and making its event"
    yield Figure("web.live.alone", cost["one"] - cost["nobody"], "ms", "", None, cost["nobody"], beside, note)
    yield _no_more("web.history.live", cost["many"] - cost["none"], "ms", ours, slack=0.2)


async def _update(place: Station, clients: int) -> float:
    """Seconds of the server's processor for one change, beyond what it uses when nothing happens."""
    store = opened(place.database)
    app = build(store, None)
    heard = [0]
    victims = _some(place, CHANGES)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=place.url, limits=limits, timeout=None) as client:
        after = await _position(client)
        listening = [asyncio.create_task(_listen(client, after, heard)) for _ in range(clients)]
        while heard[0] < clients:
            await asyncio.sleep(0.05)
        before, began = processor(place.pid), time.monotonic()
        await asyncio.sleep(CHANGES * EACH_S)
        idle = (processor(place.pid) - before) / (time.monotonic() - began)
        before, began = processor(place.pid), time.monotonic()
        for number, ident in enumerate(victims):
            await app.bookings.rename(LOCAL, ident, None, f"told {number} {time.monotonic_ns()}")
            await asyncio.sleep(max(0.0, began + (number + 1) * EACH_S - time.monotonic()))
        used = processor(place.pid) - before - idle * (time.monotonic() - began)
        for task in listening:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    store.close()
    if heard[0] < clients * CHANGES:
        raise RuntimeError(f"{clients} clients heard {heard[0]} of {clients * CHANGES} changes")
    return used / CHANGES


async def _listen(client: httpx.AsyncClient, after: str, heard: list[int]) -> None:
    async with client.stream("GET", "/live", params={"platform": "default", "after": after}) as stream:
        async for line in stream.aiter_lines():
            heard[0] += line in ("event: begin", "event: change")


def _some(place: Station, count: int) -> list[str]:
    """Bookings that can be renamed."""
    with closing(sqlite3.connect(place.database.removeprefix("sqlite:///"))) as connection:
        asked = "select id from booking where state = 'Confirmed' order by start_us limit ?"
        return [row[0] for row in connection.execute(asked, (count,))]


# ---------------------------------------------------------------------- vis-timeline


def _furnish_vis(folder: Path, place: Station) -> str:
    """A page of vis-timeline with the same bookings; why it cannot be had, or nothing."""
    package, *parts = VIS
    try:
        subprocess.run(
            [*npm(), "install", "--no-save", "--ignore-scripts", "--no-audit", "--prefix", str(folder), package],
            check=True, capture_output=True, text=True, cwd=folder,
        )  # fmt: skip
        for part in parts:
            shutil.copy(folder / "node_modules" / part, folder)
    except (subprocess.CalledProcessError, OSError) as error:
        return str(getattr(error, "stderr", "") or error).strip().splitlines()[-1][:160]
    shutil.copy(Path(__file__).parents[1] / "peers" / "vis_timeline.html", folder)
    (folder / "schedule.json").write_text(json.dumps(_schedule(place)))
    return ""


def _schedule(place: Station) -> dict[str, Any]:
    """The same bookings, as vis-timeline takes them; a day of them in view."""
    with closing(sqlite3.connect(place.database.removeprefix("sqlite:///"))) as connection:
        groups = [{"id": key, "content": name} for key, name in connection.execute("select id, name from resource")]
        rows = connection.execute(
            "select id, name, held_start_us / 1000, held_end_us / 1000,"
            " json_extract(body, '$.data.nodes.Node.resource') from booking"
        )
        items = [
            {"id": key, "content": name, "start": start, "end": end, "group": group}
            for key, name, start, end, group in rows
        ]
    now = int(time.time() * 1000)
    return {"groups": groups, "items": items, "from": now - 28_800_000, "to": now + 57_600_000}
