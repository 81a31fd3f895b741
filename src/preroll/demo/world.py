# SPDX-License-Identifier: Apache-2.0
"""The world of the demo: media nodes as processes, and the bundle and scripts that let Preroll book them."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, Self

import httpx
import yaml

from preroll.demo.media import find_ffmpeg

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds that a node may take to start; one is enough unless the machine is very busy."""
PARTING = 5.0
"""Seconds that a node may take to stop its FFmpeg."""


class Unavailable(Exception):
    """The demo cannot run here, and why."""


@dataclass(frozen=True, slots=True)
class Node:
    """A media node that runs."""

    name: str
    kind: str
    """``encoder``, ``decoder`` or ``recorder``."""
    url: str
    pid: int
    process: Process


@dataclass(frozen=True, slots=True)
class Ports:
    """The UDP ports of a chain."""

    listen: int
    """SRT, from the encoder to the decoder."""
    monitor: int
    """From the decoder to whoever wants to look."""
    feed: int
    """From the decoder to the recorder."""


class World:
    """Encoders, decoders and recorders on this machine: ``async with World(directory) as world``.

    The nodes end with the world, and when this process is killed they end too.

    Args:
        root: everything is written below it: ``bundle``, ``scripts``, ``recordings``, ``reports``, ``logs``.
        chains: how many encoder - decoder - recorder chains: enc-1, dec-1, rec-1, enc-2 ...
    """

    def __init__(self, root: Path, *, chains: int = 2) -> None:
        self.root, self.chains = root, chains
        self.bundle, self.scripts = root / "bundle", root / "scripts"
        self.recordings, self.reports = root / "recordings", root / "reports"
        self.nodes: dict[str, Node] = {}
        self.ports: dict[int, Ports] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        program = require_parts() if self.chains else ""
        for directory in (self.bundle, self.recordings, self.reports, self.root / "logs"):
            directory.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            HERE / "scripts", self.scripts, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
        kinds = {"enc": "encoder", "dec": "decoder", "rec": "recorder"}
        wanted = [(f"{short}-{n}", kind) for n in self._numbers for short, kind in kinds.items()]
        try:
            self._http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
            await asyncio.gather(*(self._start(name, kind, program) for name, kind in wanted))
        except BaseException:
            await self._stack.aclose()
            raise
        self._write_bundle()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def documents(self) -> list[dict[str, Any]]:
        """Every document of the bundle, with addresses and ports filled in."""
        return read_bundle(self.bundle)

    def choice(self, chain: int, record: str = "", *, any_recorder: bool = False) -> dict[str, dict[str, Any]]:
        """What a booking of *Contribution* chooses for its nodes: label -> resource, profile, values.

        Args:
            record: first part of the recording's file names; letters, digits, ``-_.``.
            any_recorder: it names none; the node takes one by itself.
        """
        return {
            "encoder": {"resource": f"enc-{chain}", "profile": f"Encoder to dec-{chain}"},
            "decoder": {"resource": f"dec-{chain}", "profile": f"Decoder dec-{chain}"},
            "recorder": {
                **({} if any_recorder else {"resource": f"rec-{chain}"}),
                "profile": f"Recorder behind dec-{chain}",
                "values": {"record": record} if record else {},
            },
        }

    def monitor(self, chain: int) -> str:
        """Where the picture of a chain can be looked at; one at a time."""
        return f"udp://127.0.0.1:{self.ports[chain].monitor}"

    def recorded(self, record: str) -> list[Path]:
        """The files of a recording, by name."""
        return sorted(self.recordings.glob(f"{record}-*.ts"))

    async def fault(
        self, name: str, kind: str, *, seconds: float = 5.0, times: int | None = None, on: str = ""
    ) -> None:
        """Break a node (``lie``, ``slow``, ``refuse``, ``hang``, ``crash`` ...), or mend it with ``none``.

        Args:
            on: the method that it strikes; empty: as the fault says.
        """
        order = {"kind": kind, "seconds": seconds, "times": times, "on": on}
        root = self.nodes[name].url.removesuffix(f"/{name}")
        (await self._http.post(f"{root}/_fault", json=order)).raise_for_status()

    async def status(self, name: str) -> Mapping[str, Any]:
        """What a node says of itself: process, pid, restarts, error, files, orders, activations."""
        return await self._get(name, "status")

    async def active(self, name: str) -> Mapping[str, Any]:
        """The values that a node has in force."""
        return await self._get(name, "active")

    @property
    def _numbers(self) -> Iterator[int]:
        return iter(range(1, self.chains + 1))

    async def _get(self, name: str, what: str) -> Mapping[str, Any]:
        answer = (await self._http.get(f"{self.nodes[name].url}/{what}")).raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    async def _start(self, name: str, kind: str, program: str) -> None:
        command = [
            sys.executable, "-m", "preroll.demo.media", "--name", name, "--kind", kind,
            "--directory", str(self.recordings), "--ffmpeg", program, "--tied",
        ]  # fmt: skip
        log = self.root / "logs" / f"{name}.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=errors, start_new_session=True
            )
        self._stack.push_async_callback(_stop, process)
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            async with asyncio.timeout(PATIENCE):
                said = json.loads(await process.stdout.readline())
        except (TimeoutError, ValueError) as error:
            raise Unavailable(f"{name} does not start: {log.read_text()[-500:] or 'it says nothing'}") from error
        self.nodes[name] = Node(name, kind, said["url"], said["pid"], process)

    def _write_bundle(self) -> None:
        for name in ("platform", "profiles", "contribution"):
            shutil.copy(HERE / "bundle" / f"{name}.yaml", self.bundle)
        lights = Template((HERE / "bundle" / "lights.yaml").read_text())
        (self.bundle / "lights.yaml").write_text(lights.substitute(lights=self.root / "lights"))
        chain = Template((HERE / "bundle" / "chain.yaml").read_text())
        free = iter(free_ports(3 * self.chains))
        for n in self._numbers:
            ports = self.ports[n] = Ports(next(free), next(free), next(free))
            filled = chain.substitute(
                n=n, encoder=self.nodes[f"enc-{n}"].url, decoder=self.nodes[f"dec-{n}"].url,
                recorder=self.nodes[f"rec-{n}"].url, recordings=self.recordings,
                listen_port=ports.listen, monitor_port=ports.monitor, feed_port=ports.feed,
            )  # fmt: skip
            (self.bundle / f"chain-{n}.yaml").write_text(filled)


def read_bundle(folder: Path) -> list[dict[str, Any]]:
    """Every document of the bundle in a folder."""
    return [document for file in sorted(folder.glob("*.yaml")) for document in yaml.safe_load_all(file.read_text())]


def require_parts() -> str:
    """Path of the FFmpeg that will run. Raises Unavailable when a part of the demo is not installed."""
    missing = [name for name, module in (("imageio-ffmpeg", "imageio_ffmpeg"), ("av", "av")) if not find_spec(module)]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}; install preroll[demo]")
    try:
        return find_ffmpeg()
    except RuntimeError as error:
        raise Unavailable(f"imageio-ffmpeg has no FFmpeg for this machine: {error}") from error


def free_ports(count: int) -> list[int]:
    """UDP ports of this machine that nobody uses now."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


async def _stop(process: Process) -> None:
    """Let a node stop its FFmpeg; a node that does not is killed, and its FFmpeg with it."""
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(PARTING):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
