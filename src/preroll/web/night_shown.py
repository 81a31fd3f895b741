# SPDX-License-Identifier: Apache-2.0
"""How the night is told: lengths of time in words, links to the place of repair, what is still to be set up.

Pure functions from what the use case found to what the template shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from preroll.app.night import Coming, Night, OnAir, Trouble
from preroll.app.night_orders import OrderTrouble
from preroll.domain.booking import Booking
from preroll.domain.concern import CONCERNS, Concern
from preroll.domain.differences import ALARM_TO_DO, AlarmKind
from preroll.domain.order_concern import ORDER_CONCERNS, OrderConcern
from preroll.domain.window import DAY, HOUR, MINUTE, SECOND
from preroll.ports.night import Filled
from preroll.ports.service_audits import Alarmed

RUNS_BADLY = frozenset(
    {Concern.FAILED, Concern.ACTION_FAILED, Concern.IN_CONFLICT, Concern.DOWN, Concern.LATE, Concern.WAITING}
)
"""Concerns of what is, or should be, on the air."""
DEPLOYS_BADLY = frozenset({OrderConcern.AWAITS_OPERATOR, OrderConcern.SERVICE_FAILED, OrderConcern.FAILED_DEPLOY})
"""Concerns of devices that are, or may be, not as they should."""
ALARMS = {AlarmKind.DOWN: "Service down", AlarmKind.DRIFT: "Changed behind our back"}
"""What an audit has found, in words."""


@dataclass(frozen=True, slots=True)
class Link:
    """A booking, and where all about it is."""

    name: str
    state: str
    href: str


@dataclass(frozen=True, slots=True)
class TroubleLine:
    """A booking, an order or a service that needs somebody."""

    link: Link
    title: str
    urgent: bool
    what: str
    to_do: str
    at_us: int
    ago: str
    rival: Link | None


@dataclass(frozen=True, slots=True)
class OnAirLine:
    """A booking that runs."""

    link: Link
    entering: str
    end_us: int | None
    next_event: str
    next_us: int | None
    until: str
    service: str
    """How it is, as the last audit found it; empty: nobody has audited it."""


@dataclass(frozen=True, slots=True)
class ComingLine:
    """A booking that is to start."""

    link: Link
    first_us: int
    start_us: int
    until: str
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What to set up next on an installation that is not complete."""

    title: str
    text: str
    command: str
    """Empty: there is none for it."""
    href: str = ""
    """Empty: nothing on the page does it."""
    press: str = ""
    """What the button says that leads there."""


@dataclass(frozen=True, slots=True)
class NightPage:
    """All that the template shows."""

    night: Night
    troubles: tuple[TroubleLine, ...]
    on_air: tuple[OnAirLine, ...]
    coming: tuple[ComingLine, ...]
    lesson: Lesson | None


NO_PLATFORM = Lesson(
    "You see no platform yet",
    "A platform is a home for bookings. An administrator can give you a role on one.",
    "",
)
NO_PLATFORM_YET = Lesson(
    "There is no platform yet",
    "A platform is the home of a team's bookings, with its own resources, services, settings and rights.",
    "", "/platforms", "Make the first platform",
)  # fmt: skip
NO_RESOURCES = Lesson(
    "There are no resources yet",
    "Say what can be booked: import a spreadsheet, or write it into a folder of files and apply that.",
    "preroll resource import --help",
)
NO_DEFINITIONS = Lesson(
    "There is no service yet",
    "A service definition says which resources a booking needs, and what is done to them at each event."
    " Write it into a folder of files and apply that.",
    "preroll apply FOLDER",
)
NO_BOOKINGS = Lesson(
    "Nothing is booked yet",
    "What runs tonight, and what needs you, will be shown here.",
    "preroll booking create --help", "/bookings/new", "New booking",
)  # fmt: skip


def shown(night: Night) -> NightPage:
    """The night, as it is told: what is urgent first, whatever it is of."""
    troubles = (
        *(_trouble(night, one) for one in night.needing.troubles),
        *(_order(night, one) for one in night.needing.orders),
        *(_alarmed(night, one) for one in night.needing.alarmed),
    )
    return NightPage(
        night,
        tuple(sorted(troubles, key=lambda one: not one.urgent)),
        tuple(_on_air(night, one) for one in night.on_air),
        tuple(_coming(night, one) for one in night.coming),
        lesson(night.filled),
    )


def apart(at_us: int, now_us: int) -> str:
    """How far an instant is from now: ``in 12 min``, ``3 h 20 min ago``, ``now`` within a second."""
    length = abs(at_us - now_us)
    if length < SECOND:
        return "now"
    return f"in {_length(length)}" if at_us > now_us else f"{_length(length)} ago"


def _length(us: int) -> str:
    if us < MINUTE:
        return f"{us // SECOND} s"
    if us < HOUR:
        return f"{us // MINUTE} min"
    large, unit, small, rest = (us // DAY, "d", us % DAY // HOUR, "h") if us >= DAY else (
        us // HOUR, "h", us % HOUR // MINUTE, "min")  # fmt: skip
    return f"{large} {unit} {small} {rest}" if small else f"{large} {unit}"


def _href(night: Night, ident: str) -> str:
    return _at(night, "bookings", ident)


def _at(night: Night, shelf: str, ident: str) -> str:
    return f"/{shelf}/{quote(ident, safe='')}?{urlencode({'platform': night.platform.name})}"


def _link(night: Night, booking: Booking) -> Link:
    return Link(booking.name, booking.state.value, _href(night, booking.id))


def _trouble(night: Night, one: Trouble) -> TroubleLine:
    rival = Link(one.rival_name, "", _href(night, one.rival)) if one.rival else None
    return TroubleLine(
        _link(night, one.booking), CONCERNS[one.concern].title, one.concern in RUNS_BADLY, one.what, one.to_do,
        one.at_us, apart(one.at_us, night.now_us), rival,
    )  # fmt: skip


def _order(night: Night, one: OrderTrouble) -> TroubleLine:
    link = Link(one.name, one.state, _at(night, "services" if one.service else "orders", one.id))
    title, urgent = ORDER_CONCERNS[one.concern].title, one.concern in DEPLOYS_BADLY
    return TroubleLine(link, title, urgent, one.what, one.to_do, one.at_us, apart(one.at_us, night.now_us), None)


def _alarmed(night: Night, one: Alarmed) -> TroubleLine:
    service, alarm = one.service, one.alarm
    link, kind = Link(service.name, service.state.value, _at(night, "services", service.id)), alarm.kind
    since = apart(alarm.since_us, night.now_us)
    urgent, to_do = kind is AlarmKind.DOWN, ALARM_TO_DO[kind]
    return TroubleLine(link, ALARMS[kind], urgent, alarm.what, to_do, alarm.since_us, since, None)


def _on_air(night: Night, one: OnAir) -> OnAirLine:
    until = "" if one.next_us is None else apart(one.next_us, night.now_us)
    status = one.known.status if one.known else None
    return OnAirLine(
        _link(night, one.booking), one.booking.entering, one.booking.timing.end, one.next_event, one.next_us, until,
        status.value if status else "",
    )  # fmt: skip


def _coming(night: Night, one: Coming) -> ComingLine:
    timing = one.booking.timing
    first = timing.held.start
    lacks = tuple(f"{lack.where} {lack.what}" for lack in one.lacks)
    return ComingLine(_link(night, one.booking), first, timing.start, apart(first, night.now_us), lacks)


def lesson(filled: Filled) -> Lesson | None:
    """What an installation lacks, the first thing first; None: nothing."""
    if not filled.resources:
        return NO_RESOURCES
    if not filled.definitions:
        return NO_DEFINITIONS
    return None if filled.bookings else NO_BOOKINGS
