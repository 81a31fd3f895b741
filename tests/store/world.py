# SPDX-License-Identifier: Apache-2.0
"""A store with something in it, and short words for what tests ask of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from preroll.domain.booking import Booking, NodeChoice, State, Timing, Trigger
from preroll.domain.boundaries import Boundary, BoundaryState, Decision, Kind, Reason, Run, retime
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.decisions import decide
from preroll.domain.definition import ServiceDefinition
from preroll.domain.machine import Outcome
from preroll.domain.resource import Resource
from preroll.domain.usage import Need
from preroll.domain.window import MINUTE, SECOND
from preroll.ports.rows import Claimed, Claims, Judged, Settled, Settlement, StepBegin, StepEnd, StepState, Verdict
from preroll.ports.store import RunRow, StepRow, Tx
from preroll.store import SqlStore
from tests import builders
from tests.builders import NOON

LEASE = 5 * SECOND
PRE_ROLL, ON_AIR, OFF_AIR, END = NOON - 5 * MINUTE, NOON, NOON + 60 * MINUTE, NOON + 65 * MINUTE
"""The four instants of ``builders.timing()``."""


class StoppedClock:
    """Stands until a test moves it."""

    def __init__(self, now_us: int = NOON - 60 * MINUTE) -> None:
        self.us = now_us

    def now_us(self) -> int:
        return self.us


def rule(judged: Judged, now_us: int) -> Decision:
    """The product's rule, as the dispatcher hands it in."""
    return decide(
        judged.boundary, judged.booking, judged.definition, judged.platform.config, now_us,
        inactive=judged.inactive, name_taken_by=judged.name_taken_by,
    )  # fmt: skip


@dataclass
class World:
    """A store, its clock, and what ``furnish`` put in."""

    store: SqlStore
    clock: StoppedClock
    url: str
    platform: Platform = field(default_factory=lambda: Platform("tv"))
    definition: ServiceDefinition = field(default_factory=builders.definition)
    resources: dict[str, Resource] = field(default_factory=dict)
    worker: int = 0

    async def furnish(self) -> None:
        def unit(tx: Tx) -> tuple[Platform, ServiceDefinition, dict[str, Resource]]:
            platform = tx.platforms.put(Platform("tv"))
            definition = tx.catalogue.put_definition(builders.definition(platform=platform.key, key=0))
            made = [Resource(name, platform=platform.key) for name in ("enc-1", "enc-2")]
            made += [Resource(name, device="chassis", platform=platform.key) for name in ("card-a", "card-b")]
            made += [Resource("mux", concurrency=3, platform=platform.key)]
            return platform, definition, {r.name: tx.catalogue.put_resource(r) for r in made}

        self.platform, self.definition, self.resources = await self.store.write(unit)
        self.worker = await self.enlist()

    async def like(self, other: World) -> None:
        """Another process on the same database."""
        self.platform, self.definition, self.resources = other.platform, other.definition, other.resources
        self.worker = await self.enlist()

    async def enlist(self) -> int:
        return await self.store.journal.enlist("w", "here", 1, "1.0", LEASE)

    async def configure(self, **changes: Any) -> None:
        """Change the platform's settings; ``limits`` by name."""
        limits = Limits(**changes.pop("limits", {}))
        config = replace(PlatformConfig(limits=limits), **changes)
        self.platform = await self.store.write(lambda tx: tx.platforms.put(replace(self.platform, config=config)))

    async def book(self, name: str = "News", on: Sequence[str] = (), armed: bool = True, **changes: Any) -> Booking:
        """A booking with its reservations and its timetable; confirmed and armed unless said otherwise."""
        held = [self.resources[r] for r in on]

        def unit(tx: Tx) -> Booking:
            nodes = {resource.name: NodeChoice(resource.id) for resource in held}
            whole = builders.booking(id=tx.new_id(), name=name, platform=self.platform.key, nodes=nodes)
            made = tx.bookings.add(replace(whole, **{"definition": self.definition.key, "key": 0, **changes}))
            tx.reservations.hold(made, [Need(resource) for resource in held])
            tx.boundaries.upsert(retime([], made.key, made.timing, armed=armed))
            return made

        return await self.store.write(unit)

    async def unscripted(self) -> ServiceDefinition:
        """A definition without actions."""
        bare = ServiceDefinition("Bare", platform=self.platform.key)
        return await self.store.write(lambda tx: tx.catalogue.put_definition(bare))

    # ------------------------------------------------------------------ what the engine does

    async def claim(self, at: int | None = None, worker: int | None = None, limit: int = 100, ahead: int = 0) -> Claims:
        if at is not None:
            self.clock.us = at
        return await self.store.journal.claim(self.worker if worker is None else worker, LEASE, rule, limit, ahead)

    async def only(self, at: int | None = None, worker: int | None = None) -> Claimed:
        """The one run that a claim brings."""
        claims = await self.claim(at, worker)
        assert len(claims.runs) == 1, claims
        return claims.runs[0]

    async def settle(self, run: Claimed, outcome: Outcome = Outcome.OK, **more: Any) -> Settled:
        if outcome is Outcome.FAILED:
            more.setdefault("reason", Reason.LSO_FAILED)
        return await self.store.journal.settle(Settlement(run.fence, run.run, outcome, run.decision, **more))

    async def fail(self, run: Claimed, **more: Any) -> Settled:
        return await self.settle(run, Outcome.FAILED, **{"message": "it would not", **more})

    async def begin(self, run: Claimed, name: str = "dial", **more: Any) -> Verdict:
        return await self.store.journal.begin(StepBegin(run.fence, run.run, name, **more))

    async def end(self, run: Claimed, name: str = "dial", state: StepState = StepState.DONE, **more: Any) -> Verdict:
        return await self.store.journal.end(StepEnd(run.fence, run.run, name, state, **more))

    async def play(self, until: int) -> None:
        """Let every event up to an instant come, and succeed."""
        for instant in sorted({PRE_ROLL, ON_AIR, OFF_AIR, END, until}):
            if instant <= until:
                await self.drain(instant)

    async def drain(self, at: int) -> list[Kind]:
        """Claim and settle until nothing is due; returns the kinds of the runs in order."""
        played = []
        while True:
            claims = await self.claim(at)
            for run in claims.runs:
                played.append(run.judged.boundary.kind)
                await self.settle(run)
            if not claims.runs and not claims.settled:
                return played

    # ------------------------------------------------------------------ what is there

    async def booking(self, booking: Booking) -> Booking:
        return await self.store.read(lambda tx: tx.bookings.by_key(booking.key))

    async def state(self, booking: Booking) -> State:
        return (await self.booking(booking)).state

    async def boundaries(self, booking: Booking) -> dict[Kind, Boundary]:
        return {b.kind: b for b in await self.store.read(lambda tx: tx.boundaries.of(booking.key))}

    async def boundary(self, booking: Booking, kind: Kind) -> Boundary:
        return (await self.boundaries(booking))[kind]

    async def runs(self, booking: Booking) -> list[RunRow]:
        return await self.store.read(lambda tx: tx.records.runs(booking.key))

    async def steps(self, run: str) -> dict[str, StepRow]:
        return {step.name: step for step in await self.store.read(lambda tx: tx.records.steps([run]))}

    async def holds(self) -> dict[str, int]:
        """Device -> boundary that holds it."""
        rows = await self.raw("select device, boundary from device_hold")
        return dict(rows)

    async def raw(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        return await self.store.read(lambda tx: tx._work.db.all(sql, *values))  # type: ignore[attr-defined]

    # ------------------------------------------------------------------ what a command does

    async def retry(self, booking: Booking, *kinds: Kind) -> None:
        """Arm failed events again: the last is retried, those before it are mended."""

        def unit(tx: Tx) -> None:
            stored = {b.kind: b for b in tx.boundaries.of(booking.key)}
            for kind in kinds:
                again = replace(
                    stored[kind], state=BoundaryState.ARMED, try_=stored[kind].try_ + 1, due_us=tx.now,
                    trigger=Trigger.RETRY if kind is kinds[-1] else None,
                )  # fmt: skip
                tx.boundaries.upsert([again])

        await self.store.write(unit)

    async def cancel(self, booking: Booking) -> None:
        """What ``cancel`` does to the store, by a caller that has read the booking before."""

        def unit(tx: Tx) -> None:
            canceled = replace(booking, state=State.CANCELED, state_version=booking.state_version + 1)
            tx.bookings.put(canceled, seen=booking)
            tx.boundaries.upsert(replace(b, state=BoundaryState.DROPPED) for b in tx.boundaries.of(booking.key))
            tx.reservations.release(booking.key)

        await self.store.write(unit)

    async def retime(self, booking: Booking, timing: Timing) -> None:
        """Move a booking."""

        def unit(tx: Tx) -> None:
            stored = tx.bookings.by_key(booking.key)
            moved = replace(stored, timing=timing, revision=stored.revision + 1)
            tx.bookings.put(moved, seen=stored)
            tx.boundaries.upsert(retime(tx.boundaries.of(booking.key), booking.key, timing, armed=True))

        await self.store.write(unit)


def ran(decision: Decision) -> str:
    """The script of a decision to run one."""
    assert isinstance(decision, Run), decision
    return decision.script
