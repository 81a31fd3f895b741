# SPDX-License-Identifier: Apache-2.0
"""What the acts of the story play on: the world, the server, the client, the board, and the story's clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from preroll.client import AsyncClient, ClientError, calls
from preroll.client.things import Booking
from preroll.demo import evidence
from preroll.demo.board import Board, Engine
from preroll.demo.cast import CHAINS, PLATFORM, Part
from preroll.demo.evidence import Evidence, Node
from preroll.demo.server import Server, connect
from preroll.demo.world import Unavailable, World

PATIENCE = 30.0
"""Seconds for which a call is repeated while the engine is dead."""


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

    def say(self, text: str) -> None:
        """Tell what happens."""
        self.board.say(text)

    def note(self, part: Part, text: str) -> None:
        """What there is to say about a booking from now on."""
        self.board.notes[part.name] = text

    async def at(self, second: float) -> None:
        """Wait for a second of the story."""
        left = self.begin + timedelta(seconds=second) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds()))

    async def book(self, part: Part) -> Booking:
        """Book a part and confirm it."""
        booking = await self.client.send(part.booked(self.world, self.begin))
        return await self.act(booking, "confirm")

    async def act(self, booking: Booking, action: str, why: str = "") -> Booking:
        """Do something with a booking."""
        return await self.client.send(calls.act(booking.id, action, why=why))

    async def until(self, part: Part, *states: str, within: float = 30.0) -> None:
        """Wait until a booking has one of these states. Raises TimeoutError."""
        await self.board.until(part.name, *states, within=within)

    async def running(self) -> dict[str, Node]:
        """The nodes whose FFmpeg runs."""
        found = await evidence.nodes(self.world, self.world.nodes)
        return {name: node for name, node in found.items() if node.pid is not None}

    async def kill(self) -> datetime:
        """kill -9; returns when."""
        killed = datetime.now(UTC)
        await self.server.kill()
        self.board.engine = Engine.DEAD
        return killed

    async def restart(self) -> datetime:
        """Start the server again; returns when it was ready."""
        await self.server.start()
        self.board.engine, self.board.pid = Engine.RUNNING, self.server.pid
        return datetime.now(UTC)

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
        client = await stack.enter_async_context(connect(server.url, patience=PATIENCE))
        applied = await client.send(calls.apply(world.documents(), platform=PLATFORM))
        board.say(f"The catalogue is in: {len(applied.items)} documents")
        looking = await stack.enter_async_context(connect(server.url, patience=0))
        watching = asyncio.create_task(board.watch(looking))
        stack.push_async_callback(_ended, watching)
        yield Stage(world, server, client, board)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
