# SPDX-License-Identifier: Apache-2.0
"""Bookings whose retention is over: found by the index of their states, forgotten with all that was written of them.

What carries a service order or a service is not a booking to anybody, and stays with it.
"""

from __future__ import annotations

from preroll.domain.booking import ENDED
from preroll.store.sql import Row
from preroll.store.work import Work

_OVER = (
    "select k.key, k.id from booking k"
    " where k.platform = ? and k.state = ? and k.held_start_us < ? and k.changed_us < ?"
    " and not exists (select 1 from reservation r where r.booking = k.key and r.unreset = 1)"
    " and not exists (select 1 from service_order o where o.id = k.id)"
    " and not exists (select 1 from service s where s.id = k.id)"
    " and not exists (select 1 from boundary b where b.booking = k.key and b.state in ('armed', 'running'))"
    " order by k.held_start_us limit ? for no key update of k skip locked"
)
_OF = "boundary in (select b.key from boundary b where b.booking in ?ints)"
_FORGET = (
    f"delete from step where {_OF}",
    f"delete from run where {_OF}",
    *(
        f"delete from {table} where booking in ?ints"
        for table in ("boundary", "action_log", "reservation", "loss", "overlay")
    ),
    "delete from booking where key in ?ints",
)
_FORGET_CHANGES = "delete from change_log where subject in ?texts"


class Retention:
    """What is past, in a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def purge(self, platform: int, before_us: int, limit: int) -> int:
        db, found = self._work.db, list[Row]()
        for state in sorted(ENDED):
            if len(found) < limit:
                found += db.all(_OVER, platform, state.value, before_us, before_us, limit - len(found))
        if found:
            keys = [key for key, _ in found]
            for sql in _FORGET:
                db.send(sql, keys)
            db.send(_FORGET_CHANGES, [ident for _, ident in found])
        return len(found)
