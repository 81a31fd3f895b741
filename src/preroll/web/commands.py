# SPDX-License-Identifier: Apache-2.0
"""What can be done with a booking on its page: action, what it asks first, and use case, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from preroll.app.bookings import Edit
from preroll.app.views import BookingDetails
from preroll.domain.actions import ACTIONS
from preroll.domain.booking import FAILED_EVENT, State
from preroll.web import questions
from preroll.web.asked import Asked
from preroll.web.command import Command, Ways
from preroll.web.fields import Field, Kind
from preroll.web.questions import WHY, asks

BookingCommand = Command[Asked, BookingDetails]


async def _adjust(a: Asked) -> BookingDetails:
    retime = a.retime
    if a.takes:
        return await a.bookings.edit(a.by, a.ident, a.seen, Edit(timing=retime, nodes=a.takes, force=a.force))
    return await a.bookings.adjust(a.by, a.ident, a.seen, retime or (lambda timing: timing), force=a.force)


async def _force_state(a: Asked) -> BookingDetails:
    anyway = bool(a.said.get("anyway"))
    return await a.bookings.force_state(a.by, a.ident, a.seen, a.word("state"), why=a.word("why"), anyway=anyway)


LONGER = asks(Field("minutes", "Minutes longer", Kind.NUMBER, value="5"))
REASON, REPAIRED = asks(WHY), asks(Field("why", "How it was repaired"))
N, T, F = Ways.NODE, Ways.TIME, Ways.FORCE
UNCONFIRMED, LOST = frozenset({State.PARTIAL, State.ON_HOLD}), frozenset({State.QUARANTINED})

# fmt: off
COMMANDS: Mapping[str, BookingCommand] = {c.name: replace(c, about=ACTIONS[c.name].about) for c in (
    Command("confirm",          lambda a: a.bookings.confirm(a.by, a.ident, a.seen), bulk=True, leads=UNCONFIRMED),
    Command("leave-quarantine", lambda a: a.bookings.leave_quarantine(a.by, a.ident, a.seen, a.edit),
            ways=N | T | F, bulk=True, tries=True, leads=LOST),
    Command("edit",             None),
    Command("adjust",           _adjust, questions.times, N | T | F, called="Adjust times"),
    Command("swap",             lambda a: a.bookings.swap(a.by, a.ident, a.seen, a.refit),
            questions.what_to_swap, N | F, called="Swap resource"),
    Command("add",              lambda a: a.bookings.add(a.by, a.ident, a.seen, a.refit),
            questions.what_to_add, N | F, called="Add resource"),
    Command("remove",           lambda a: a.bookings.remove(a.by, a.ident, a.seen, a.refit),
            questions.what_to_remove, called="Remove resource"),
    Command("start-now",        lambda a: a.bookings.start_now(a.by, a.ident, a.seen, force=a.force),
            ways=F, bulk=True),
    Command("extend",           lambda a: a.bookings.extend(a.by, a.ident, a.seen, by_us=a.minutes_us, force=a.force),
            LONGER, F),
    Command("finish",           lambda a: a.bookings.finish(a.by, a.ident, a.seen, a.word("why")),
            REASON, grave=True, bulk=True),
    Command("retry",            lambda a: a.bookings.retry(a.by, a.ident, a.seen), bulk=True, leads=FAILED_EVENT),
    Command("acknowledge",      lambda a: a.bookings.acknowledge(a.by, a.ident, a.seen, a.word("why")),
            REPAIRED, bulk=True, leads=FAILED_EVENT),
    Command("apply-now",        lambda a: a.bookings.apply_now(a.by, a.ident, a.seen), bulk=True,
            called="Apply profiles now"),
    Command("force-state",      _force_state, questions.a_service_state, called="Force service state"),
    Command("audit",            lambda a: a.app.audits.ask(a.by, a.ident), bulk=True, called="Audit now"),
    Command("hold",             lambda a: a.bookings.hold(a.by, a.ident, a.seen), bulk=True, called="Put on hold"),
    Command("rename",           lambda a: a.bookings.rename(a.by, a.ident, a.seen, a.word("name")), questions.new_name),
    Command("properties",       lambda a: a.bookings.set_properties(a.by, a.ident, a.seen, a.properties),
            questions.its_properties),
    Command("duplicate",        lambda a: a.bookings.duplicate(a.by, a.ident, a.copy), questions.a_copy, T | F,
            leads=frozenset({State.FAILED})),
    Command("take",             lambda a: a.bookings.take(a.by, a.ident, a.seen), bulk=True),
    Command("release",          lambda a: a.bookings.release(a.by, a.ident, a.seen), bulk=True),
    Command("force-take",       lambda a: a.bookings.force_take(a.by, a.ident, a.seen), bulk=True),
    Command("cancel",           lambda a: a.bookings.cancel(a.by, a.ident, a.seen, a.word("why")),
            REASON, grave=True, bulk=True),
    Command("delete",           lambda a: a.bookings.delete(a.by, a.ident, a.seen, a.word("why")),
            REASON, grave=True, bulk=True),
)}
# fmt: on
"""Every action on a booking, in the order of the buttons."""
