# SPDX-License-Identifier: Apache-2.0
"""What can be done with an order on its page: action, what it asks first, and use case, in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app.order_questions import Answer
from preroll.app.order_views import OrderDetails
from preroll.app.orders import Orders, Time
from preroll.domain.deployment import Has
from preroll.domain.lengths import length_said
from preroll.domain.order import OrderState
from preroll.domain.order_actions import ORDER_ACTIONS
from preroll.web.command import Asking, Command, Ways
from preroll.web.fields import Field, Kind, Option, time_field
from preroll.web.questions import WHY, asks
from preroll.web.station_time import Typed, instant, length, typed


@dataclass(frozen=True, slots=True)
class OrderAsked(Asking[OrderDetails]):
    """Who wants what of which order."""

    @property
    def orders(self) -> Orders:
        """What is done to it."""
        return self.app.orders

    @property
    def ident(self) -> str:
        """Its id."""
        return self.found.order.id

    @property
    def time(self) -> Time:
        """When it is to be deployed.

        Raises:
            Invalid: that cannot be read.
        """
        return time_said(self)


def time_said(asked: Asking[OrderDetails]) -> Time:
    """When somebody wants an order deployed; a way out of a conflict has the last word.

    Raises:
        Invalid: what is said cannot be read.
    """
    at, latest = asked.shifted_us, asked.word("latest_start")
    if at is None and (given := Typed.of(asked.said, "at")).text:
        at = instant(given, asked.zone, "at")
    return Time(at, length(latest, "latest_start") if latest else None, asked.force)


async def when(asked: OrderAsked) -> Sequence[Field]:
    """Its time."""
    order = asked.found.order
    due = order.due_us if order.state is OrderState.SCHEDULED and order.hold is None else None
    given = Typed.of(asked.said, "at") if "at" in asked.said else typed(due, asked.zone)
    latest = length_said(order.latest_start_us)
    about = "Not begun so long after its time, it is Canceled."
    return (
        time_field("at", "Deploy at", given, asked.zone, needed=False, about="Empty: now."),
        Field("latest_start", "At the latest after", needed=False, value=latest, about=about),
    )


async def new_name(asked: OrderAsked) -> Sequence[Field]:
    """The name of a clone."""
    return (Field("name", "Name", value=f"{asked.found.order.name} Copy"),)


async def what_devices_have(asked: OrderAsked) -> Sequence[Field]:
    """Of each device that it asks about: the old, or the new."""
    return [
        Field(
            f"{HAS}{one.node}", f"{one.device}, for {one.node}, has", Kind.CHOICE, options=OLD_OR_NEW, about=one.about
        )
        for one in asked.found.questions
    ]


async def what_was_seen(asked: OrderAsked) -> Sequence[Field]:
    """The plan whose differences are taken as they are, and why."""
    plan = asked.found.plan
    return Field("plan", "", Kind.HIDDEN, needed=False, value=plan.hash if plan else ""), Field("reason", "Reason")


def _answered(a: OrderAsked) -> Answer:
    return Answer({name.removeprefix(HAS): Has(has) for name, has in a.said.items() if name.startswith(HAS) and has})


async def _delete(a: OrderAsked) -> OrderDetails:
    await a.orders.delete(a.by, a.ident, a.seen)
    return replace(a.found, order=replace(a.found.order, hidden=True))


OrderCommand = Command[OrderAsked, OrderDetails]
REASON = asks(WHY)
HAS = "has:"
"""What the name of a field begins with that tells what a device has."""
OLD_OR_NEW = (Option(Has.OLD, "the old values"), Option(Has.NEW, "the new values"))
TF = Ways.TIME | Ways.FORCE

# fmt: off
_TABLE: Sequence[OrderCommand] = (
    Command("check",      lambda a: a.orders.check(a.by, a.ident, a.seen)),
    Command("deploy",     lambda a: a.orders.schedule(a.by, a.ident, a.seen, a.time), ways=TF,
            called="Deploy now", action="schedule"),
    Command("schedule",   lambda a: a.orders.schedule(a.by, a.ident, a.seen, a.time), when, TF),
    Command("approve",    lambda a: a.orders.approve(a.by, a.ident, a.seen)),
    Command("retry",      lambda a: a.orders.retry(a.by, a.ident, a.seen, a.time), when, TF),
    Command("reschedule", lambda a: a.orders.reschedule(a.by, a.ident, a.seen, a.time), when, TF),
    Command("unschedule", lambda a: a.orders.unschedule(a.by, a.ident, a.seen)),
    Command("answer",     lambda a: a.app.order_questions.answer(a.by, a.ident, a.seen, _answered(a)),
            what_devices_have),
    Command("give-up",    lambda a: a.app.order_questions.answer(a.by, a.ident, a.seen, Answer(give_up=True)), asks(),
            grave=True, action="answer"),
    Command("edit",       None),
    Command("cancel",     lambda a: a.orders.cancel(a.by, a.ident, a.seen, a.word("why")), REASON, grave=True,
            called="Cancel the order"),
    Command("take-over",  lambda a: a.app.taking_over.take_over(
        a.by, a.ident, a.seen, a.word("plan"), a.word("reason")), what_was_seen, called="Take over as it is"),
    Command("clone",      lambda a: a.orders.clone(a.by, a.ident, a.word("name")), new_name),
    Command("delete",     _delete, asks(), grave=True),
)
# fmt: on
ORDER_COMMANDS: Mapping[str, OrderCommand] = {
    c.name: replace(c, about=ORDER_ACTIONS[c.action or c.name].about, action=c.action or c.name) for c in _TABLE
}
"""Every action on an order, in the order of the buttons."""
