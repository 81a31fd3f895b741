# SPDX-License-Identifier: Apache-2.0
"""Service orders with their items, and the plans of their checks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from preroll.domain.booking import Booking
from preroll.domain.errors import NotFound, Stale
from preroll.domain.order import HoldReason, OrderItem, OrderKind, OrderPhase, OrderState, Together
from preroll.domain.ordered import Approval, Order, Plan, PlannedDevice
from preroll.domain.window import FOREVER
from preroll.ports.orders import AtWork, OrderFilter, OrderPage, Place, SortBy, Sorting
from preroll.store.bookings import Bookings, scopes_of, seen, spaced
from preroll.store.boundaries import Boundaries
from preroll.store.documents import Codec, clean
from preroll.store.keyset import Listing, containing
from preroll.store.platforms import Platforms
from preroll.store.sql import Row
from preroll.store.work import Work


class Said(msgspec.Struct, omit_defaults=True):
    """The part of an item for which no query asks."""

    after: tuple[str, ...]
    values: Mapping[str, object]
    needs: tuple[str, ...] | None = None


SAID: Codec[Said] = Codec(Said)
APPROVALS: Codec[tuple[Approval, ...]] = Codec(tuple[Approval, ...])
DEVICES: Codec[tuple[PlannedDevice, ...]] = Codec(tuple[PlannedDevice, ...])

_COLUMNS = (
    "key, id, platform, name, state, phase, hold, together, due_us, latest_start_us, priority, external, plan,"
    " approvals, attempt, why, cancel_us, cancel_why, clone_of, hidden, scopes, revision, created_us, created_by,"
    " changed_us"
)
_ITEMS = "select service_order, name, kind, service, base, body from order_item"
AT_ONCE = 500
"""Orders that are read in one look."""
SORTED = {
    SortBy.CREATED: "key", SortBy.NAME: "lower(name)", SortBy.STATE: "state", SortBy.CHANGED: "changed_us",
    SortBy.DUE: f"coalesce(due_us, {FOREVER})",
}  # fmt: skip


class Orders:
    """The orders of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._listing = Listing("service_order", _COLUMNS, self._whole)

    def get(self, ident: str, *, hidden: bool = False) -> Order:
        row = self._work.db.one(f"select {_COLUMNS} from service_order where id = ?", ident)
        if row is None:
            raise NotFound("order", ident)
        (found,) = self._whole([row])
        if found.hidden and not hidden:
            raise NotFound("order", ident, hint="it was deleted; its changes can still be read")
        return found

    def at_work(self, carrier: Booking) -> AtWork:
        (found,) = self.all_at_work([carrier])
        return found

    def all_at_work(self, carriers: Sequence[Booking]) -> list[AtWork]:
        db, idents, keys = self._work.db, [c.id for c in carriers], [c.key for c in carriers]
        home = Platforms(self._work).ask({c.platform for c in carriers})
        ordered = db.later(f"select {_COLUMNS} from service_order where id in ?texts", idents)
        items = db.later(
            f"{_ITEMS} where service_order in (select key from service_order where id in ?texts)"
            " order by service_order, place",
            idents,
        )
        stored, boundaries = Bookings(self._work).ask(keys), Boundaries(self._work).ask(keys)
        home()
        orders = {order.id: order for order in self._with_items(ordered(), items())}
        if lost := [ident for ident in idents if ident not in orders]:
            raise NotFound("order", lost[0])
        found, timetables = stored(), boundaries()
        return [AtWork(orders[c.id], found[c.key], timetables.get(c.key, [])) for c in carriers]

    def add(self, order: Order) -> Order:
        now = self._work.now
        new = replace(order, id=self._work.new_id(), revision=1, created_us=now, changed_us=now)
        written = {
            "id": new.id, "platform": new.platform, "created_us": now, "created_by": new.created_by, **_written(new)
        }  # fmt: skip
        ((key,),) = self._work.db.all(
            f"insert into service_order ({', '.join(written)}) values ({', '.join('?' * len(written))}) returning key",
            *written.values(),
        )
        self._write_items(key, new.items)
        return replace(new, key=key)

    def put(self, order: Order) -> Order:
        now = replace(order, revision=order.revision + 1, changed_us=self._work.now)
        written = _written(now)
        touched = self._work.db.later(
            f"update service_order set {', '.join(f'{name} = ?' for name in written)} where key = ? and revision = ?"
            " returning key",
            *written.values(), now.key, order.revision,
        )  # fmt: skip
        self._work.expect(touched, lambda: self._stale(order))
        if self._work.items.get(now.key) is not now.items:
            self._work.db.run("delete from order_item where service_order = ?", now.key)
            self._write_items(now.key, now.items)
        return now

    def _stale(self, order: Order) -> Stale:
        return Stale(f"order {order.id}", order.revision, self.get(order.id, hidden=True).revision)

    def page(self, where: OrderFilter, before: int | None, limit: int) -> OrderPage:
        return self._listing.newest(self._work, _terms(where), before, limit)

    def every(self, where: OrderFilter) -> list[Order]:
        found, page = list[Order](), self.page(where, None, AT_ONCE)
        found += page.items
        while page.next is not None:
            page = self.page(where, page.next, AT_ONCE)
            found += page.items
        return found

    def sorted(self, where: OrderFilter, sorting: Sorting, after: Place | None, limit: int) -> OrderPage:
        return self._listing.sorted(self._work, _terms(where), SORTED[sorting.by], sorting, after, limit)

    def listing(self, where: OrderFilter, offset: int, limit: int) -> tuple[int, tuple[Order, ...]]:
        return self._listing.at(self._work, _terms(where), offset, limit)

    def scopes(self, idents: Collection[str]) -> dict[str, tuple[str, ...]]:
        return scopes_of(self._work, "service_order", idents)

    def plan(self, key: int) -> Plan | None:
        row = self._work.db.one("select hash, body, at_us from order_plan where service_order = ?", key)
        return None if row is None else Plan(row[0], DEVICES.decode(row[1]), row[2])

    def keep_plan(self, key: int, plan: Plan | None) -> None:
        self._work.db.run("delete from order_plan where service_order = ?", key)
        if plan is not None:
            self._work.db.run(
                "insert into order_plan (service_order, hash, body, at_us) values (?, ?, ?, ?)",
                key, plan.hash, DEVICES.encode(plan.devices), self._work.now,
            )  # fmt: skip

    def _write_items(self, key: int, items: tuple[OrderItem, ...]) -> None:
        self._work.items[key] = items
        for place, item in enumerate(items):
            self._work.db.run(
                "insert into order_item (service_order, place, name, kind, service, base, needs, body)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                key, place, clean(item.name), item.kind.value, item.service, item.base, spaced(item.needs or ()),
                SAID.encode(Said(item.after, item.values, item.needs)),
            )  # fmt: skip

    def _whole(self, rows: Sequence[Row]) -> tuple[Order, ...]:
        if not rows:
            return ()
        found = self._work.db.all(
            f"{_ITEMS} where service_order in ?ints order by service_order, place", [row[0] for row in rows]
        )
        return self._with_items(rows, found)

    def _with_items(self, rows: Sequence[Row], found: Sequence[Row]) -> tuple[Order, ...]:
        items = {key: tuple(map(_item, its)) for key, its in groupby(found, key=lambda row: row[0])}
        orders = tuple(_order(row, items.get(row[0], ())) for row in rows)
        self._work.items.update((order.key, order.items) for order in orders)
        return orders


def _written(order: Order) -> dict[str, object]:
    """What may change, by column."""
    return {
        "name": clean(order.name),
        "state": order.state.value,
        "phase": order.phase.value if order.phase else "",
        "hold": order.hold.value if order.hold else "",
        "together": order.together.value,
        "due_us": order.due_us,
        "latest_start_us": order.latest_start_us,
        "priority": order.priority,
        "external": clean(order.external),
        "plan": order.plan,
        "approvals": APPROVALS.encode(order.approvals),
        "attempt": order.attempt,
        "why": clean(order.why),
        "cancel_us": order.cancel_us,
        "cancel_why": clean(order.cancel_why),
        "clone_of": order.clone_of,
        "hidden": int(order.hidden),
        "scopes": spaced(order.scopes),
        "revision": order.revision,
        "changed_us": order.changed_us,
    }


def _terms(where: OrderFilter) -> tuple[list[str], list[object]]:
    terms: list[str] = ["hidden = 0"]
    values: list[object] = []
    for column, wanted in (("platform", where.platform), ("external", where.external or None)):
        if wanted is not None:
            terms.append(f"{column} = ?")
            values.append(wanted)
    if where.states:
        terms.append("state in ?texts")
        values.append(sorted(state.value for state in where.states))
    if where.canceling:
        terms.append("cancel_us is not null")
    if where.held:
        terms.append("hold <> ''")
    if where.text:
        containing(where.text, ("name", "external"), terms, values)
    for said, value in _of_items(where):
        terms.append(f"key in (select i.service_order from order_item i where {said})")
        values.append(value)
    if where.sight is not None:
        seen(where.sight, terms, values)
    return terms, values


def _of_items(where: OrderFilter) -> Iterator[tuple[str, object]]:
    """What one of its items must fulfil, with its value."""
    if where.service:
        yield "i.service = ?", where.service
    if where.kinds:
        yield "i.kind in ?texts", sorted(kind.value for kind in where.kinds)
    if where.needs:
        yield "i.needs <> '' and i.needs like ?", f"% {where.needs} %"


def _item(row: Row) -> OrderItem:
    _, name, kind, service, base, body = row
    said = SAID.decode(body)
    return OrderItem(name, OrderKind(kind), service, base, said.after, said.values, said.needs)


def _order(row: Row, items: tuple[OrderItem, ...]) -> Order:
    (
        key, ident, platform, name, state, phase, hold, together, due, latest, priority, external, plan, approvals,
        attempt, why, cancel_us, cancel_why, clone_of, hidden, scopes, revision, created, created_by, changed,
    ) = row  # fmt: skip
    return Order(
        name, platform, items, OrderState(state), OrderPhase(phase) if phase else None,
        HoldReason(hold) if hold else None, Together(together), due, latest, priority, external, plan,
        APPROVALS.decode(approvals), attempt, why, cancel_us, cancel_why, clone_of, bool(hidden),
        tuple(scopes.split()), ident, key, revision, created, created_by, changed,
    )  # fmt: skip
