# SPDX-License-Identifier: Apache-2.0
"""How long does a plan of 10,000 resources take, beside the C parse of the files? How long is the writer held?"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

from bench.figures import Figure, middle
from bench.rig import opened
from preroll.api import create_app
from preroll.app import App, build
from preroll.cli import bundles
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.formats import writing
from preroll.store import SqlStore

R = TypeVar("R")
ALLOWED = 2.0
WRITER_MS = 250.0
FILES = 10
JSON = {"content-type": "application/json"}


def measure(*, quick: bool) -> Iterator[Figure]:
    """Processor time of a plan, from the files to the answer; then the writer's part of an apply, wall-clock."""
    count, rounds = (2_000, 3) if quick else (10_000, 7)
    with tempfile.TemporaryDirectory(prefix="preroll-bench-") as folder:
        files = written(Path(folder) / "bundle", count)
        store = opened(f"sqlite:///{folder}/preroll.db")
        try:
            plans, parses = asyncio.run(_plans(build(store, None), files, rounds))
            held = asyncio.run(_applies(store, count, 1 if quick else 3))
        finally:
            store.close()
    value, reference = middle(plans), middle(parses)
    note = f"{count:,} resources in {FILES} files, a tenth of them changed; processor time, median of {rounds}"
    yield Figure(
        "bundles.plan", value, "s", f"<= {ALLOWED:g}x", value <= ALLOWED * reference, reference,
        "yaml.load_all with the C parser", note,
    )  # fmt: skip
    for name, times in held.items():
        value = max(times) * 1e3
        note = f"{count:,} resources {name} in one transaction; the longest of {len(times)}"
        yield Figure(f"bundles.writer.{name}", value, "ms", f"<= {WRITER_MS:g} ms", value <= WRITER_MS, note=note)


def documents(count: int, concurrency: int = 1) -> list[dict[str, Any]]:
    """Resources as people have them; every tenth has this concurrency."""
    return [
        {
            "kind": "resource", "name": f"Encoder {n:05}", "driver": "http", "function": "encoding",
            "address": {"url": f"http://encoder-{n}.example/", "timeout": 2, "password": f"env:ENCODER_{n}"},
            "pools": ["encoders", f"site {n % 50}"], "concurrency": concurrency if n % 10 == 0 else 1,
            "capacities": {"bitrate": 4000}, "capabilities": {"codec": {"choices": ["AVC", "HEVC"]}},
            "properties": {"rack": n % 40, "site": f"site {n % 50}"},
        }
        for n in range(count)
    ]  # fmt: skip


def written(folder: Path, count: int) -> Path:
    """The files of a bundle."""
    folder.mkdir()
    found = [{"kind": "bundle", "name": "bench"}, *documents(count, concurrency=2)]
    size = -(-len(found) // FILES)
    for number in range(FILES):
        (folder / f"{number}.yaml").write_text(writing.write(found[number * size : (number + 1) * size]))
    return folder


async def _plans(app: App, folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    await app.platforms.put(LOCAL, Platform("default"))
    transport = httpx.ASGITransport(create_app(app, stopping=lambda: True))
    plans, parses = [], []
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as api:
        sources = bundles.gathered([folder], None)
        before = [dict(content) | {"concurrency": 1} for content in sources.contents[1:]]
        (await api.post("catalogue", json={"documents": before})).raise_for_status()
        for _ in range(rounds):
            began = time.process_time()
            contents = bundles.gathered([folder], None).contents
            answer = await api.post("catalogue/plan", content=json.dumps({"documents": contents}), headers=JSON)
            assert len(answer.json()["steps"]) == len(before) // 10
            plans.append(time.process_time() - began)
            parses.append(_took(lambda: _parsed(folder)))
    return plans, parses


def _parsed(folder: Path) -> int:
    return sum(len(list(yaml.load_all(file.read_text(), yaml.CSafeLoader))) for file in folder.glob("*.yaml"))


def _took(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


async def _applies(store: SqlStore, count: int, rounds: int) -> dict[str, list[float]]:
    """For how long each unit of an apply held the writer."""
    held: list[float] = []
    inner = store.write

    async def write(unit: Callable[[Any], R]) -> R:
        def timed(tx: Any) -> R:
            began = time.perf_counter()
            done = unit(tx)
            held.append(time.perf_counter() - began)
            return done

        return await inner(timed)

    store.write = write  # type: ignore[method-assign]
    app = build(store, None)
    transport = httpx.ASGITransport(create_app(app, stopping=lambda: True))
    found: dict[str, list[float]] = {"added": [], "changed": [], "removed": []}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as api:
        for number in range(rounds):
            name = {"kind": "bundle", "name": f"writer {number}"}
            many = [d | {"name": f"{number} {d['name']}"} for d in documents(count)]
            for step, content in (
                ("added", many), ("changed", [d | {"priority": 1} for d in many]), ("removed", []),
            ):  # fmt: skip
                held.clear()
                body = {"documents": [name, *content], "prune": True}
                (await api.post("catalogue", json=body)).raise_for_status()
                found[step] += held
    return found
