# SPDX-License-Identifier: Apache-2.0
"""Bookings in every life cycle state, put straight into a store in memory: no engine, no waiting, a moment each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from preroll.app import App, build
from preroll.domain.audit import AuditSpec
from preroll.domain.booking import ENDED, FAILED_EVENT, RUNNING, Booking, NodeChoice, State, Timing
from preroll.domain.boundaries import STANDARD, BoundaryState, Reason, retime
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.permission import LOCAL, ROLES
from preroll.domain.resource import Resource
from preroll.domain.window import DAY, MINUTE, SECOND
from preroll.ports.store import Tx
from preroll.store import SqlStore, open_inline_store
from tests.actions import RUNS_IN
from tests.api.people import People, passwords
from tests.builders import ACTIONS, NOON

HERE, ELSEWHERE = "elsewhere", "other"
"""Somebody who may do everything on another platform, and that platform."""
AT = {State.PRE_ROLL: -200, State.ACTIVE: 100, State.POST_ROLL: 3_700, State.COMPLETED: 4_000}
"""Seconds from the full hour at which a booking of an hour, with rolls of five minutes, is in the middle of a state."""
STAGES = (State.PRE_ROLL, State.ACTIVE, State.POST_ROLL, State.COMPLETED)
FAILED = (State.FAILED_PRE_ROLL, State.FAILED_ACTIVE, State.FAILED_POST_ROLL, State.FAILED_COMPLETED)


@dataclass
class HandClock:
    """Time that stands where a test puts it."""

    at_us: int = NOON - DAY

    def now_us(self) -> int:
        return self.at_us


def stage_of(state: State) -> int | None:
    """Which event led to a state; None: none has begun."""
    both = STAGES if state in STAGES else FAILED
    return both.index(state) if state in both else None


@dataclass
class Bench:
    """A store, what is asked of it, and somebody for each role."""

    app: App
    store: SqlStore
    clock: HandClock
    people: People
    tokens: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    platform: int = 0
    definition: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @classmethod
    async def built(cls, stack: AsyncExitStack) -> Bench:
        clock = HandClock()
        store = open_inline_store(clock)
        stack.callback(store.close)
        app = build(store, None, passwords())
        bench = cls(app, store, clock, People(app, stack, stopping=True))
        locked = PlatformConfig(lock_bookings=True)
        bench.platform = (await app.platforms.put(LOCAL, Platform("default", config=locked))).key
        await app.platforms.put(LOCAL, Platform(ELSEWHERE))
        nodes = (Node("Encoder"), Node("Decoder", optional=True))
        audit = AuditSpec("Port", "tcp", {"host": "127.0.0.1", "port": 9})
        made = ServiceDefinition("Contribution", nodes=nodes, actions=ACTIONS, audits=(audit,))
        resources = [Resource(name, concurrency=100_000) for name in ("enc-1", "enc-2", "enc-3", "enc-4")]
        await app.catalogue.apply(LOCAL, "default", [*resources, made])

        def read(tx: Tx) -> tuple[int, dict[str, str]]:
            found = tx.catalogue.resources(bench.platform)
            return tx.catalogue.definition(bench.platform, "Contribution").key, {r.name: r.id for r in found}

        bench.definition, bench.ids = await store.read(read)
        for role in sorted(ROLES):
            bench.tokens[role], bench.names[role] = await bench._somebody(role, [role])
        bench.tokens[HERE], bench.names[HERE] = await bench._somebody(HERE, (), on={ELSEWHERE: ["admin"]})
        return bench

    async def _somebody(self, name: str, roles: Any, **rights: Any) -> tuple[str, str]:
        from preroll.app.tokens import NewToken

        await self.people.add(name, roles, **rights)
        return (await self.app.tokens.create(LOCAL, NewToken("t", name)))[1], f"{name}/t"

    def at(self, state: State) -> None:
        """Put the clock to where bookings of a state are."""
        found = stage_of(state)
        seconds = -3_600 if found is None else AT[STAGES[found]]
        self.clock.at_us = NOON + seconds * SECOND

    async def put(self, state: State, action: str, owner: str) -> Booking:
        """A booking in a state, fit for an action of somebody, as far as the state allows it."""
        found, number = stage_of(state), next(self._numbers)
        chosen = {"Encoder": NodeChoice(self.ids["enc-4" if state in ENDED else "enc-1"])}
        if action == "remove":
            chosen["Decoder"] = NodeChoice(self.ids["enc-2"])
        owners = {"take": "", "force-take": "somebody else"}
        booking = Booking(
            0, "", self.platform, f"B{number}", state, Timing(NOON, NOON + 60 * MINUTE, 5 * MINUTE, 5 * MINUTE),
            definition=self.definition, nodes=chosen, service_state=self._service_state(state),
            began=state in RUNNING or found is not None or state is State.FAILED, created_us=self.clock.at_us,
            changed_us=self.clock.at_us, owner=owners.get(action, owner),
        )  # fmt: skip

        def unit(tx: Tx) -> Booking:
            made = tx.bookings.add(replace(booking, id=tx.new_id()))
            tx.boundaries.upsert(retime([], made.key, made.timing, armed=state is State.CONFIRMED))
            tx.boundaries.upsert(
                replace(b, state=s, reason=Reason.LSO_FAILED if s is BoundaryState.FAILED else None)
                for b, s in zip(tx.boundaries.of(made.key), self._boundaries(state), strict=True)
            )
            return made

        return await self.store.write(unit)

    def _service_state(self, state: State) -> str:
        if state in FAILED_EVENT or state is State.FAILED:
            return "FAILED"
        return RUNS_IN.get(state, "STOP")

    def _boundaries(self, state: State) -> list[BoundaryState]:
        found = stage_of(state)
        if found is None:
            all_ = {State.CONFIRMED: BoundaryState.ARMED, State.CANCELED: BoundaryState.DROPPED}
            first = {State.FAILED: BoundaryState.FAILED}.get(state)
            rest = BoundaryState.DROPPED if first else all_.get(state, BoundaryState.DISARMED)
            return [first or rest, *[rest] * (len(STANDARD) - 1)]
        last = BoundaryState.FAILED if state in FAILED else BoundaryState.DONE
        done = [BoundaryState.DONE] * found
        return [*done, last, *[BoundaryState.ARMED] * (len(STANDARD) - found - 1)]

    async def stored(self, booking: Booking) -> Booking:
        """The booking as it is now."""
        return await self.store.read(lambda tx: tx.bookings.by_key(booking.key))
