# SPDX-License-Identifier: Apache-2.0
"""Circuits for real, without root: two devices and two sites as network namespaces of one user namespace.

::

    near site -- pe-1 == pe-2 -- far site

Each line is a veth pair a port; a circuit is a gateway, a route and a token bucket (``tc tbf``) on each device. The
namespaces live as long as the processes in them, and those die with this process.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from preroll.demo.leash import Leash
from preroll.demo.plane import DEVICES, METER, PORTS, Carried, Circuit, side

PROGRAMS = ("unshare", "nsenter", "ip", "tc", "ping")
"""What it takes: util-linux, iproute2 and a ping."""
PLACES = ("near", *DEVICES, "far")
WAITING = 65_536
"""Bytes that may wait at a door: who is measured next is not to wait for what the one before has left."""
PATIENCE = 10.0
"""Seconds for one command, and for the start of one process."""
_INSIDE = ("--user", "--net", "--preserve-credentials")


class NotHere(OSError):
    """This machine has no namespaces for us, and why."""


class Namespaces:
    """Circuits in namespaces; entering raises NotHere.

    Args:
        root: the near site's tools are written below it.
    """

    def __init__(self, root: Path) -> None:
        self.what = f"real: {len(PLACES)} network namespaces, veth, tc tbf"
        self.doors: dict[int, int] = {}
        self.tools: Path | None = root / "near-site"
        self._carried: dict[str, Carried] = {device: {} for device in DEVICES}
        self._places: dict[str, Process] = {}
        self._processes: list[Process] = []
        self._environment = {**os.environ, "PREROLL_DEMO": str(root)}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise NotHere(f"not installed: {', '.join(missing)}")
        try:
            await self._build()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()
        for process in self._processes:
            await process.wait()

    async def carry(self, device: str, circuits: Carried) -> None:
        """Configure a device: what is different is taken down, and brought up as it is to be."""
        before = self._carried[device]
        changed = [port for port in {*before, *circuits} if before.get(port) != circuits.get(port)]
        try:
            await self._switch(device, before, circuits, changed)
        except NotHere:
            await self._switch(device, circuits, before, changed)
            raise
        self._carried[device] = dict(circuits)

    async def _switch(self, device: str, old: Carried, new: Carried, ports: list[int]) -> None:
        gone = [old[port] for port in ports if port in old]
        made = [new[port] for port in ports if port in new]
        if gone:
            await self._ip(device, *(line for circuit in gone for line in _down(circuit)), forgiving=True)
            await self._tc(device, *(f"qdisc del dev core{c.port} root" for c in gone), forgiving=True)
        if made:
            await self._ip(device, *(line for circuit in made for line in _up(circuit)))
            await self._tc(device, *(
                f"qdisc replace dev core{c.port} root tbf rate {c.kbit}kbit burst 16kb latency 100ms" for c in made
            ))  # fmt: skip

    # How they are built

    async def _build(self) -> None:
        leash = Leash()
        self._stack.callback(leash.close)
        self._group = leash.group
        owner = await self._hold(["unshare", "--user", "--map-root-user", "--net"])
        inside = ["nsenter", f"--target={owner.pid}", "--user", "--preserve-credentials", "unshare", "--net"]
        self._places = {"near": owner, **{place: await self._hold(inside) for place in PLACES[1:]}}
        for port in range(1, PORTS + 1):
            await self._wire(port)
        for device in DEVICES:
            await self._run(device, ["/bin/sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])
            await self._tc(device, "qdisc replace dev core1 root tbf rate 64kbit burst 16kb latency 100ms")
            await self._tc(device, "qdisc del dev core1 root")
        for place in ("near", "far"):
            await self._ip(place, "link set lo up")
        await self._run("near", ["ping", "-n", "-c", "1", "-W", "1", "127.0.0.1"])
        self._write_tools()
        await self._open_sites()

    async def _wire(self, port: int) -> None:
        one, two = (side(device, port) for device in DEVICES)
        here = {place: self._places[place].pid for place in PLACES}
        await self._ip("near", f"link add site{port} type veth peer name port{port} netns {here['pe-1']}")
        await self._ip("pe-1", f"link add core{port} type veth peer name core{port} netns {here['pe-2']}")
        await self._ip("far", f"link add site{port} type veth peer name port{port} netns {here['pe-2']}")
        for place, at in (("near", one), ("far", two)):
            await self._ip(
                place, f"addr add {at.site[2]}/30 dev site{port}", f"link set site{port} up",
                f"route add {at.remote} via {at.site[1]}",
            )  # fmt: skip
        for device, at in zip(DEVICES, (one, two), strict=True):
            up = (f"link set {line}{port} up" for line in ("core", "port"))
            await self._ip(device, f"addr add {at.core} dev core{port}", *up)

    def _write_tools(self) -> None:
        """The ping of the near site, for whoever finds it first."""
        assert self.tools is not None  # noqa: S101 - there is one
        self.tools.mkdir(parents=True, exist_ok=True)
        tool = self.tools / "ping"
        tool.write_text(f'#!/bin/sh\nexec {" ".join(self._entering("near"))} {shutil.which("ping")} "$@"\n')
        tool.chmod(0o755)

    async def _open_sites(self) -> None:
        """The receiver of the far site, and the near site's doors: sockets of this machine that are served inside."""
        await self._serve("far", ["far", "0.0.0.0", str(METER)])  # noqa: S104 - in a network of its own
        sockets = {port: _listening() for port in range(1, PORTS + 1)}
        try:
            self.doors = {port: found.getsockname()[1] for port, found in sockets.items()}
            said = [f"{s.fileno()}={side('pe-2', port).site[2]}:{METER}" for port, s in sockets.items()]
            await self._serve("near", ["near", *said], tuple(s.fileno() for s in sockets.values()))
        finally:
            for found in sockets.values():
                found.close()

    # How they are entered

    def _entering(self, place: str) -> list[str]:
        return [str(shutil.which("nsenter")), f"--target={self._places[place].pid}", *_INSIDE]

    async def _hold(self, making: list[str]) -> Process:
        """A process that does nothing but be in a new namespace."""
        return await self._start([*making, "/bin/sh", "-c", "echo; read _"], "a namespace")

    async def _serve(self, place: str, arguments: list[str], sockets: tuple[int, ...] = ()) -> None:
        command = [*self._entering(place), sys.executable, "-m", "preroll.demo.sites", *arguments]
        await self._start(command, f"the {place} site", sockets)

    async def _start(self, command: list[str], what: str, sockets: tuple[int, ...] = ()) -> Process:
        """Start a process on the leash, and wait for its first line."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, process_group=self._group, pass_fds=sockets,
            env=self._environment,
        )  # fmt: skip
        self._processes.append(process)
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            async with asyncio.timeout(PATIENCE):
                said = await process.stdout.readline()
        except TimeoutError:
            raise NotHere(f"{what} does not start in {PATIENCE:g} s") from None
        if said.strip() not in (b"", b"serving") or not said:
            raise NotHere(f"{what}: {said.decode(errors='replace').strip() or 'ended at once'}")
        return process

    async def _ip(self, place: str, *lines: str, forgiving: bool = False) -> None:
        await self._batch(place, "ip", lines, forgiving=forgiving)

    async def _tc(self, place: str, *lines: str, forgiving: bool = False) -> None:
        await self._batch(place, "tc", lines, forgiving=forgiving)

    async def _batch(self, place: str, program: str, lines: tuple[str, ...], *, forgiving: bool) -> None:
        force = ["-force"] if forgiving else []
        await self._run(place, [program, *force, "-batch", "-"], "\n".join(lines) + "\n", forgiving=forgiving)

    async def _run(self, place: str, command: list[str], said: str = "", *, forgiving: bool = False) -> None:
        """Run a command in a namespace. Raises NotHere when it fails, unless that is to be forgiven."""
        process = await asyncio.create_subprocess_exec(
            *self._entering(place), *command, stdin=PIPE if said else DEVNULL, stdout=PIPE, stderr=STDOUT,
            process_group=self._group, env=self._environment,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE):
                told, _ = await process.communicate(said.encode() if said else None)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NotHere(f"{command[0]} at {place} does not end") from None
        if process.returncode and not forgiving:
            raise NotHere(f"{command[0]} at {place}: {told.decode(errors='replace').strip()[:200]}")


def _up(circuit: Circuit) -> Iterator[str]:
    yield f"addr replace {circuit.address} dev port{circuit.port}"
    yield f"route replace {circuit.remote} via {circuit.next_hop}"


def _down(circuit: Circuit) -> Iterator[str]:
    yield f"addr flush dev port{circuit.port}"
    yield f"route del {circuit.remote}"


def _listening() -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING)
    found.bind(("127.0.0.1", 0))
    found.listen()
    return found
