# SPDX-License-Identifier: Apache-2.0
"""One connection at work: its transaction, its time, and what its commit has to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary
from preroll.domain.choosing import Candidates
from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.definition import ServiceDefinition
from preroll.domain.inheritance import Profiles
from preroll.domain.resource import Resource
from preroll.ports.clock import Clock
from preroll.ports.store import Tx
from preroll.store.races import Contested
from preroll.store.sql import Later, Sql

RandomBits = Callable[[int], int]

_NOW_POSTGRES = (
    "select coalesce(nullif(current_setting('preroll.now_us', true), '')::bigint,"
    " (extract(epoch from clock_timestamp()) * 1000000)::bigint)"
)


@dataclass(slots=True)
class Shelf:
    """What was read of a platform's catalogue, at one version of it."""

    version: int
    resources: dict[str, Resource] = field(default_factory=dict)
    """By id; those that were asked for so far."""
    names: dict[str, Resource] = field(default_factory=dict)
    whole: Sequence[Resource] | None = None
    """All of them, by name."""
    candidates: Candidates | None = None
    profiles: Profiles | None = None
    definitions: dict[tuple[str, int | None], int] = field(default_factory=dict)
    """(name, version; None: the newest published) -> key."""

    def put(self, resources: Iterable[Resource]) -> None:
        """Remember these."""
        for resource in resources:
            self.resources[resource.id] = self.names[resource.name] = resource


@dataclass(slots=True)
class Alarms:
    """When bookings were looked at for near-air alarms, and when there is one to raise."""

    looked_us: int | None = None
    """None: they are to be looked at."""
    next_us: int | None = None


@dataclass(slots=True)
class Memory:
    """What is known without reading it again; shared by all connections of a store."""

    definitions: dict[int, ServiceDefinition] = field(default_factory=dict)
    configs: dict[tuple[int, int], PlatformConfig] = field(default_factory=dict)
    dimensions: dict[str, int] = field(default_factory=dict)
    """Keys of dimensions by name, of those that are stored for good."""
    shelves: dict[int, Shelf] = field(default_factory=dict)
    """The newest of each platform."""
    alarms: Alarms = field(default_factory=Alarms)
    claimed: dict[int, tuple[Boundary, Booking]] = field(default_factory=dict)
    """Boundaries that were claimed here, by key, with their bookings as they were then."""

    def forget(self) -> None:
        """After a roll-back: what was read inside may never have existed."""
        self.definitions.clear()
        self.configs.clear()
        self.shelves.clear()

    def shelf(self, platform: int, version: int) -> Shelf:
        """What is known of a platform's catalogue at a version of it; of an older one than the newest, nothing."""
        known = self.shelves.get(platform)
        if known is None or known.version < version:
            self.definitions.clear()
            known = self.shelves[platform] = Shelf(version)
        return known if known.version == version else Shelf(version)


class Work:
    """A connection and the transaction that it is in."""

    tx: Tx
    """The same transaction as a unit sees it."""

    def __init__(
        self, db: Sql, clock: Clock, memory: Memory, random_bits: RandomBits, *, pin_clock: bool = False
    ) -> None:
        self.db, self.memory = db, memory
        self._clock, self._random_bits, self._pin_clock = clock, random_bits, pin_clock
        self.voice = ""
        """By which this store knows its own messages."""
        self._now: int | None = None
        self.ticks: Callable[[], float] = lambda: 0.0
        """The monotonic clock; a store that works at once in the caller needs none."""
        self.read_at = 0.0
        """When the transaction's time was read, by that clock."""
        self._asked: Later | None = None
        self.locks = ""
        """What keeps the rows of a query as they are until the end; nothing in a transaction that only reads."""
        self.contested: Sequence[Contested] = ()
        """Rows for which earlier runs of this transaction lost a race: locked before anything is read."""
        self.due = False
        """The timetable changed: dispatchers are woken at the commit."""
        self.changed = False
        """The change log grew: its readers are woken at the commit."""
        self.platforms: dict[int, Platform] = {}
        """Those that were read in this transaction."""
        self.items: dict[int, object] = {}
        """Key of an order -> its items as they are stored, when this transaction read or wrote them."""
        self.dimensions_added = False
        """There are dimensions that are not stored for good yet."""
        self.catalogue = False
        """The catalogue was written: a roll-back must forget what was read."""
        self.committing = False
        """The commit was asked for: after an error nobody knows whether it happened."""
        self._expected: list[tuple[Later, Callable[[], Exception]]] = []
        self.attempts: set[int] = set()
        """The ``now`` of earlier attempts at this same batch, whose commit may or may not have happened."""

    def begin(self, *, write: bool = True) -> None:
        """Start a transaction."""
        self.due = self.changed = self.catalogue = self.committing = self.dimensions_added = False
        self._now = self._asked = None
        self._expected.clear()
        self.platforms.clear()
        self.items.clear()
        self.locks = " for no key update" if write else ""
        self.db.begin(write=write)
        for table, key in self.contested:
            self.db.send(f"select key from {table} where key = ?{self.locks}", key)

    @property
    def now(self) -> int:
        """The transaction's time in microseconds of UTC, read when it is first asked for."""
        if self._now is None:
            self._now = self._read_clock()
            self.read_at = self.ticks()
        return self._now

    def _read_clock(self) -> int:
        if not self.db.postgres:
            return self._clock.now_us()
        asked = self._asked or self._ask()
        return int(asked()[0][0])

    def _ask(self) -> Later:
        if self._pin_clock:
            self.db.send("select set_config('preroll.now_us', ?, true)", str(self._clock.now_us()))
        return self.db.later(_NOW_POSTGRES)

    def later_now(self) -> Callable[[], int]:
        """The time at which all that was asked for before is had, the locks among it."""
        if not self.db.postgres:
            return lambda: self.now
        asked = self.db.later(_NOW_POSTGRES)
        return lambda: int(asked()[0][0])

    def expect_now(self) -> None:
        """Read the time along with whatever is read first: it will be wanted, and costs no round trip then."""
        if self.db.postgres and self._now is None and self._asked is None:
            self._asked = self._ask()

    def expect(self, written: Later, refusal: Callable[[], Exception]) -> None:
        """A row that is written only if it is as it was read: looked at when the unit ends, all in one round trip.

        Args:
            written: answers the row, or none.
            refusal: what is raised for none.
        """
        self._expected.append((written, refusal))

    def verify(self) -> None:
        """Raise the refusal of the first expected row that was not written."""
        expected, self._expected = self._expected, []
        for written, refusal in expected:
            if not written():
                raise refusal()

    def commit(self) -> None:
        """Make it durable; other processes hear what it has to tell."""
        if self.db.postgres and (self.due or self.changed):
            self.db.send("select pg_notify('preroll', ?)", f"{self.voice} {self.due:d}{self.changed:d}")
        self.committing = True
        self.db.commit()

    def rollback(self) -> None:
        """Undo the transaction, if there still is one."""
        self.forget()
        self.due = self.changed = False
        self.db.rollback()

    def forget(self) -> None:
        """What was written in this transaction, and read since its catalogue was, may never have existed."""
        self._asked = None
        self._expected.clear()
        self.items.clear()
        if self.catalogue:
            self.memory.forget()
            self.platforms.clear()

    def change_catalogue(self) -> None:
        """The catalogue is written in this transaction: what was read of it counts no more."""
        self.catalogue = True
        self.platforms.clear()

    def new_id(self) -> str:
        """A UUIDv7 of now."""
        bits = self._random_bits(74)
        number = (
            (self.now // 1000 & 0xFFFFFFFFFFFF) << 80 | 7 << 76 | (bits >> 62) << 64 | 2 << 62 | bits & (1 << 62) - 1
        )
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
