# SPDX-License-Identifier: Apache-2.0
"""Hubs: a callback is a subscription, and changes of orders and services are events (TMF641, TMF638). Pure.

An event tells the id and the state that the change tells of. Who wants to know more reads the resource.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from preroll.app.deliveries import Due, Parcel
from preroll.app.subscriptions import NewSubscription, Wanted
from preroll.domain.changes import Change
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.order import OrderPhase, OrderState
from preroll.domain.permission import ENGINE
from preroll.domain.service_instance import Provisioned
from preroll.domain.subscription import Filter, Kind, Subscription, message_id, noun_of
from preroll.ports.outbox import Message
from preroll.tmf.orders import jeopardy, milestone, order_ref
from preroll.tmf.reading import Reader, written
from preroll.tmf.resources import SUBSCRIPTION
from preroll.tmf.services import cancel_href, order_href, service_href
from preroll.tmf.states import ASSESSING, CANCELLATIONS, ORDER_STATES, PHASES, UNDOING

Told = dict[str, Any]
"""Attributes of a resource, beside what it is."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of EVENTS."""

    name: str
    kind: str
    """Of the change that it is; empty: it has no meaning here, and never happens."""
    causes: frozenset[str] = frozenset()
    """Of the change, by their first words; empty: any."""
    told: Callable[[Change], Told | None] = lambda _: {}
    """What it tells beside the state; None: nothing has changed in these words."""

    @property
    def noun(self) -> str:
        """What it tells of: ``serviceOrder``."""
        resources = ("cancelServiceOrder", "serviceOrder", "service")
        return next(noun for noun in resources if self.name.lower().startswith(noun.lower()))

    def of(self, change: Change) -> Told | None:
        """What is told of a change; None: it is no such event."""
        if change.kind != self.kind or (self.causes and change.cause.partition(" ")[0] not in self.causes):
            return None
        return self.told(change)


def _order(change: Change) -> Told:
    return {"state": ORDER_STATES[OrderState(change.after)]} if change.after else {}


def _another_word(change: Change) -> Told | None:
    before = ORDER_STATES[OrderState(change.before)] if change.before else ""
    return _order(change) if ORDER_STATES[OrderState(change.after)] != before else None


def _same_word(change: Change) -> Told | None:
    return _order(change) if _another_word(change) is None else None


def _assessing(_: Change) -> Told:
    return {"state": ASSESSING}


def _waits(_: Change) -> Told:
    return {"state": PHASES[OrderPhase.AWAITING_OPERATOR]}


def _undone(_: Change) -> Told:
    return {"state": UNDOING}


def _held(change: Change) -> Told:
    return _order(change) | {"jeopardyAlert": [jeopardy(change.why, change.at_us)]}


def _planned(change: Change) -> Told:
    name = "approved" if change.kind == "order.edited" else "checked"
    return _order(change) | {"milestone": [milestone(name, change.at_us)]}


def _cancel_asked(change: Change) -> Told | None:
    if change.actor == ENGINE.name:
        return None
    canceled = change.after == OrderState.CANCELED
    return {"state": "done" if canceled else "inProgress", "cancellationReason": change.why}


def _cancel_over(change: Change) -> Told | None:
    return {"state": CANCELLATIONS[OrderState(change.after)]} if change.actor == ENGINE.name else None


def _service(change: Change) -> Told:
    """Of a service, whether it is there and has not failed."""
    if change.after == Provisioned.DECOMMISSIONED:
        return {"state": "terminated", "isServiceEnabled": False}
    return {"isServiceEnabled": change.after == Provisioned.DEPLOYED}


def _runs(change: Change) -> Told:
    return _service(change) | {"state": "active" if change.cause.startswith("activate") else "inactive"}


_CANCEL, _APPROVE = frozenset({"cancel"}), frozenset({"approve"})
_EDITED, _TIMED = frozenset({"edit", "reschedule"}), frozenset({"schedule", "unschedule"})
_ASKS, _ANSWER = frozenset({"probe"}), frozenset({"answer"})
_REMADE, _RUN = frozenset({"modify", "redeploy"}), frozenset({"activate", "deactivate"})
# fmt: off
EVENTS: Sequence[Event] = (
    # event                                            change             causes     what is told
    Event("ServiceOrderCreateEvent",                     "order.created",              told=_order),
    Event("ServiceOrderAttributeValueChangeEvent",       "order.edited",    _EDITED,   _order),
    Event("ServiceOrderAttributeValueChangeEvent",       "order.state",     _TIMED,    _same_word),
    Event("ServiceOrderStateChangeEvent",                "order.state",                told=_another_word),
    Event("ServiceOrderStateChangeEvent",                "order.edited",    _CANCEL,   _assessing),
    Event("ServiceOrderStateChangeEvent",                "order.awaiting_operator", _ASKS, _waits),
    Event("ServiceOrderStateChangeEvent",                "order.answered",  _ANSWER,   _order),
    Event("ServiceOrderStateChangeEvent",                "order.answered",  _CANCEL,   _undone),
    Event("ServiceOrderDeleteEvent",                     "order.deleted",              told=_order),
    Event("ServiceOrderMilestoneEvent",                  "order.checked",              told=_planned),
    Event("ServiceOrderMilestoneEvent",                  "order.edited",    _APPROVE,  _planned),
    Event("ServiceOrderJeopardyEvent",                   "order.held",                 told=_held),
    Event("ServiceOrderInformationRequiredEvent",        "order.awaiting_operator"),
    Event("CancelServiceOrderCreateEvent",               "order.edited",    _CANCEL,   _cancel_asked),
    Event("CancelServiceOrderCreateEvent",               "order.state",     _CANCEL,   _cancel_asked),
    Event("CancelServiceOrderStateChangeEvent",          "order.state",     _CANCEL,   _cancel_over),
    Event("CancelServiceOrderInformationRequiredEvent",  ""),
    Event("ServiceCreateEvent",                          "service.created",            told=_service),
    Event("ServiceAttributeValueChangeEvent",            "service.changed", _REMADE,   _service),
    Event("ServiceStateChangeEvent",                     "service.state",              told=_service),
    Event("ServiceStateChangeEvent",                     "service.changed", _RUN,      _runs),
    Event("ServiceDeleteEvent",                          ""),
)
# fmt: on
"""Every published event, and the changes that it is; what does not change in the words of the TM Forum is none."""
OF_ORDERS = frozenset({"serviceOrder", "cancelServiceOrder"})
HREFS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "serviceOrder": ("ServiceOrder", order_href),
    "cancelServiceOrder": ("CancelServiceOrder", cancel_href),
    "service": ("Service", service_href),
}


def events_of(noun: str) -> list[Event]:
    """The events that a hub tells of orders, or of services."""
    return [event for event in EVENTS if (event.noun in OF_ORDERS) == (noun == "order")]


@dataclass(frozen=True, slots=True)
class Callback:
    """Where events are sent."""

    callback: str
    events: tuple[str, ...]
    """Their names; empty: all."""

    def subscription(self, name: str, noun: str) -> NewSubscription:
        """As the use case takes it."""
        wanted = [event for event in events_of(noun) if not self.events or event.name in self.events]
        kinds = {event.kind for event in wanted if event.kind} or {f"{noun}.created"}
        return NewSubscription(name, Kind.TMF, self.callback, Wanted(kinds=sorted(kinds), events=self.events))


def callback(said: Mapping[str, Any], noun: str) -> Callback:
    """What an ``EventSubscriptionInput`` says; its query may name event types: ``eventType=ServiceOrderCreateEvent``.

    Raises:
        Invalid: every mistake.
    """
    mistakes: list[Mistake] = []
    reader = Reader(said, "", mistakes)
    reader.only(SUBSCRIPTION)
    to, query = reader.text("callback", needed=True), reader.text("query")
    known = {event.name.lower(): event.name for event in events_of(noun)}
    wanted = []
    for name, value in parse_qsl(query.removeprefix("?"), keep_blank_values=True):
        for event in value.split(","):
            if name != "eventType" or event.strip().lower() not in known:
                expected = f"eventType= one of {', '.join(known.values())}"
                reader.wrong("query", f"asks for {name[:50]}={event[:50]}", expected)
            else:
                wanted.append(known[event.strip().lower()])
    if query.strip("? ") and not wanted:
        reader.wrong("query", f"is {query[:50]!r}", "eventType=, or nothing")
    if mistakes:
        raise Invalid(mistakes)
    return Callback(to, tuple(dict.fromkeys(wanted)))


def queried(where: Filter, noun: str) -> str:
    """The query of a hub; empty: it is told all."""
    named = dict.fromkeys(event.name for event in events_of(noun) if event.name in where.events)
    return f"eventType={','.join(named)}" if named else ""


def events(subscription: Subscription, due: Due) -> Sequence[Parcel]:
    """The events of what a hub is to be told; the last one of a change moves its place on."""
    found, before = list[Parcel](), subscription.progress.cursor
    for change in due.changes:
        told = list(_events(subscription, change))
        for number, (event, resource) in enumerate(told):
            ident = message_id(subscription.id, change) + (f"_{number}" if number else "")
            is_last = number == len(told) - 1
            body = json.dumps({"eventId": ident, **_envelope(event, change, resource)})
            found.append(Parcel(Message(ident, body), change, change.position if is_last else before))
        before = change.position
    return found


def _events(subscription: Subscription, change: Change) -> Iterator[tuple[Event, Told]]:
    wanted = subscription.filter.events
    for event in events_of(noun_of(change)):
        told = event.of(change) if not wanted or event.name in wanted else None
        if told is not None:
            yield event, told


def _envelope(event: Event, change: Change, told: Told) -> Told:
    named, href = HREFS[event.noun]
    resource = {"id": change.subject, "href": href(change.subject), "@type": named, **told}
    if event.noun == "cancelServiceOrder":
        resource["serviceOrder"] = order_ref(change.subject)
    at = written(change.at_us)
    return {
        "eventTime": at, "timeOcurred": at, "eventType": event.name, "correlationId": change.subject,
        "event": {event.noun: resource},
    }  # fmt: skip
