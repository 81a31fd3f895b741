# SPDX-License-Identifier: Apache-2.0
"""What the acts of the story play on: the world, the server, the client, the board, and the story's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import httpx

from preroll.client import AsyncClient, Call, ClientError, Unreachable, calls
from preroll.client.things import Audits, Booking, Round
from preroll.demo import evidence
from preroll.demo.board import Board, Engine
from preroll.demo.cast import BOTH, CHAINS, OUTAGES, PLATFORM, Half, Lights, Link, Part, lasting
from preroll.demo.evidence import Evidence, Node, Outage
from preroll.demo.network import Network
from preroll.demo.server import Server
from preroll.demo.world import Unavailable, World
from preroll.sdk import Audit

PATIENCE = 180.0
"""Seconds after which nothing is waited for any more. An idle machine needs less than half of it."""
LEAD = 2.0
"""Seconds of the story from the booking of a circuit to its on-air instant."""
NOTICE = 3.0
"""Seconds of the story from a booking at short notice to its first event."""
HALF_A_SECOND = timedelta(seconds=0.5)
"""So long before its first event a booking is made, at least."""
LOOK = 5.0
"""Seconds for which a look at what is up wants the engine alive: it has the rate for itself then."""
PACE = 0.1
"""Seconds between two looks at what is waited for."""
OUTAGE = 90.0
"""Seconds for which a call is repeated while the engine is dead: looking at what goes on, and a start, fit in."""
BRISK = 7.0
"""Seconds in which a machine that has little else to do has built the stage."""
BUDGET = 110.0
"""Seconds that the whole may take."""
STORY = 70.0
"""Seconds that the story takes at tempo 1."""


@dataclass(slots=True)
class Stage:
    """Everything that an act needs."""

    world: World
    network: Network
    server: Server
    client: AsyncClient
    """It repeats a call while the engine is dead."""
    looking: AsyncClient
    """It does not."""
    board: Board
    evidence: Evidence = field(default_factory=Evidence)
    begin: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Second 0 of the story."""
    tempo: float = 1.0
    """How long a second of the story is."""

    def say(self, text: str) -> None:
        """Tell what happens."""
        self.board.say(text)

    def note(self, part: Part | Lights | Link, text: str) -> None:
        """What there is to say about a booking from now on."""
        self.board.notes[part.name] = text

    async def at(self, second: float) -> None:
        """Wait for a second of the story."""
        left = self.begin + lasting(second, self.tempo) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds()))

    async def book(self, part: Part | Lights) -> Booking:
        """Book a part and confirm it."""
        booking = await self.client.send(part.booked(self.world, self.begin, self.tempo))
        return await self.act(booking, "confirm")

    async def book_at_short_notice(self, part: Part) -> Booking:
        """Book a part at its time, or on a machine that is behind so much later that there is time to confirm it."""
        notice = datetime.now(UTC) + lasting(NOTICE, self.tempo) - lasting(part.pre_roll, self.tempo) - self.begin
        begin = self.begin + timedelta(seconds=max(0, ceil(notice.total_seconds())))
        return await self.act(await self.client.send(part.booked(self.world, begin, self.tempo)), "confirm")

    async def dial(self, link: Link) -> Booking:
        """Book a circuit that begins soon, at a full second, and confirm it."""
        soon = datetime.now(UTC) + lasting(LEAD, self.tempo) + HALF_A_SECOND
        start = soon.replace(microsecond=0)
        return await self.act(await self.client.send(link.booked(self.network, start)), "confirm")

    async def booking(self, ident: str) -> Booking:
        """A booking as it is now."""
        return await self.client.send(calls.get_booking(ident))

    async def act(self, booking: Booking, action: str, why: str = "") -> Booking:
        """Do something with a booking."""
        return await self.client.send(calls.act(booking.id, action, why=why))

    async def until(self, part: Part | Lights | Link, *states: str) -> None:
        """Wait until a booking has one of these states. Raises TimeoutError when the demo has lasted too long."""
        await self.board.until(part.name, *states, within=self.left)

    @property
    def left(self) -> float:
        """Seconds for which something is still waited for."""
        return max(0.0, PATIENCE - self.board.seconds)

    async def looked_at(self, audits: Call[Audits], since: datetime) -> Round:
        """Wait until a round of checks that began after this instant has ended."""
        async with asyncio.timeout(self.left):
            while True:
                with suppress(Unreachable):  # the engine is dead, or on its way
                    found = (await self.looking.send(audits)).rounds
                    if found and found[0].ended and found[0].began >= since:
                        return found[0]
                await asyncio.sleep(PACE)

    async def quiet(self, seconds: float) -> None:
        """Wait until the engine will be left alone for so many seconds of the story."""
        async with asyncio.timeout(self.left):
            for number, outage in enumerate(OUTAGES if Half.MEDIA in self.evidence.halves else ()):
                until = self.begin + lasting(outage - seconds, self.tempo)
                while datetime.now(UTC) > until and len(self.evidence.outages) <= number:
                    await asyncio.sleep(PACE)

    async def survived(self, outages: int) -> None:
        """Wait until so many outages are over."""
        async with asyncio.timeout(self.left):
            while len(self.evidence.outages) < outages:
                await asyncio.sleep(PACE)

    async def running(self) -> dict[str, Node]:
        """The nodes whose FFmpeg runs."""
        found = await evidence.nodes(self.world, self.world.nodes)
        return {name: node for name, node in found.items() if node.pid is not None}

    async def outage(self, meanwhile: Awaitable[tuple[Audit, Audit | None] | None]) -> Outage:
        """kill -9 the engine, look at the picture and the circuit that are up, and start it again."""
        before, crashes = await self.running(), await evidence.crashes(self.client)
        killed = datetime.now(UTC)
        await self.server.kill()
        self.board.engine = Engine.DEAD
        picture, circuit = await meanwhile or (None, None)
        after = await evidence.nodes(self.world, before)
        self.say("The engine is started again.")
        await self.server.start()
        self.board.engine, self.board.pid = Engine.RUNNING, self.server.pid
        ready = datetime.now(UTC)
        lasted = (ready - killed).total_seconds()
        self.say(f"It is back after {lasted:.1f} s, as process {self.server.pid}: it goes on where the journal ends.")
        outage = Outage(killed, ready, before, after, crashes, picture, circuit)
        self.evidence.outages.append(outage)
        return outage

    async def played(self, act: str, story: Awaitable[None]) -> None:
        """Play an act to its end. What comes in its way is kept as an incident; the other acts go on."""
        try:
            await story
        except (OSError, ClientError, Unavailable, httpx.HTTPError, LookupError) as incident:
            text = f"{act}: {str(incident) or type(incident).__name__}"
            self.evidence.incidents.append(text)
            self.say(text)


@asynccontextmanager
async def built(root: Path, board: Board, halves: frozenset[Half] = BOTH) -> AsyncIterator[Stage]:
    """Devices and server run, the catalogue is filled; at the end all of it is stopped.

    Raises:
        Unavailable: the demo cannot run here.
    """
    async with AsyncExitStack() as stack:
        network = Network(root)
        if Half.CIRCUIT in halves:
            board.say("Starting 2 devices with NETCONF, between two sites")
            await stack.enter_async_context(network)
            board.say(f"The circuits are {network.plane.what}")
        if Half.MEDIA in halves:
            board.say(f"Starting {3 * CHAINS} devices: encoders, decoders and recorders that run FFmpeg")
        world = await stack.enter_async_context(World(root, chains=CHAINS if Half.MEDIA in halves else 0))
        server = Server(root, world.scripts, network.environment)
        stack.push_async_callback(server.stop)
        board.url = server.url
        board.say("Starting preroll serve: one process, one SQLite file")
        await server.start()
        board.engine, board.pid = Engine.RUNNING, server.pid
        client = await stack.enter_async_context(server.connect(patience=OUTAGE))
        applied = await client.send(calls.apply(world.documents(), platform=PLATFORM))
        board.say(f"The catalogue is in: {len(applied.items)} documents")
        looking = await stack.enter_async_context(server.connect(patience=0))
        watching = asyncio.create_task(board.watch(looking))
        stack.push_async_callback(_ended, watching)
        tempo = max(1.0, min(board.seconds / BRISK, (BUDGET - board.seconds) / STORY))
        if tempo > 1:
            board.say(f"This machine is busy: the story is told {tempo:.1f} times as slowly")
        found = Evidence(tempo=tempo, halves=halves, plane=network.what)
        yield Stage(world, network, server, client, looking, board, found, tempo=tempo)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
