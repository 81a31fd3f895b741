# SPDX-License-Identifier: Apache-2.0
"""What a unit gets: the parts of one transaction."""

from __future__ import annotations

from preroll.ports import store as ports
from preroll.ports.accounts import Accounts as AccountsPort
from preroll.ports.bundles import Bundles as BundlesPort
from preroll.ports.catalogue import Catalogue as CataloguePort
from preroll.ports.losses import Losses as LossesPort
from preroll.ports.night import Nights as NightsPort
from preroll.ports.orders import Orders as OrdersPort
from preroll.ports.orders import Services as ServicesPort
from preroll.ports.platforms import Platforms as PlatformsPort
from preroll.ports.reservations import Reservations as ReservationsPort
from preroll.ports.retention import Retention as RetentionPort
from preroll.ports.service_audits import ServiceAudits as ServiceAuditsPort
from preroll.ports.subscriptions import Subscriptions as SubscriptionsPort
from preroll.ports.timeline import Timeline as TimelinePort
from preroll.ports.workers import Workers as WorkersPort
from preroll.store.accounts import Accounts
from preroll.store.answers import Answers
from preroll.store.bookings import Bookings
from preroll.store.boundaries import Boundaries
from preroll.store.bundles import Bundles
from preroll.store.catalogue import Catalogue
from preroll.store.changes import Changes
from preroll.store.losses import Losses
from preroll.store.night import Nights
from preroll.store.orders import Orders
from preroll.store.platforms import Platforms
from preroll.store.records import Records
from preroll.store.reservations import Reservations
from preroll.store.retention import Retention
from preroll.store.service_audits import ServiceAudits
from preroll.store.services import Services
from preroll.store.subscriptions import Subscriptions
from preroll.store.timeline import Timeline
from preroll.store.work import Work
from preroll.store.workers import Workers


class SqlTx:
    """The transaction that a connection is in."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.bookings: ports.Bookings = Bookings(work)
        self.timeline: TimelinePort = Timeline(work)
        self.boundaries: ports.Boundaries = Boundaries(work)
        self.reservations: ReservationsPort = Reservations(work)
        self.losses: LossesPort = Losses(work)
        platforms = Platforms(work)
        self.platforms: PlatformsPort = platforms
        self.catalogue: CataloguePort = Catalogue(work, platforms)
        self.bundles: BundlesPort = Bundles(work)
        self.records: ports.Records = Records(work)
        self.answers: ports.Answers = Answers(work)
        self.changes: ports.Changes = Changes(work)
        self.workers: WorkersPort = Workers(work)
        self.accounts: AccountsPort = Accounts(work)
        self.nights: NightsPort = Nights(work)
        self.subscriptions: SubscriptionsPort = Subscriptions(work)
        self.retention: RetentionPort = Retention(work)
        self.orders: OrdersPort = Orders(work)
        self.services: ServicesPort = Services(work)
        self.service_audits: ServiceAuditsPort = ServiceAudits(work)

    @property
    def now(self) -> int:
        """The store's clock in microseconds of UTC, the same through the whole transaction."""
        return self._work.now

    def new_id(self) -> str:
        """A UUIDv7."""
        return self._work.new_id()
