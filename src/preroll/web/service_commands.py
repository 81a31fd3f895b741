# SPDX-License-Identifier: Apache-2.0
"""What can be done with a service on its page, in one table: most of it opens an order, which is checked first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app.order_views import OrderDetails
from preroll.app.orders import NewOrder, Time
from preroll.app.service_audits import Approved
from preroll.app.services import ServiceDetails
from preroll.app.views import BookingDetails
from preroll.domain.errors import Refused
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.order_content import DESIRED, LAST_GOOD
from preroll.domain.service import FAILED, START, STOP
from preroll.domain.service_instance import EXISTS, PROVISIONED, ServiceTrigger
from preroll.web.command import Asking, Command, Ways
from preroll.web.fields import Field, Kind, Option, time_field
from preroll.web.overlay_draft import book, more, why_no_overlay
from preroll.web.questions import WHY, asks
from preroll.web.station_time import Typed, instant

K = OrderKind
DRIFT = "drift"
"""The field that says which differences were seen."""
REASON = Field("reason", "Why (kept in the history)")
WHICH = "which"
"""The field of the revision that is deployed; ``revision`` is that of the record that was shown."""
SAYS = {"revision": WHICH, "state": "state"}
"""What an item says -> the field in which it stands."""
CHECK, NOW, LATER = "check", "now", "later"
FIRST = (
    Option(CHECK, "Check first: its plan is shown before it is deployed"), Option(NOW, "Deploy it now"),
    Option(LATER, "Deploy it at a time"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceAsked(Asking[ServiceDetails]):
    """Who wants what of which service."""

    @property
    def ident(self) -> str:
        """Its id."""
        return self.found.service.id


Done = ServiceDetails | OrderDetails | BookingDetails
ServiceCommand = Command[ServiceAsked, Done]
Fields = Callable[[ServiceAsked], Awaitable[Sequence[Field]]]


async def made(asked: Asking[ServiceDetails], new: NewOrder) -> OrderDetails:
    """Order something, and begin with it as the form says; what cannot begin stays Requested, to be looked at."""
    time = Time()
    if (then := asked.word("then") or CHECK) == LATER:
        time = Time(instant(Typed.of(asked.said, "at"), asked.zone, "at"))
    orders, by = asked.app.orders, asked.by
    order = await orders.create(by, new)
    try:
        if then == CHECK:
            return await orders.check(by, order.order.id, order.order.revision)
        return await orders.schedule(by, order.order.id, order.order.revision, time)
    except Refused:
        return await orders.get(by, order.order.id)


def begins(asked: Asking[ServiceDetails]) -> Sequence[Field]:
    """What comes after it was ordered."""
    at = time_field("at", "At", Typed.of(asked.said, "at"), asked.zone, needed=False, about="Of one with a time.")
    return Field("then", "Then", Kind.CHOICE, options=FIRST, value=CHECK), at


def _ordering(kind: OrderKind, label: str, *says: Fields) -> tuple[Callable[[ServiceAsked], Awaitable[Done]], Fields]:
    """A command that opens an order of a kind: what it does, and what it asks."""

    async def fields(asked: ServiceAsked) -> Sequence[Field]:
        own = [field for part in says for field in await part(asked)]
        name = Field("name", "Name of the order", value=f"{label} {asked.found.service.name}"[:200])
        return (*own, name, *begins(asked))

    async def do(asked: ServiceAsked) -> Done:
        words = {name: asked.word(field) for name, field in SAYS.items() if asked.word(field)}
        values = {name: int(w) if name == "revision" and w.isdecimal() else w for name, w in words.items()}
        item = OrderItem(kind.value, kind, asked.ident, values=values)
        scopes = asked.found.service.scopes
        return await made(asked, NewOrder(asked.found.platform, asked.word("name"), (item,), scopes=scopes))

    return do, fields


async def which(asked: ServiceAsked) -> Sequence[Field]:
    """The revision that is deployed again."""
    s = asked.found.service
    named = [Option(DESIRED, f"Desired: revision {s.desired}")]
    if s.last_good is not None:
        named.append(Option(LAST_GOOD, f"Last good: revision {s.last_good}"))
    older = [Option(str(r.number), f"Revision {r.number}") for r in reversed(asked.found.revisions)]
    return (Field(WHICH, "Revision", Kind.CHOICE, options=[*named, *older], value=DESIRED),)


async def _before(asked: ServiceAsked) -> Sequence[Field]:
    """The revision before the last change."""
    numbers = [r.number for r in asked.found.revisions if r.number < asked.found.service.desired]
    options = [Option(str(number), f"Revision {number}") for number in reversed(numbers)]
    return (Field(WHICH, "Back to", Kind.CHOICE, options=options, value=options[0].value if options else ""),)


def run_state(usual: str) -> Fields:
    """The service states that it may go to."""

    async def fields(asked: ServiceAsked) -> Sequence[Field]:
        states = (await asked.app.platforms.get(asked.by, asked.found.platform)).config.service_states
        runs = asked.found.service.runs
        found = [s for s in states.known if s != FAILED and s != runs and states.allows(runs, s)]
        about = f"It runs as {runs}."
        options = [Option(name, name) for name in sorted(found, key=lambda name: name != usual)]
        return (Field("state", "Service state", Kind.CHOICE, options=options, value=usual, about=about),)

    return fields


async def _its_name(_: ServiceAsked) -> Sequence[Field]:
    about = "It cannot be taken back: what is on its devices stays there."
    return Field("name", "Its name once more", about=about), WHY


def _about_drift(*fields: Field) -> Fields:
    async def with_drift(asked: ServiceAsked) -> Sequence[Field]:
        return (*fields, Field(DRIFT, "", Kind.HIDDEN, needed=False, value=asked.found.drift.hash))

    return with_drift


async def _until(asked: ServiceAsked) -> Sequence[Field]:
    at = time_field("until", "Until", Typed.of(asked.said, "until"), asked.zone, about="Then they alarm again.")
    return (*await _about_drift(REASON)(asked), at)


async def _approve(a: ServiceAsked) -> Done:
    until = instant(Typed.of(a.said, "until"), a.zone, "until")
    return await a.app.service_audits.approve(
        a.by, a.ident, a.seen, Approved(a.word(DRIFT), a.word("reason"), until)
    )  # fmt: skip


# fmt: off
_TABLE: Sequence[ServiceCommand] = (
    Command("modify",       None, action=K.MODIFY, about="change its nodes or its properties"),
    Command("overlay",      book, more, Ways.TIME | Ways.FORCE, called="More for a while",
            about="book other values for a window; afterwards it has its own again"),
    Command("redeploy",     *_ordering(K.REDEPLOY, "Redeploy", which), action=K.REDEPLOY,
            about="push a revision to its devices again"),
    Command("roll-back",    *_ordering(K.REDEPLOY, "Roll back", _before), action=K.REDEPLOY,
            about="deploy what it was before its last change"),
    Command("activate",     *_ordering(K.ACTIVATE, "Activate", run_state(START)), action=K.ACTIVATE,
            about="let it run"),
    Command("deactivate",   *_ordering(K.DEACTIVATE, "Deactivate", run_state(STOP)), action=K.DEACTIVATE,
            about="let it rest, such as for maintenance"),
    Command("audit",        lambda a: a.app.services.audit(a.by, a.ident), called="Audit now",
            about="have all its checks made now"),
    Command("accept",       lambda a: a.app.service_audits.accept(a.by, a.ident, a.seen, a.word(DRIFT),
            a.word("reason")), _about_drift(REASON), called="Accept what devices have",
            about="have it be what its devices have: a new revision, deployed already; no device is touched"),
    Command("approve",      _approve, _until, called="Approve the differences",
            about="let the differences be until an instant, without an alarm"),
    Command("disapprove",   lambda a: a.app.service_audits.disapprove(a.by, a.ident, a.seen, a.word("why")),
            asks(WHY), called="Take approvals back", about="have its approved differences alarm again"),
    Command("validate",     *_ordering(K.VALIDATE, "Audit"), called="Order an audit", action=K.VALIDATE,
            about="have it audited as an order, now or at a time"),
    Command("decommission", *_ordering(K.DECOMMISSION, "Decommission"), grave=True, action=K.DECOMMISSION,
            about="take it off its devices and let go of what it holds"),
    Command("abandon",      lambda a: a.app.services.abandon(a.by, a.ident, a.seen, a.word("name"), a.word("why")),
            _its_name, grave=True, about="give up one that failed, without touching a device"),
)
# fmt: on
SERVICE_COMMANDS: Mapping[str, ServiceCommand] = {c.name: replace(c, action=c.action or c.name) for c in _TABLE}
"""Everything that can be done with a service, in the order of the buttons."""


def needs_role(command: ServiceCommand) -> str:
    """The permission that it needs."""
    if command.action == "overlay":
        return "booking.create"
    action = "approve" if command.action == "disapprove" else command.action
    return "order.create" if action in set(OrderKind) else f"service.{action}"


def kept_by(found: ServiceDetails) -> str:
    """Who needs a service, so that it is not taken away; empty: nobody."""
    names = ", ".join(one.name for one in found.needed_by)
    return f"{names} needs it: decommission that first, or both in one order" if names else ""


def why_not_service(found: ServiceDetails, command: ServiceCommand) -> str:
    """Why a service does not admit it now; empty: it does."""
    state, action = found.service.state, command.action
    if command.name == "roll-back" and not any(r.number < found.service.desired for r in found.revisions):
        return "it has no revision before this one"
    if action == "overlay":
        return why_no_overlay(found)
    if action in set(OrderKind) and action not in found.orders:
        return f"the service is {state.value}"
    if action in (K.DECOMMISSION, "abandon") and (why := kept_by(found)):
        return why
    if action in set(OrderKind):
        return ""
    if action == "audit" and state not in EXISTS:
        return f"the service is {state.value}"
    if action in ("accept", "approve") and not found.drift.known:
        return "no audit has found a difference since its last change"
    if action == "disapprove" and not any(one.allowance for one in found.drift.known):
        return "none of its differences is approved"
    if action == "abandon" and not PROVISIONED.may(state, ServiceTrigger.ABANDON):
        return f"the service is {state.value}; it is for one that failed to deploy"
    return ""
