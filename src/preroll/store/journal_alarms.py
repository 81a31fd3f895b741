# SPDX-License-Identifier: Apache-2.0
"""Alarms of bookings whose time comes near and that nobody has confirmed, and of events that wait: once each.

Whoever claims raises them.

``booking.alarmed`` tells that it was raised, or that the window was over before it could be; an edit that moves the
start and a confirmation take it back. So a restart neither forgets an alarm nor repeats one. An event that waits for
another booking to give way (SPEC 5, hand-over) has had its alarm if the change log holds one since it was due.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from preroll.domain.attention import UNCONFIRMED, Attention, attention, told
from preroll.domain.booking import Booking
from preroll.domain.boundaries import STANDARD
from preroll.domain.changes import Change
from preroll.domain.concern import CONCERNS, PROMPT, Concern
from preroll.domain.config import Platform
from preroll.domain.window import SECOND
from preroll.store import bookings, boundaries
from preroll.store.bookings import COLUMNS, Bookings, booking_of
from preroll.store.boundaries import Boundaries, boundary_of
from preroll.store.changes import Changes
from preroll.store.work import Work

NEAR_AIR = "booking.near_air"
"""The kind of the fact in the change log."""
WAITING = "booking.waiting"
"""The same, of an event that is late because another booking has not given way."""
CHUNK = 256
"""How many alarms of a platform one look raises; what is left, the next one does."""
_WATCHED = f"platform = ? and alarmed = 0 and state in ({', '.join(repr(s.value) for s in sorted(UNCONFIRMED))})"
"""As the index ``ix_booking_near`` has it."""
_NEAR = (
    f"select {COLUMNS} from booking where {_WATCHED} and held_start_us <= ? order by held_start_us limit {CHUNK}"
    " for no key update skip locked"
)
_NEXT = f"select held_start_us from booking where {_WATCHED} and held_start_us > ? order by held_start_us limit 1"
_WAITERS = (
    f"select {boundaries.columns('b')}, {bookings.columns('k')} from boundary b join booking k on k.key = b.booking"
    " where b.waits_for is not null and b.state = 'armed' and b.platform in ?ints and b.due_us <= ?"
    f" and not exists (select 1 from change_log c where c.subject = k.id and c.kind = '{WAITING}'"
    f" and c.at_us >= b.due_us) order by b.due_us limit {CHUNK}"
)


def raise_alarms(work: Work, platforms: Collection[Platform]) -> int | None:
    """Raise the alarms that are due on these platforms. Looks when one is due, else once a second.

    The last thing of its transaction: it waits for no lock.

    Returns:
        When the next one is due; None: there is none.
    """
    now, known = work.now, work.memory.alarms
    fresh = known.looked_us is not None and 0 <= now - known.looked_us < SECOND
    if not fresh or (known.next_us is not None and known.next_us <= now):
        known.looked_us, instants = now, []
        for platform in platforms:
            if (near := platform.config.limits.near_air_us) is not None:
                instants += _look(work, platform, near)
        known.next_us = min(instants, default=None)
        _tell_waiters(work, [platform.key for platform in platforms if not platform.config.paused])
    return known.next_us


def _look(work: Work, platform: Platform, near_us: int) -> list[int]:
    """Raise those of one platform; when its next one is due."""
    now, until = work.now, work.now + near_us
    bookings = [booking_of(row) for row in work.db.all(_NEAR, platform.key, until)]
    if bookings:
        work.db.run("update booking set alarmed = 1 where key in ?ints", [b.key for b in bookings])
        if facts := [
            _fact(b, now) for b in bookings if not b.hidden and attention(b, now, near_us) is Attention.NEAR_AIR
        ]:
            Changes(work).add_all(facts)
    if len(bookings) == CHUNK:
        return [now + SECOND]
    return [start - near_us for (start,) in work.db.all(_NEXT, platform.key, until)]


def _fact(b: Booking, now_us: int) -> Change:
    why = told(b, Attention.NEAR_AIR, now_us)
    return Change(NEAR_AIR, b.id, b.platform, "engine", b.state.value, b.state.value, why, "near air", b.revision)


def _tell_waiters(work: Work, platforms: Sequence[int]) -> None:
    """Tell of each event that is late, because another booking has not given way, once: for whom, and what to do.

    Who reads it may see this booking, and not every other one: one with scopes, or of another platform, has no name.
    """
    rows = work.db.all(_WAITERS, platforms, work.now - PROMPT)
    found = [(boundary_of(row[: boundaries.WIDTH]), booking_of(row[boundaries.WIDTH :])) for row in rows]
    facts = []
    for event, waiter in found:
        if event.kind not in STANDARD or event.waits_for is None:
            continue
        rival = Bookings(work).by_key(Boundaries(work).booking_of(event.waits_for))
        hidden = rival.scopes or rival.platform != waiter.platform
        whom = "another booking" if hidden else f"{rival.name} ({rival.id})"
        why = f"{event.event.name} waits for {whom} to give way; {CONCERNS[Concern.WAITING].to_do}"
        state = waiter.state.value
        facts.append(
            Change(WAITING, waiter.id, waiter.platform, "engine", state, state, why, event.event.name, waiter.revision)
        )
    if facts:
        Changes(work).add_all(facts)
