# SPDX-License-Identifier: Apache-2.0
"""The claim: who takes over what is due, with the devices of each run all or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from preroll.domain.booking import ORCHESTRATED, Booking, entering
from preroll.domain.boundaries import STANDARD, Boundary, Direction, Refusal, Run
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.machine import Outcome
from preroll.ports.rows import Claimed, Claims, Decide, Fence, Judged
from preroll.ports.workers import Role
from preroll.store import bookings, boundaries
from preroll.store.bookings import booking_of, entered
from preroll.store.boundaries import boundary_of, claimed
from preroll.store.catalogue import Catalogue
from preroll.store.documents import NO_VALUES
from preroll.store.journal_alarms import raise_alarms
from preroll.store.journal_endings import Ending, failures, finish
from preroll.store.journal_facts import Asked, Facts, ask_facts, gather
from preroll.store.journal_takeover import LOCK_BOOKINGS, WITHIN_REACH, ask_lost, recorded, take_over
from preroll.store.platforms import Platforms
from preroll.store.sql import Later, Row
from preroll.store.work import Work
from preroll.store.workers import Reach, elsewhere, renewed

CHUNK = 256
"""How many boundaries that need no script one claim looks at."""
ASIDE_SHARE = 4
"""Asides never take more than this part of a platform's bound."""
CLAIMS_LOCK = 7211
"""First half of the advisory lock under which a platform's claims run on PostgreSQL."""

_CARRIED = Role.RUNNER.value
_STATES = ", ".join(f"'{state.value}'" for state in sorted(ORCHESTRATED))
_TURN = (
    f"(k.state in ({_STATES}) or b.try_ > 0 or b.kind in ('apply', 'order'))"
    " and not exists (select 1 from boundary e where e.booking = b.booking"
    " and e.ordinal < b.ordinal and e.state in ('armed', 'running'))"
)
"""Its booking is orchestrated, or it is a retry, or of no booking's life; and no earlier event is open."""
_BRANCHES = ((0, 0), (1, 0), (0, 1), (1, 1), (1, 2))
"""(needs a script, rank): each is a range of ``ix_boundary_due``."""


_ROW = f"{boundaries.columns('b')}, {bookings.columns('k')}"


def _due(picked: str, within: str = "") -> str:
    """The query for what may be claimed now, each branch in the order of ``ix_boundary_due``."""
    return " union all ".join(
        f"select * from (select {scripted} as scripted, {rank} as rank, {picked}"
        " from boundary b join booking k on k.key = b.booking"
        f" where b.platform = ? and b.scripted = {scripted} and b.rank = {rank} and b.state = 'armed'"
        f" and b.waits_for is null and b.due_us <= ?{'' if rank == 2 else f' and {_TURN}'}{within if scripted else ''}"
        f" order by b.due_us, b.key limit ?) c{scripted}{rank}"
        for scripted, rank in _BRANCHES
    )


_DUE, _DUE_KEYS = _due(_ROW), _due("b.key, b.booking")
_NEAR, _NEAR_KEYS = _due(_ROW, f" and {WITHIN_REACH}"), _due("b.key, b.booking", f" and {WITHIN_REACH}")
_READ = (
    f"select 0, b.rank, {_ROW} from boundary b join booking k on k.key = b.booking"
    " where b.key in ?ints and b.state = 'armed' and b.waits_for is null and b.due_us <= ?"
    f" and (b.rank = 2 or ({_TURN})) order by b.key for no key update of b"
)
_BOOKING = 2 + boundaries.WIDTH
"""Where the booking begins in a row of these queries."""
_IN_TURN = itemgetter(1, 2 + boundaries.DUE, 2)
"""Down events first, then due time, then key."""
_BUSY = (
    "select platform, rank, count(*) from boundary where state = 'running' and rank in (0, 1, 2)"
    " group by rank, platform"
)
_TAKE = (
    "update boundary set state = 'running', epoch = g.epoch, worker = g.worker, began_us = g.began_us, ended_us = null,"
    " reason = case when rank = 2 then reason end, message = case when rank = 2 then message else '' end, stopping = 0"
    " from given(key bigint, epoch bigint, worker bigint, began_us bigint) g where boundary.key = g.key"
)
_ENTER = (
    "update booking set began = 1, entering = g.entering, state_version = state_version + 1"
    " from given(key bigint, entering text) g where booking.key = g.key"
)
_RUN = (
    "insert into run (boundary, generation, try_, id, booking, kind, event, script, version, target, previous, epoch,"
    " config_version, worker, began_us, outcome, reason, message, returned) select boundary, generation, try_, id,"
    " booking, kind, event, script, '', target, previous, epoch, config_version, worker, began_us, 'running', '', '',"
    f" '{NO_VALUES}' from given(boundary bigint, generation bigint, try_ bigint, id text, booking bigint, kind text,"
    " event text, script text, target text, previous text, epoch bigint, config_version bigint, worker bigint,"
    " began_us bigint) g"
)
_HOLD = (
    "insert into device_hold (device, boundary, booking) select device, boundary, booking"
    " from given(device text, boundary bigint, booking bigint) g"
)
_WAIT = "update boundary set waits_for = g.holder from given(key bigint, holder bigint) g where boundary.key = g.key"
_HEAL = (
    "update boundary set waits_for = null where waits_for is not null and (not exists (select 1 from boundary h"
    " where h.key = boundary.waits_for and h.state in ('armed', 'running')) or exists (select 1 from boundary d"
    " where d.booking = boundary.booking and d.rank = 0 and boundary.rank = 1 and d.state = 'armed' and d.due_us <= ?))"
)
"""Nobody waits for what is over, nor beyond the moment at which its own down event is due."""
_STOP = (
    "select b.key, b.epoch, b.worker, b.stopping, w.role, b.generation, b.platform, k.live from boundary b"
    " join booking k on k.key = b.booking left join worker w on w.key = b.worker"
    " where b.state = 'running' and b.rank = 1 and (b.stopping = 1 or (k.live = 0 and b.kind not in ('apply', 'order'))"
    " or exists (select 1 from boundary d"
    " where d.booking = b.booking and d.rank = 0 and d.state = 'armed' and d.due_us <= ?))"
)
_NEXT = "select {} from platform p".format(
    ", ".join(
        "(select b.due_us from boundary b where b.platform = p.key"
        f" and b.scripted = {scripted} and b.rank = {rank} and b.state = 'armed' and b.waits_for is null"
        " and b.due_us > ? order by b.due_us, b.key limit 1)"
        for scripted, rank in _BRANCHES
    )
)
"""In the order of ``ix_boundary_due``; by ``due_us`` alone PostgreSQL reads all down events that are still to come."""
_NEXT_LEASE = (
    "select min(w.lease_us) from worker w where w.key <> ? and w.lease_us > ? and exists (select 1 from boundary b"
    " where b.state = 'running' and b.rank in (0, 1, 2) and b.worker = w.key)"
)


@dataclass(frozen=True, slots=True)
class Call:
    """What a claim was asked."""

    worker: int
    lease_us: int
    decide: Decide
    limit: int
    ahead_us: int = 0
    """How long before its instant what needs a script may be taken."""
    doubt: frozenset[int] | None = None
    """Set after a claim whose answer was lost: the boundaries that this worker knows it owns."""


def claim(work: Work, call: Call) -> Claims:
    """Take over what is due, or whose worker is gone; see ``preroll.ports.store.Journal.claim``."""
    work.expect_now()
    asked, reach = Platforms(work).ask_all(), renewed(work, call.worker, call.lease_us)
    work.db.send(_HEAL, work.now)
    giving_way, lost = work.db.later(_STOP, work.now), ask_lost(work, reach, call.limit, call.doubt)
    next_due, platforms = _ask_next_due(work, call), sorted(asked(), key=lambda platform: platform.key)
    asked_busy = _ask_busy(work, platforms)
    rounds = [_Round(work, call, reach, platform) for platform in platforms if not platform.config.paused]
    if work.db.postgres:
        for one in rounds:
            one.expect()
    paused = {platform.key for platform in platforms if platform.config.paused}
    cancel = _stop(work, [row for row in giving_way() if row[3] or row[6] not in paused or not row[7]], call.worker)
    runs, ended = take_over(work, reach, lost())
    more, busy = len(runs) >= call.limit > 0, work.db.all(_BUSY) if ended else asked_busy()
    for one in rounds:
        taken = {rank: count for key, rank, count in busy if key == one.platform.key}
        claimed = _claim_platform(one, taken, call.limit - len(runs))
        runs += claimed.runs
        ended += claimed.endings
        more = more or claimed.more
    early = (due for one in rounds for due in one.early)
    instants = [due for due in (*next_due(), *early, raise_alarms(work, platforms)) if due is not None]
    next_due_us, more = min(instants, default=None), more or bool(ended)
    return Claims(tuple(runs), len(ended), cancel, next_due_us, work.now, work.read_at, more, failures(ended))


def _stop(work: Work, rows: Sequence[Row], worker: int) -> tuple[Fence, ...]:
    """Up runs that must give way to a down event of their booking; marks them for whoever owns them.

    On a paused platform no down event begins, so nothing has to give way to it.
    """
    if fresh := [row[0] for row in rows if not row[3]]:
        work.db.send("update boundary set stopping = 1 where key in ?ints and state = 'running'", fresh)
        work.due = True
    return tuple(
        Fence(key, epoch, generation)
        for key, epoch, owner, _, role, generation, *_ in rows
        if owner == worker or role == _CARRIED
    )


def _ask_next_due(work: Work, call: Call) -> Callable[[], Iterator[int | None]]:
    """When something may next be taken, or a lease is over; what the claim plans for later, the store's bell tells.

    A down event is looked at on its instant even if it was taken ahead: what must give way to it is stopped then.
    """
    now, ahead = work.now, call.ahead_us
    events = work.db.later(_NEXT, *(now if rank == 0 else now + ahead for _, rank in _BRANCHES))
    leases = work.db.later(_NEXT_LEASE, call.worker, now)

    def instants() -> Iterator[int | None]:
        for due in (due for row in events() for due in row if due is not None):
            yield due - ahead if due - ahead > now else due
        yield from (due for row in leases() for due in row)

    return instants


def _ask_busy(work: Work, platforms: Sequence[Platform]) -> Later:
    """How many runs of each rank each platform has; on PostgreSQL no two workers claim of a platform at once."""
    if work.db.postgres:
        for platform in platforms:
            work.db.send("select pg_advisory_xact_lock(?::int, ?::int)", CLAIMS_LOCK, platform.key)
    return work.db.later(_BUSY)


def _claim_platform(found: _Round, busy: Mapping[int, int], room: int) -> _Round:
    """Claim what is due on one platform."""
    work, rows = found.work, found.due(busy, room)
    if not rows:
        return found
    keys = [row[3] for row in rows]
    if work.db.postgres:
        work.db.send(LOCK_BOOKINGS, keys)
        read = work.db.later(_READ, [row[2] for row in rows], found.horizon)
        asked = ask_facts(work, keys, found.horizon)
        began = work.later_now()
        rows, found.began_us = read(), began()
    else:
        asked, found.began_us = ask_facts(work, keys, found.horizon), work.now
    if rows:
        found.judge(rows, asked)
        found.write()
    return found


@dataclass(slots=True)
class _Round:
    """The claim of one platform."""

    work: Work
    call: Call
    reach: Reach
    platform: Platform
    runs: list[Claimed] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    waiting: list[tuple[int, int]] = field(default_factory=list)
    holds: list[tuple[str, int, int]] = field(default_factory=list)
    early: list[int] = field(default_factory=list)
    """When what is not taken ahead is due: all but the scripts of a booking's own events."""
    allowed: int = 0
    """How many runs the platform's bound still admits."""
    room: int = 0
    """How many of them this claim may take."""
    aside_room: int = 0
    limits: dict[tuple[int, int], int] = field(default_factory=dict)
    """How many boundaries of each branch are looked at."""
    asked: Later | None = None
    began_us: int = 0
    """When the locks of what is claimed were had."""
    cut: frozenset[tuple[int, int]] = frozenset()
    """The branches of which there may be more than was read."""

    @property
    def horizon(self) -> int:
        """What is due by then is looked at."""
        return self.work.now + self.call.ahead_us

    @property
    def more(self) -> bool:
        """Is there probably something left that could be claimed at once?"""
        moved = self.runs or self.endings or self.waiting
        return bool(moved) and any(scripted == 0 or self.allowed > 0 for scripted, _ in self.cut)

    def expect(self) -> None:
        """Ask what is due before it is known how much room there is: an answer less to wait for."""
        self._measure({}, self.call.limit)
        self.asked = self._ask()

    def due(self, busy: Mapping[int, int], room: int) -> list[Row]:
        """What may be claimed now, (needs a script, rank, ...) each, and how much room there is for runs."""
        self._measure(busy, room)
        found = self._ask() if self.asked is None else self.asked
        read: Counter[tuple[int, int]] = Counter()
        rows = []
        for row in found():
            branch = row[:2]
            if read[branch] < self.limits[branch]:
                rows.append(row)
            read[branch] += 1
        self.cut = frozenset(branch for branch, count in read.items() if count >= self.limits[branch])
        return rows

    def _measure(self, busy: Mapping[int, int], room: int) -> None:
        bound = self.platform.config.limits.simultaneous_lso
        self.allowed = max(0, bound - sum(busy.values()))
        self.room = min(room, self.allowed)
        self.aside_room = max(0, min(self.room, max(1, bound // ASIDE_SHARE) - busy.get(2, 0)))
        self.limits = {branch: self.room if branch[0] else CHUNK for branch in _BRANCHES} | {(1, 2): self.aside_room}

    def _ask(self) -> Later:
        db, now, key = self.work.db, self.horizon, self.platform.key
        near, keys = self.reach.foreign, db.postgres
        query = (_NEAR_KEYS if keys else _NEAR) if near else _DUE_KEYS if keys else _DUE
        beyond = {branch: (near,) if near and branch[0] else () for branch in _BRANCHES}
        return db.later(query, *(v for branch in _BRANCHES for v in (key, now, *beyond[branch], self.limits[branch])))

    def judge(self, rows: Sequence[Row], asked: Asked) -> None:
        """Decide about each candidate: settle it, let it wait, or take it."""
        ordered = sorted(rows, key=_IN_TURN)
        pairs = [(boundary_of(row[2:_BOOKING]), booking_of(row[_BOOKING:])) for row in ordered]
        definitions = Catalogue(self.work, Platforms(self.work)).definitions_by_key(
            {booking.definition for _, booking in pairs if booking.definition is not None}
        )
        facts = gather(self.work, pairs, asked, self.horizon)
        for boundary, booking in pairs:
            definition = None if booking.definition is None else definitions.get(booking.definition)
            self._judge(boundary, booking, definition, facts)
        self._add_steps()

    def _judge(self, boundary: Boundary, booking: Booking, definition: ServiceDefinition | None, facts: Facts) -> None:
        name = booking.name.casefold() if boundary.is_first and definition is not None else ""
        judged = Judged(
            boundary, booking, definition, self.platform, facts.inactive.get(booking.key, ()), facts.names.get(name, "")
        )
        decision = self.call.decide(judged, max(self.work.now, boundary.due_us))
        if boundary.due_us > self.work.now and not (isinstance(decision, Run) and boundary.kind in STANDARD):
            self.early.append(boundary.due_us)
            return
        if isinstance(decision, Run):
            if not self._take(judged, decision, facts):
                return
        elif isinstance(decision, Refusal) and decision.script and elsewhere(self.work, self.reach, decision.script):
            return
        else:
            outcome = Outcome.FAILED if isinstance(decision, Refusal) else Outcome.OK
            self.endings.append(Ending(boundary, booking, self.platform, decision, outcome))
            facts.over.add(boundary.key)
        if name and not isinstance(decision, Refusal):
            facts.names[name] = booking.id

    def _take(self, judged: Judged, decision: Run, facts: Facts) -> bool:
        """Make a run of it if there is room and its devices are free."""
        boundary, booking = judged.boundary, judged.booking
        aside = boundary.event.direction is Direction.ASIDE
        needs = facts.needs.get(booking.key, frozenset())
        if self.room <= 0 or (aside and self.aside_room <= 0) or not self.reach.reaches(needs):
            return False
        if not aside and (devices := facts.devices.get(booking.key)) and not self._hold(boundary, devices, facts):
            return False
        self.room -= 1
        self.allowed -= 1
        self.aside_room -= aside
        began = max(self.began_us, boundary.due_us)
        mine = claimed(boundary, self.call.worker, began)
        if not aside:
            booking = entered(booking, entering(boundary.trigger, booking))
        held = Judged(mine, booking, judged.definition, judged.platform, judged.inactive, judged.name_taken_by)
        run = Claimed(held, decision, mine.epoch, self.work.new_id(), began_us=began, needs=needs)
        self.runs.append(run)
        return True

    def _hold(self, boundary: Boundary, devices: frozenset[str], facts: Facts) -> bool:
        """Take all of its devices, or let it wait for who has one of them."""
        holder = facts.blocks(boundary, devices)
        if holder is not None:
            self.waiting.append((boundary.key, holder))
            return False
        facts.taken.update(dict.fromkeys(devices, boundary.key))
        self.holds += [(device, boundary.key, boundary.booking) for device in sorted(devices)]
        return True

    def _add_steps(self) -> None:
        """A retried event knows what its earlier tries recorded."""
        again = [replace(c.judged.boundary, epoch=c.epoch - 1) for c in self.runs if c.epoch > 1]
        if again:
            steps = recorded(self.work, again)
            self.runs = [replace(c, steps=steps.get(c.judged.boundary.key, ())) for c in self.runs]

    def write(self) -> None:
        """Write what was decided."""
        db, worker = self.work.db, self.call.worker
        if self.waiting:
            db.send(_WAIT, self.waiting)
        if self.runs:
            taken = [(c, c.judged.boundary, c.judged.booking) for c in self.runs]
            db.send(_TAKE, [(b.key, b.epoch, worker, c.began_us) for c, b, _ in taken])
            standard = [(k.key, k.entering) for _, b, k in taken if b.event.direction is not Direction.ASIDE]
            if standard:
                db.send(_ENTER, standard)
            db.send(_RUN, [self._run_row(c, b) for c, b, _ in taken])
            self.work.memory.claimed.update((b.key, (b, k)) for _, b, k in taken)
        if self.holds:
            db.send(_HOLD, self.holds)
        finish(self.work, self.endings)

    def _run_row(self, claimed: Claimed, boundary: Boundary) -> Row:
        decision = claimed.decision
        assert isinstance(decision, Run)  # noqa: S101 - only runs are claimed
        return (
            boundary.key, boundary.generation, boundary.try_, claimed.run, boundary.booking, boundary.kind.value,
            boundary.event.name, decision.script, decision.target, decision.previous, claimed.epoch,
            self.platform.config.version, self.call.worker, claimed.began_us,
        )  # fmt: skip
