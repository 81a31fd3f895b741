# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store. Two ways to write, no third: units for commands, the journal for the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from preroll.domain.audit import Round
from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary, Kind
from preroll.domain.changes import Change
from preroll.domain.foresight import Standing
from preroll.domain.reach import Labels
from preroll.ports.accounts import Accounts
from preroll.ports.bundles import Bundles
from preroll.ports.catalogue import Catalogue
from preroll.ports.lists import BY_START, BookingFilter, Order, Page, Place
from preroll.ports.losses import Losses
from preroll.ports.night import Nights
from preroll.ports.orders import Orders, Services
from preroll.ports.platforms import Platforms
from preroll.ports.reservations import Reservations
from preroll.ports.retention import Retention
from preroll.ports.rows import (
    Adopted,
    Claims,
    Decide,
    LogLine,
    Settled,
    Settlement,
    StepBegin,
    StepEnd,
    StepState,
    Verdict,
)
from preroll.ports.service_audits import ServiceAudits
from preroll.ports.subscriptions import Subscriptions
from preroll.ports.timeline import Timeline
from preroll.ports.workers import Role, Workers

A = TypeVar("A")
R = TypeVar("R")


class Bookings(Protocol):
    """The bookings of a transaction."""

    def get(self, ident: str, *, hidden: bool = False) -> Booking:
        """Raises NotFound; also for one that was deleted, unless ``hidden``."""
        ...

    def by_key(self, key: int) -> Booking: ...

    def add(self, booking: Booking) -> Booking: ...

    def add_all(self, bookings: Sequence[Booking]) -> list[Booking]:
        """Store new ones; returns them with their keys. An id that exists already raises Refused."""
        ...

    def put(self, booking: Booking, *, seen: Booking) -> None:
        """Store a changed one if it is still as ``seen``: same revision and same state_version; else raises Stale."""
        ...

    def move(self, pairs: Sequence[tuple[Booking, Booking]]) -> None:
        """Store many of which only state and nodes changed, each (as seen, as it is now), if all are still as seen.

        Raises:
            Stale: somebody else changed one of them.
        """
        ...

    def page(self, where: BookingFilter, after: Place | None, limit: int, order: Order = BY_START) -> Page:
        """So many bookings after a place of a list."""
        ...

    def scopes(self, idents: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Id -> security scopes of those that carry any."""
        ...

    def several(self, idents: Collection[str]) -> list[Booking]:
        """Those of these ids that exist, by key; in a write they stay as they are until it ends."""
        ...

    def overlays(self, service: str) -> list[Booking]:
        """Live bookings that change this service for a while, by id; in a write they stay as they are until it ends."""
        ...

    def on_top(self, service: str) -> list[Booking]:
        """What may hold more on top of this service: its overlays, and what carries orders that have their time.

        By start; in a write they stay as they are until it ends.
        """
        ...

    def revisions_using(
        self, platform: int, instances: Collection[str], definitions: Collection[int]
    ) -> Mapping[int, tuple[int, int]]:
        """Key -> (revision, state version) of those that ``using`` tells of; in a write they stay so until it ends."""
        ...

    def using(self, platform: int, instances: Collection[str], definitions: Collection[int]) -> list[Booking]:
        """Live bookings that may refer to one of these profile instances, or are made of one of these definitions."""
        ...

    def standings(self, platform: int) -> list[tuple[Standing, int]]:
        """Where bookings stand whose events are ahead, and how many stand alike."""
        ...

    def at(self, platform: int, standing: Standing, limit: int) -> list[Booking]:
        """Bookings that stand so, the first to start first."""
        ...

    def named(self, platform: int, name: str, start_us: int, end_us: int | None, but: int | None) -> Booking | None:
        """A live booking with a service that has this name, case-folded, and whose held window overlaps."""
        ...


class Boundaries(Protocol):
    """The timetable of a transaction."""

    def of(self, booking: int) -> list[Boundary]:
        """All of a booking, in ordinal order."""
        ...

    def of_all(self, bookings: Collection[int]) -> Mapping[int, list[Boundary]]:
        """The same for many: key of each that has any -> all of it."""
        ...

    def booking_of(self, key: int) -> int: ...

    def stop(self, key: int) -> None:
        """Have whoever runs it stop it; nothing when it does not run."""
        ...

    def upsert(self, boundaries: Iterable[Boundary]) -> None:
        """Insert (key 0) or replace. Wakes the dispatcher when the transaction commits."""
        ...

    def disarm(self, bookings: Collection[int]) -> None:
        """The standard events of waiting bookings, whose timing is as it was, do not fire any more."""
        ...


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is stored."""

    id: str
    boundary: int
    booking: str
    kind: Kind
    event: str
    script: str
    version: str
    target: str
    previous: str
    generation: int
    try_: int
    epoch: int
    config_version: int
    worker: str
    began_us: int
    ended_us: int | None
    outcome: str
    """``running``, ``ok``, ``failed`` or ``cancelled``."""
    reason: str
    message: str
    returned: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as it is stored; its resource also as it is called now (empty: there is none of that id)."""

    run: str
    name: str
    resource: str
    state: StepState
    attempts: int
    epoch: int
    began_us: int
    ended_us: int | None
    result: object
    diff: tuple[tuple[str, object, object], ...]
    error: str
    resource_name: str = ""


class Records(Protocol):
    """What the engine wrote, to be read."""

    def runs(self, booking: int) -> list[RunRow]: ...
    def newest(self, bookings: Collection[int], kind: Kind) -> Mapping[str, RunRow]:
        """Id of each of these bookings -> its newest run of a kind."""
        ...

    def run(self, ident: str) -> RunRow: ...
    def steps(self, runs: Sequence[str]) -> list[StepRow]: ...
    def lives(self, runs: Sequence[str]) -> Callable[[], Mapping[str, Sequence[StepRow]]]:
        """The steps of each run, with those of the same run before an operator had it go on; each as it was last.

        Answers them by run when they are wanted; what is asked for meanwhile comes with them.
        """
        ...

    def audits(self, booking: int, limit: int = 20) -> list[RunRow]:
        """Its rounds of checks, newest first; the newest may still run."""
        ...

    def rounds(self, booking: int) -> list[Round]:
        """What its rounds found that have ended, newest first."""
        ...

    def applied(self, booking: int) -> list[tuple[str, Mapping[str, object]]]:
        """(resource, values by the driver's paths) of each apply that its runs have done, oldest first."""
        ...

    def log(self, booking: int, *, run: str | None = None, limit: int = 1000) -> list[LogLine]: ...


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer that was given to an idempotency key."""

    digest: str
    """Of the request's body."""
    status: int
    body: str


class Answers(Protocol):
    """Idempotency keys: per actor, method and path, 24 hours, stored in the same unit (SPEC 11)."""

    def find(self, actor: str, route: str, key: str) -> StoredAnswer | None: ...
    def keep(self, actor: str, route: str, key: str, answer: StoredAnswer) -> None: ...


class Changes(Protocol):
    """The change log of a transaction."""

    def add(self, change: Change) -> None: ...
    def add_all(self, changes: Sequence[Change]) -> None: ...
    def of(self, subject: str, limit: int = 1000) -> list[Change]: ...
    def tail(self) -> str:
        """The cursor of the newest change that the feed can tell."""
        ...


class Tx(Protocol):
    """One transaction. A unit reads only this and its arguments, so that it can be run again."""

    bookings: Bookings
    timeline: Timeline
    boundaries: Boundaries
    reservations: Reservations
    losses: Losses
    catalogue: Catalogue
    bundles: Bundles
    platforms: Platforms
    records: Records
    answers: Answers
    changes: Changes
    workers: Workers
    accounts: Accounts
    nights: Nights
    subscriptions: Subscriptions
    retention: Retention
    orders: Orders
    services: Services
    service_audits: ServiceAudits

    @property
    def now(self) -> int:
        """The store's clock, in microseconds of UTC; the same through the whole transaction."""
        ...

    def new_id(self) -> str:
        """A UUIDv7."""
        ...


Unit = Callable[[Tx], R]
Deed = Callable[[Tx, Sequence[A]], Sequence[R]]
"""What the engine does for several at once: an answer for each, in their order."""


class Journal(Protocol):
    """The engine's way to write: set-based, fenced by epoch, many callers a commit."""

    async def enlist(
        self,
        name: str,
        host: str,
        pid: int,
        version: str,
        lease_us: int,
        labels: Labels = frozenset(),
        role: Role = Role.HERE,
    ) -> int:
        """Register a worker with a lease of this length; returns its key."""
        ...

    async def offer(self, worker: int, scripts: Mapping[str, str]) -> None:
        """Tell which scripts this worker has, name -> version: what another has alone is left to that one."""
        ...

    async def renew(self, worker: int, lease_us: int) -> None:
        """Heartbeat: the lease is good for another ``lease_us`` from now."""
        ...

    async def retire(self, worker: int) -> None:
        """The worker stops: its lease is over now, what it still owns can be claimed."""
        ...

    async def bury(self, survivor: int) -> int:
        """End the leases of all other workers (they are known to be dead); returns how many."""
        ...

    async def claim(self, worker: int, lease_us: int, decide: Decide, limit: int, ahead_us: int = 0) -> Claims:
        """Take over what is due, or whose worker's lease has expired, at most ``limit`` runs.

        The script of a standard event is claimed up to ``ahead_us`` microseconds early, so that this is durable on its
        instant: it began then, and who carries it waits until then. Only runs whose devices this worker reaches, and
        whose script it has; what only another live worker has is left to that one.

        Renews the worker's own lease first when a quarter of it is over. Takes the devices of each run all or none;
        what cannot have them waits and says for whom. Only a booking's first open standard boundary can be claimed.
        Down events first, then due time, then key. What the decision says needs no script is settled here.
        """
        ...

    async def adopt(self, worker: int, boundary: int, generation: int) -> Adopted:
        """Make the run that a carrier brought this worker's own, whoever sent it; may be asked twice."""
        ...

    async def sent(self, worker: int) -> frozenset[int]:
        """The boundaries that this sender has claimed and no runner has adopted."""
        ...

    def begin(self, step: StepBegin) -> Awaitable[Verdict]: ...
    def end(self, step: StepEnd) -> Awaitable[Verdict]: ...
    async def settle(self, settlement: Settlement) -> Settled: ...
    def note(self, line: LogLine) -> None:
        """Queue a line of the action log, from any thread: written before whatever is asked of the journal after it."""
        ...


class Feed(Protocol):
    """The change log as a stream, by opaque cursor; a cursor never skips a change that commits late."""

    async def read(self, after: str, limit: int = 100, *, platform: int | None = None) -> list[Change]:
        """Changes after a cursor, oldest first; the empty cursor is the beginning."""
        ...

    async def tail(self) -> str:
        """The cursor of the newest change."""
        ...

    async def coming(self, after: str, timeout: float, limit: int, make: Callable[[Tx, list[Change]], R]) -> R | None:
        """What is made, where it is read, of what comes after the cursor; None: nothing came for so many seconds."""
        ...


class Store(Protocol):
    """A database."""

    journal: Journal
    feed: Feed

    async def write(self, unit: Unit[R]) -> R:
        """Run a unit in a transaction of its own and commit; returns when it is durable.

        Raises:
            StoreUnavailable: the commit failed; whether it took effect is unknown.
        """
        ...

    async def gather(self, deed: Deed[A, R], about: A) -> R:
        """Do something for one, in one transaction with all others that wait for the same; returns when it is durable.

        If it fails for several, it is done for each by itself, so that nobody pays for a neighbour.

        Raises:
            StoreUnavailable: the commit failed; whether it took effect is unknown.
        """
        ...

    async def read(self, query: Unit[R]) -> R:
        """Run a read-only unit on a snapshot."""
        ...

    def on_due(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread) when the timetable may have something new."""
        ...
