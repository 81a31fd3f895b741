# SPDX-License-Identifier: Apache-2.0
"""Home for the night: what is on the air, what comes next and what it still lacks, and what needs somebody.

A handful of bounded questions, whatever the number of bookings: nothing here is asked booking by booking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from preroll.app import sight
from preroll.app.bookings import Installed
from preroll.app.night_lacks import Lacks
from preroll.app.night_orders import OrderTrouble, order_troubles
from preroll.app.quarantine import lot_of
from preroll.app.views import next_open, waits
from preroll.app.workers import Fleet, beyond, fleet
from preroll.domain.attention import UNCONFIRMED, Attention, attention, matter
from preroll.domain.audit import Status, Verdict
from preroll.domain.auditing import stands
from preroll.domain.booking import RUNNING, WAITING, Booking, State
from preroll.domain.boundaries import Boundary, BoundaryState
from preroll.domain.concern import CONCERNS, PROMPT, Concern, failed, failure, to_do
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.permission import Actor
from preroll.domain.quarantine import Loss
from preroll.domain.reach import written
from preroll.domain.resource import Resource
from preroll.domain.window import DAY
from preroll.ports.night import Filled, Span
from preroll.ports.scripts import BrokenScript
from preroll.ports.service_audits import Alarmed
from preroll.ports.store import Store, Tx
from preroll.ports.workers import Role

LISTED = 100
"""Bookings of one kind that are looked at."""
COMING = 20
"""Bookings that come next."""
RECENT = DAY
"""How long one that could not be started is shown."""

Broken = Callable[[], Sequence[BrokenScript]]


@dataclass(frozen=True, slots=True)
class OnAir:
    """A booking that runs."""

    booking: Booking
    next_event: str
    """Empty: no event is to come, as it has no end."""
    next_us: int | None
    known: Verdict | None
    """What the audits of its service say; None: it has none."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A booking that is to start."""

    booking: Booking
    lacks: tuple[Mistake, ...]
    """All that keeps it from starting as planned; empty: it is ready."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A booking that needs somebody; the most urgent reason."""

    booking: Booking
    concern: Concern
    what: str
    to_do: str
    at_us: int
    """The instant that it is about."""
    rival: str = ""
    """Id of the booking that is in the way."""
    rival_name: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that put it right."""
        return CONCERNS[self.concern].actions


@dataclass(frozen=True, slots=True)
class Ailment:
    """Something wrong with what runs the bookings."""

    part: str
    """``engine``, ``workers``, ``platform`` or ``scripts``."""
    what: str
    to_do: str


@dataclass(frozen=True, slots=True)
class Needing:
    """All that needs somebody, of one platform at one instant."""

    troubles: tuple[Trouble, ...] = ()
    """Bookings, each with its most urgent reason; the most urgent first."""
    alarmed: tuple[Alarmed, ...] = ()
    """Services that audits have found not well, the oldest alarm first."""
    orders: tuple[OrderTrouble, ...] = ()
    """Orders, and services that failed to deploy, that need somebody; the most urgent first."""
    more: bool = False
    """There is more of something than is listed."""

    def __str__(self) -> str:
        """How many they are."""
        return f"{len(self.troubles) + len(self.alarmed) + len(self.orders)}{'+' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Night:
    """All of it, of one platform at one instant."""

    platform: Platform
    now_us: int
    on_air: tuple[OnAir, ...]
    coming: tuple[Coming, ...]
    needing: Needing
    ailments: tuple[Ailment, ...]
    fleet: Fleet
    filled: Filled


class Nights:
    """What somebody sees who comes in and asks how things stand."""

    def __init__(self, store: Store, installed: Installed, broken: Broken) -> None:
        self._store, self._installed, self._broken = store, installed, broken

    async def of(self, by: Actor, platform: str, limit: int = LISTED) -> Night:
        """How things stand on a platform.

        Args:
            limit: how many bookings of one kind are looked at.

        Raises:
            NotFound: no such platform.
        """
        installed, broken = self._installed(), self._broken()

        def query(tx: Tx) -> Night:
            home = sight.platform(tx, by, platform)
            return _Watch(tx, by, home, limit).night(installed, broken)

        return await self._store.read(query)

    async def needing(self, by: Actor, platform: str) -> Needing:
        """What needs somebody on a platform: the same as all of it says.

        Raises:
            NotFound: no such platform.
        """
        return await self._store.read(lambda tx: _Watch(tx, by, sight.platform(tx, by, platform), LISTED).needing())

    async def filled(self, by: Actor, platform: str) -> Filled:
        """What there is to work with on a platform.

        Raises:
            NotFound: no such platform.
        """
        return await self._store.read(lambda tx: tx.nights.filled(sight.platform(tx, by, platform).key))


class _Watch:
    """One look at a platform."""

    def __init__(self, tx: Tx, by: Actor, home: Platform, limit: int) -> None:
        self._tx, self._by, self._home, self._limit = tx, by, home, limit
        now, near = tx.now, home.config.limits.near_air_us or 0
        self._running = self._within(RUNNING)
        self._due = self._within({State.CONFIRMED}, until=now + 1)
        self._failed = self._within({State.FAILED}, since=now - RECENT, newest=True)
        self._unreset = self._within({State.FAILED_COMPLETED}, newest=True, not_reset=True)
        self._unconfirmed = self._within(UNCONFIRMED, until=now + near + 1, newest=True)
        self._quarantined = self._within({State.QUARANTINED}, since=now + near + 1)
        self._on_air = [*self._running, *(b for b in self._due if b.began)]
        begun = [*self._running, *self._due, *self._failed, *self._unreset]
        self._times = tx.nights.boundaries(b.key for b in begun)
        self._known = self._audited()
        lost = [*self._on_air, *self._unconfirmed, *self._quarantined]
        self._losses = tx.nights.losses(b.key for b in lost)
        self._fleet = fleet(tx, by)

    def _within(
        self,
        states: Collection[State],
        *,
        since: int | None = None,
        until: int | None = None,
        newest: bool = False,
        not_reset: bool = False,
        limit: int = 0,
    ) -> list[Booking]:
        span = Span(self._home.key, states, since, until, newest, not_reset, self._by.sight)
        return self._tx.nights.within(span, limit or self._limit)

    def night(self, installed: Collection[str] | None, broken: Sequence[BrokenScript]) -> Night:
        """What it saw."""
        coming = self._within(WAITING, since=self._tx.now + 1, limit=COMING)
        lacks = Lacks(self._tx, self._home, coming, self._tx.nights.losses(b.key for b in coming), installed)
        return Night(
            self._home,
            self._tx.now,
            tuple(sorted(map(self._shown, self._on_air), key=_next_first)),
            tuple(Coming(booking, tuple(lacks.of(booking))) for booking in coming),
            self.needing(),
            tuple(_ailments(self._home, self._fleet, broken)),
            self._fleet,
            self._tx.nights.filled(self._home.key),
        )

    def needing(self) -> Needing:
        """What of it needs somebody."""
        worst: dict[int, Trouble] = {}
        for trouble in sorted(self._troubles(), key=_urgency):
            worst.setdefault(trouble.booking.key, trouble)
        alarmed = tuple(self._tx.service_audits.alarmed(self._home.key, self._by.sight, self._limit))
        orders = tuple(order_troubles(self._tx, self._by, self._home, self._limit))
        lists = (self._running, self._due, self._failed, self._unreset, self._unconfirmed, self._quarantined, alarmed)
        more = any(len(found) == self._limit for found in lists)
        return Needing(tuple(worst.values()), alarmed, orders, more)

    # ------------------------------------------------------------------ on the air

    def _audited(self) -> Mapping[int, Verdict | None]:
        audited = [b for b in self._on_air if (found := self._definition(b)) and found.audits]
        rounds = self._tx.nights.rounds(b.key for b in audited)
        return {b.key: stands(b, self._times.get(b.key, ()), rounds.get(b.key, ())) for b in audited}

    def _definition(self, booking: Booking) -> ServiceDefinition | None:
        return self._tx.catalogue.definition_by_key(booking.definition) if booking.definition else None

    def _shown(self, booking: Booking) -> OnAir:
        ahead = next_open(self._times.get(booking.key, ()))
        event, due = ("", None) if ahead is None else (ahead.event.name, ahead.due_us)
        return OnAir(booking, event, due, self._known.get(booking.key))

    # ------------------------------------------------------------------ what needs somebody

    def _troubles(self) -> Iterator[Trouble]:
        for booking in self._on_air:
            yield from self._disputed(booking)
            known = self._known.get(booking.key)
            if known is not None and known.status is Status.DOWN:
                yield _trouble(booking, Concern.DOWN, "its checks found it down", booking.timing.start)
        yield from self._failures()
        yield from self._held_up()
        for booking in (*self._unconfirmed, *self._quarantined):
            yield from self._unready(booking)

    def _failures(self) -> Iterator[Trouble]:
        for booking in (*self._on_air, *self._failed, *self._unreset):
            concern = failed(booking)
            if concern is not None:
                found = failure(booking, self._times.get(booking.key, ()))
                yield _trouble(booking, concern, found.what, found.at_us)

    def _disputed(self, booking: Booking) -> Iterator[Trouble]:
        """What it holds and should not; few bookings ever do."""
        lot = lot_of(self._tx, booking) if self._losses.get(booking.key) else None
        if lot is not None:
            clashes = sight.clashes(self._tx, self._by, self._home.key, lot.in_the_way)
            rival = next((c for c in clashes if c.rival), None)
            yield _trouble(
                booking, Concern.IN_CONFLICT, "; ".join(map(str, clashes)), lot.losses[0].at_us,
                (rival.rival, rival.rival_name) if rival else ("", ""),
            )  # fmt: skip

    def _held_up(self) -> Iterator[Trouble]:
        """Events that are due and have not begun, or whose worker is gone."""
        alive = {worker.key for worker in self._fleet.workers if worker.alive}
        found: list[tuple[Booking, Boundary]] = []
        for booking in (*self._running, *self._due, *self._unreset):
            event = next_open(self._times.get(booking.key, ()))
            if event is None or event.due_us > self._tx.now - PROMPT:
                continue
            if event.state is BoundaryState.ARMED or event.worker not in alive:
                found.append((booking, event))
        owners = self._tx.nights.owners(event.waits_for for _, event in found if event.waits_for is not None)
        resources = self._resources(booking for booking, _ in found)
        standing = [worker.labels for worker in self._fleet.workers if worker.alive and worker.role is not Role.SENDER]
        for booking, event in found:
            unreached = beyond([resources[i] for i in booking.held if i in resources], standing)
            yield self._waiting(booking, event, owners, unreached)

    def _waiting(self, booking: Booking, event: Boundary, owners: Mapping[int, Booking], unreached: str) -> Trouble:
        if event.state is BoundaryState.RUNNING:
            what = f"{event.event.name} is under way, and its worker is gone; {unreached or 'it waits for another one'}"
            return _trouble(booking, Concern.LATE, what, event.due_us)
        rival = None if event.waits_for is None else owners.get(event.waits_for)
        why = waits(self._home, event, rival, unreached)
        if not why.for_booking or rival is None:
            return _trouble(booking, Concern.LATE, f"{event.event.name} {why.what}", event.due_us)
        if not self._by.sees(rival.platform, rival.scopes):
            return _trouble(booking, Concern.WAITING, f"{event.event.name} waits for {sight.SOMEBODY}", event.due_us)
        what = f"{event.event.name} waits for {rival.name} to give way"
        return _trouble(booking, Concern.WAITING, what, event.due_us, (rival.id, rival.name))

    def _resources(self, bookings: Iterable[Booking]) -> Mapping[str, Resource]:
        ids = {ident for booking in bookings for ident in booking.held}
        return {r.id: r for r in self._tx.catalogue.resources(self._home.key, ids=sorted(ids))} if ids else {}

    def _unready(self, booking: Booking) -> Iterator[Trouble]:
        needed = attention(booking, self._tx.now, self._home.config.limits.near_air_us)
        if needed is not None:
            concern = Concern.LAPSED if needed is Attention.LAPSED else Concern.NEAR_AIR
            yield _trouble(booking, concern, matter(booking, needed, self._tx.now), booking.timing.held.start)
        elif booking.state is State.QUARANTINED:
            lost = dict.fromkeys(f"lost {_told(self._by, loss)}" for loss in self._losses.get(booking.key, ()))
            what = "; ".join(lost) or "it lost a conflict"
            yield _trouble(booking, Concern.QUARANTINED, what, booking.timing.held.start)


def _told(by: Actor, loss: Loss) -> str:
    """A loss in words; who may not see every booking does not read to whom."""
    return str(loss) if by.sight is None or loss.why else f"{loss.resource_name}: {loss.dimension or 'its place'}"


def _trouble(booking: Booking, concern: Concern, what: str, at_us: int, rival: tuple[str, str] = ("", "")) -> Trouble:
    return Trouble(booking, concern, what, to_do(concern, booking), at_us, *rival)


_ORDER = {concern: place for place, concern in enumerate(CONCERNS)}


def _urgency(trouble: Trouble) -> tuple[int, int, int]:
    return _ORDER[trouble.concern], trouble.at_us, trouble.booking.key


def _next_first(one: OnAir) -> tuple[bool, int, int]:
    return one.next_us is None, one.next_us or 0, one.booking.key


def _ailments(home: Platform, fleet: Fleet, broken: Sequence[BrokenScript]) -> Iterator[Ailment]:
    if home.config.paused:
        what = f"{home.name} is paused: nothing begins on it"
        yield Ailment("platform", what, "let it go on: preroll config set paused=false")
    if not any(worker.alive and worker.role is not Role.RUNNER for worker in fleet.workers):
        yield Ailment("engine", "nobody runs what is due: no engine lives", "start preroll serve, or a preroll worker")
    for worker in fleet.workers:
        if not worker.alive:
            what = f"{worker.name} on {worker.host} is gone and left {worker.running} runs behind"
            yield Ailment("workers", what, "start it again, or another one that reaches the same resources")
    for one in fleet.unreached:
        some = f"{one.count} resources, such as {', '.join(one.resources)}"
        yield Ailment("workers", f"no worker with {written(one.labels)} lives: {some}", "start one with these labels")
    for script in broken:
        where = f"{script.source}:{script.line}" if script.line else script.source
        yield Ailment("scripts", f"{where} cannot be used: {script.error}", "mend it; preroll scripts check tells more")
