# SPDX-License-Identifier: Apache-2.0
"""What the acts of the story play on: the world, the server, the client, the board, and the story's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from preroll.client import AsyncClient, ClientError, calls
from preroll.client.things import Booking
from preroll.demo import evidence
from preroll.demo.board import Board, Engine
from preroll.demo.cast import CHAINS, PLATFORM, Part, lasting
from preroll.demo.evidence import Evidence, Node, Outage
from preroll.demo.server import Server, connect
from preroll.demo.world import Unavailable, World
from preroll.sdk import Audit

PATIENCE = 140.0
"""Seconds after which nothing is waited for any more. An idle machine needs less than half of it."""
OUTAGE = 40.0
"""Seconds for which a call is repeated while the engine is dead."""
BRISK = 7.0
"""Seconds in which a machine that has little else to do has built the stage."""
BUDGET = 110.0
"""Seconds that the whole may take."""
STORY = 50.0
"""Seconds that the story takes at tempo 1."""


@dataclass(slots=True)
class Stage:
    """Everything that an act needs."""

    world: World
    server: Server
    client: AsyncClient
    board: Board
    evidence: Evidence = field(default_factory=Evidence)
    begin: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Second 0 of the story."""
    tempo: float = 1.0
    """How long a second of the story is."""

    def say(self, text: str) -> None:
        """Tell what happens."""
        self.board.say(text)

    def note(self, part: Part, text: str) -> None:
        """What there is to say about a booking from now on."""
        self.board.notes[part.name] = text

    async def at(self, second: float) -> None:
        """Wait for a second of the story."""
        left = self.begin + lasting(second, self.tempo) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds()))

    async def book(self, part: Part) -> Booking:
        """Book a part and confirm it."""
        booking = await self.client.send(part.booked(self.world, self.begin, self.tempo))
        return await self.act(booking, "confirm")

    async def act(self, booking: Booking, action: str, why: str = "") -> Booking:
        """Do something with a booking."""
        return await self.client.send(calls.act(booking.id, action, why=why))

    async def until(self, part: Part, *states: str) -> None:
        """Wait until a booking has one of these states. Raises TimeoutError when the demo has lasted too long."""
        await self.board.until(part.name, *states, within=max(0.0, PATIENCE - self.board.seconds))

    async def running(self) -> dict[str, Node]:
        """The nodes whose FFmpeg runs."""
        found = await evidence.nodes(self.world, self.world.nodes)
        return {name: node for name, node in found.items() if node.pid is not None}

    async def outage(self, meanwhile: Awaitable[Audit | None]) -> Outage:
        """kill -9 the engine, let something happen, and start it again."""
        before, crashes = await self.running(), await evidence.crashes(self.client)
        killed = datetime.now(UTC)
        await self.server.kill()
        self.board.engine = Engine.DEAD
        picture = await meanwhile
        self.say("The engine is started again.")
        await self.server.start()
        self.board.engine, self.board.pid = Engine.RUNNING, self.server.pid
        ready = datetime.now(UTC)
        lasted = (ready - killed).total_seconds()
        self.say(f"It is back after {lasted:.1f} s, as process {self.server.pid}: it goes on where the journal ends.")
        after = await evidence.nodes(self.world, before)
        outage = Outage(killed, ready, before, after, crashes, picture)
        self.evidence.outages.append(outage)
        return outage

    async def played(self, act: str, story: Awaitable[None]) -> None:
        """Play an act to its end. What comes in its way is kept as an incident; the other acts go on."""
        try:
            await story
        except (TimeoutError, ClientError, Unavailable, httpx.HTTPError, LookupError) as incident:
            text = f"{act}: {str(incident) or type(incident).__name__}"
            self.evidence.incidents.append(text)
            self.say(text)


@asynccontextmanager
async def built(root: Path, board: Board) -> AsyncIterator[Stage]:
    """Devices and server run, the catalogue is filled; at the end all of it is stopped.

    Raises:
        Unavailable: the demo cannot run here.
    """
    async with AsyncExitStack() as stack:
        board.say(f"Starting {3 * CHAINS} devices: encoders, decoders and recorders that run FFmpeg")
        world = await stack.enter_async_context(World(root, chains=CHAINS))
        server = Server(root, world.scripts)
        stack.push_async_callback(server.stop)
        board.url = server.url
        board.say("Starting preroll serve: one process, one SQLite file")
        await server.start()
        board.engine, board.pid = Engine.RUNNING, server.pid
        client = await stack.enter_async_context(connect(server.url, patience=OUTAGE))
        applied = await client.send(calls.apply(world.documents(), platform=PLATFORM))
        board.say(f"The catalogue is in: {len(applied.items)} documents")
        looking = await stack.enter_async_context(connect(server.url, patience=0))
        watching = asyncio.create_task(board.watch(looking))
        stack.push_async_callback(_ended, watching)
        tempo = max(1.0, min(board.seconds / BRISK, (BUDGET - board.seconds) / STORY))
        if tempo > 1:
            board.say(f"This machine is busy: the story is told {tempo:.1f} times as slowly")
        yield Stage(world, server, client, board, Evidence(tempo=tempo), tempo=tempo)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
