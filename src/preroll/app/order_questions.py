# SPDX-License-Identifier: Apache-2.0
"""Orders that wait for an operator: nothing tells whether a device has its old values or the new ones.

The run that could not find out is over; what it has written down stays. The answer begins the same run once more, which
goes on from there: what is as it should be by the operator's word is not touched. Nobody has answered in time, or the
operator gives up: the order has failed, and what is not known is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.app import order_ending, order_holding, service_dependencies
from preroll.app.asking import Ask, command
from preroll.app.order_views import (
    UNTIL,
    OrderDetails,
    acted_on,
    answer_by,
    journalled,
    newest_with_steps,
    order_details,
)
from preroll.app.orders import tell
from preroll.app.recording import store
from preroll.domain.booking import Booking
from preroll.domain.boundaries import BOUNDARY, Boundary, BoundaryState, BoundaryTrigger
from preroll.domain.deployment import Has, JournalStep, armed, disarmed, part_end, parts_in
from preroll.domain.errors import ActionNotPossible, Invalid, Mistake
from preroll.domain.machine import Outcome
from preroll.domain.order import OrderPhase
from preroll.domain.ordered import Order
from preroll.domain.permission import ENGINE, Actor
from preroll.ports.orders import AtWork
from preroll.ports.scripts import Report
from preroll.ports.store import Store, Tx

CANCELING = "cancel"
"""The cause of what happens while an order is being undone because somebody canceled it."""
ANSWERS = "answers"
"""Where the booking that carries an order keeps what an operator has said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operator has found on the devices."""

    has: Mapping[str, Has] = field(default_factory=dict)
    """Node, as the question names it -> what its device has."""
    every: Has | None = None
    """The same of every device that is asked about."""
    give_up: bool = False
    """Nobody can tell: the order has failed."""


class OrderQuestions:
    """The answers to what an order asks.

    Raises NotFound for an id that is unknown or out of sight, Stale when ``seen`` is not the order's revision any more
    (None skips that guard), and NotPermitted. A refusal changes nothing.
    """

    def __init__(self, store_: Store) -> None:
        self._store = store_

    async def answer(
        self, by: Actor, ident: str, seen: int | None, answer: Answer, ask: Ask[OrderDetails] | None = None
    ) -> OrderDetails:
        """Say what each device has that is asked about, and go on; or give up.

        Raises:
            ActionNotPossible: it asks nothing. Invalid: a device is not told of, or was not asked about.
        """

        def unit(tx: Tx) -> OrderDetails:
            before = acted_on(tx, by, ident, seen, "answer")
            if answer.give_up:
                carrier = tx.bookings.get(before.id, hidden=True)
                given_up(tx, tx.orders.at_work(carrier), by, f"given up by {by.name}")
            else:
                _go_on(tx, before, by, answer)
            return order_details(tx, tx.orders.get(ident))

        return await command(self._store, by, unit, ask)


def asked(tx: Tx, steps: Sequence[JournalStep], at: AtWork, report: Report) -> Report | None:
    """Have the order wait for an operator, if nothing tells of a device and there is time; None: it ends."""
    unknown = _unknown(steps)
    if not unknown:
        return None
    order, carrier = at.order, at.carrier
    wait = tx.platforms.by_key(order.platform).config.limits.operator_us
    until = answer_by(carrier) or (None if wait is None else tx.now + wait)
    if until is None or until <= tx.now:
        return None
    kept = {**carrier.properties, UNTIL: until, ANSWERS: {}}
    store(tx, carrier, replace(carrier, properties=kept))
    tx.boundaries.upsert(armed(at.boundaries, carrier.key, until))
    question = "; ".join(f"{label}: has it the old or the new? {why}" for label, why in unknown.items())
    after = tx.orders.put(replace(order, phase=OrderPhase.AWAITING_OPERATOR, why=question))
    cause = CANCELING if order_holding.is_canceling(carrier) else "probe impossible"
    tell(tx, ENGINE, "order.awaiting_operator", after, order.state, cause)
    return replace(report, outcome=Outcome.FAILED, message=question, returned={"state": after.state.value})


def still_asked(tx: Tx, at: AtWork) -> Report | None:
    """How a run ends that has asked and was lost before that was written down; None: the time to answer is over."""
    until = answer_by(at.carrier)
    if until is None or until <= tx.now:
        return None
    return Report(Outcome.FAILED, message=at.order.why, returned={"state": at.order.state.value})


def given_up(tx: Tx, at: AtWork, by: Actor, why: str) -> Report:
    """The order has failed: nothing tells how its devices stand."""
    run = newest_with_steps(tx, at.carrier)
    report = Report(Outcome.FAILED, message=f"{why}: {at.order.why}")
    if run is None:
        return report
    (found,) = order_ending.ended(tx, [order_ending.End(at, journalled(tx, run.id), report)], by)
    service_dependencies.look_again(tx, at.order.platform, {item.service for item in at.order.items})
    return found


def _go_on(tx: Tx, order: Order, by: Actor, answer: Answer) -> None:
    carrier = tx.bookings.get(order.id, hidden=True)
    run = newest_with_steps(tx, carrier)
    boundaries = tx.boundaries.of(carrier.key)
    asking = next((b for b in boundaries if run and b.key == run.boundary and b.state is BoundaryState.FAILED), None)
    if run is None or asking is None:
        raise ActionNotPossible("the run that asks is about to end", hint="answer again in a moment")
    has = _checked(_unknown(journalled(tx, run.id)), answer)
    kept = {**carrier.properties, ANSWERS: {label: found.value for label, found in has.items()}}
    store(tx, carrier, replace(carrier, properties=kept))
    tx.boundaries.upsert([*disarmed(boundaries), _again(asking, tx.now)])
    told = "; ".join(f"{label} has the {found.value}" for label, found in has.items())
    after = tx.orders.put(replace(order, phase=OrderPhase.ROLLING_BACK, why=""))
    cause = CANCELING if order_holding.is_canceling(carrier) else "answer"
    tell(tx, by, "order.answered", replace(after, why=told), order.state, cause)


def _again(asking: Boundary, now_us: int) -> Boundary:
    """The run that asked, once more: with all that it has written down."""
    return replace(
        asking, state=BOUNDARY.fire(asking.state, BoundaryTrigger.RETRY), try_=asking.try_ + 1, due_us=now_us,
        worker=None, reason=None, message="", ended_us=None,
    )  # fmt: skip


def _checked(unknown: Mapping[str, str], answer: Answer) -> Mapping[str, Has]:
    has = {**(dict.fromkeys(unknown, answer.every) if answer.every else {}), **answer.has}
    wrong = [Mistake(f"has.{label}", "is not asked about", _one_of(unknown)) for label in has if label not in unknown]
    wrong += [Mistake(f"has.{label}", "is not answered", "old or new") for label in unknown if label not in has]
    if wrong:
        raise Invalid(wrong)
    return has


def _one_of(unknown: Mapping[str, str]) -> str:
    return f"one of {', '.join(unknown)}"


def _unknown(steps: Sequence[JournalStep]) -> Mapping[str, str]:
    """Node -> why nothing tells of its device."""
    ends = [part_end(steps, part) for part in parts_in(steps)]
    return {label: end.residue[label] for end in ends for label in end.unknown}


def answers_of(carrier: Booking) -> Mapping[str, str]:
    """What an operator has said of the devices of an order."""
    said = carrier.properties.get(ANSWERS)
    return {str(label): str(has) for label, has in said.items()} if isinstance(said, Mapping) else {}
