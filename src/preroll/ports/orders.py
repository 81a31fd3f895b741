# SPDX-License-Identifier: Apache-2.0
"""What the middle asks of the store for service orders and for the services that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from preroll.domain.booking import Booking
from preroll.domain.boundaries import Boundary
from preroll.domain.order import OrderKind, OrderState
from preroll.domain.ordered import Order, Plan, Service, ServiceRevision
from preroll.domain.permission import Sight
from preroll.domain.service_instance import Provisioned

T = TypeVar("T")


class SortBy(StrEnum):
    """By what a list of orders, or of services, is sorted."""

    CREATED = "created"
    NAME = "name"
    STATE = "state"
    DUE = "due"
    """Of orders."""
    RUNS = "runs"
    """Of services."""
    CHANGED = "changed"


OF_ORDERS = frozenset(SortBy) - {SortBy.RUNS}
OF_SERVICES = frozenset(SortBy) - {SortBy.DUE}
Place = tuple[int | str, str]
"""Where something stands in a list: what it is sorted by, then its key."""


@dataclass(frozen=True, slots=True)
class Sorting:
    """The order of a list; those that are alike are sorted by key. As it is: the newest first."""

    by: SortBy = SortBy.CREATED
    down: bool = True

    @property
    def kind(self) -> type[int] | type[str]:
        """Of what is sorted by."""
        return str if self.by in (SortBy.NAME, SortBy.STATE, SortBy.RUNS) else int


NEWEST = Sorting()


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a list shows."""

    platform: int | None = None
    states: frozenset[OrderState] = frozenset()
    service: str = ""
    """Only those with an item on this service, by its id."""
    external: str = ""
    canceling: bool = False
    """Only those that somebody asked to cancel, whatever came of it."""
    kinds: frozenset[OrderKind] = frozenset()
    """Only those with an item of one of these kinds."""
    held: bool = False
    """Only those that are due and do not begin."""
    text: str = ""
    """Part of its name, or of what who ordered calls it."""
    needs: str = ""
    """Only those with an item that says to need this service, by its id."""
    sight: Sight | None = None
    """Only what somebody sees; None: everything."""


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    next: int | None = None
    """Key of the last item when there is more, of a list that is not sorted: the newest first."""
    last: Place | None = None
    """Place of the last item when there is more, of a list that is sorted."""


OrderPage = ListPage[Order]
ServicePage = ListPage[Service]


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services a list shows."""

    platform: int | None = None
    states: frozenset[Provisioned] = frozenset()
    runs: str = ""
    """Only those in this service state, such as START."""
    idle: str = ""
    """Only those in any service state but this."""
    text: str = ""
    """Part of the name."""
    sight: Sight | None = None
    """Only what somebody sees; None: everything."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """An order at which the engine works, with what it reads of it: one look."""

    order: Order
    carrier: Booking
    """The booking that carries it."""
    boundaries: Sequence[Boundary]
    """Of the carrier."""


class Orders(Protocol):
    """The orders of a transaction."""

    def get(self, ident: str, *, hidden: bool = False) -> Order:
        """Raises NotFound; also for one that was deleted, unless ``hidden``."""
        ...

    def every(self, where: OrderFilter) -> list[Order]:
        """All of these, newest first: for what nobody has thousands of, such as the orders of one service at work."""
        ...

    def at_work(self, carrier: Booking) -> AtWork:
        """The order that a booking carries, also one that was deleted, and that booking as they are now.

        Raises:
            NotFound: it carries none.
        """
        ...

    def all_at_work(self, carriers: Sequence[Booking]) -> list[AtWork]:
        """The same for each of these, in one look."""
        ...

    def add(self, order: Order) -> Order:
        """Store a new one with its items."""
        ...

    def put(self, order: Order) -> Order:
        """Store a changed one, with its items, under its next revision.

        Raises:
            Stale: it is not as it was read.
        """
        ...

    def page(self, where: OrderFilter, before: int | None, limit: int) -> OrderPage:
        """Orders, newest first, from below a key; those that were deleted are left out."""
        ...

    def sorted(self, where: OrderFilter, sorting: Sorting, after: Place | None, limit: int) -> OrderPage:
        """The same, sorted, from after a place."""
        ...

    def listing(self, where: OrderFilter, offset: int, limit: int) -> tuple[int, tuple[Order, ...]]:
        """How many there are, and some of them, newest first; for doors whose pages are counted."""
        ...

    def scopes(self, idents: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Id -> security scopes of those that carry any, deleted ones included."""
        ...

    def plan(self, key: int) -> Plan | None:
        """The plan of its last good check."""
        ...

    def keep_plan(self, key: int, plan: Plan | None) -> None:
        """Put this plan in the place of the one before; None: there is none any more."""
        ...


class Services(Protocol):
    """The services of a transaction."""

    def get(self, ident: str) -> Service:
        """Raises NotFound."""
        ...

    def by_key(self, key: int) -> Service:
        """Raises NotFound."""
        ...

    def add(self, service: Service, first: ServiceRevision) -> Service:
        """Store a new one with its first revision; its id may have been given out before, by its order.

        Raises:
            NameInUse: another service of the platform that exists has the name. Refused: the id is taken.
        """
        ...

    def add_all(self, services: Sequence[tuple[Service, ServiceRevision]]) -> list[Service | None]:
        """Store new ones, which have ids, in one statement; None in place of one whose name or id is taken."""
        ...

    def put(self, service: Service) -> Service:
        """Store a changed one under its next record revision.

        Raises:
            Stale: it is not as it was read. NameInUse.
        """
        ...

    def page(self, where: ServiceFilter, before: int | None, limit: int) -> ServicePage:
        """Services, newest first, from below a key."""
        ...

    def sorted(self, where: ServiceFilter, sorting: Sorting, after: Place | None, limit: int) -> ServicePage:
        """The same, sorted, from after a place."""
        ...

    def listing(self, where: ServiceFilter, offset: int, limit: int) -> tuple[int, tuple[Service, ...]]:
        """How many there are, and some of them, newest first; for doors whose pages are counted."""
        ...

    def scopes(self, idents: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Id -> security scopes of those that carry any."""
        ...

    def several(self, idents: Collection[str]) -> Mapping[str, Service]:
        """Id -> service, of those that there are."""
        ...

    def needing(self, ident: str) -> list[Service]:
        """Those that exist and need this one, oldest first."""
        ...

    def revise(self, key: int, revision: ServiceRevision) -> None:
        """Add a revision. Raises Refused when there is one of its number."""
        ...

    def revisions(self, key: int) -> list[ServiceRevision]:
        """All of them, oldest first."""
        ...

    def revisions_of(self, keys: Collection[int]) -> Mapping[int, Sequence[ServiceRevision]]:
        """The same of several services, by their keys."""
        ...
