# SPDX-License-Identifier: Apache-2.0
"""Services that orders make, and their revisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from preroll.domain.booking import NodeChoice
from preroll.domain.errors import NameInUse, NotFound, Refused, Stale
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.service_instance import EXISTS, Provisioned
from preroll.ports.orders import Place, ServiceFilter, ServicePage, SortBy, Sorting
from preroll.store.bookings import pattern, scopes_of, seen, spaced
from preroll.store.documents import Codec, clean
from preroll.store.keyset import Listing
from preroll.store.sql import Row
from preroll.store.work import Work


class Made(msgspec.Struct, omit_defaults=True):
    """What a revision says."""

    nodes: Mapping[str, NodeChoice]
    properties: Mapping[str, object]
    needs: tuple[str, ...] = ()


MADE: Codec[Made] = Codec(Made)

COLUMNS = (
    "key", "id", "platform", "definition", "name", "state", "runs", "desired", "deployed", "last_good", "scopes",
    "needs", "revision", "created_us", "created_by", "changed_us",
)  # fmt: skip
_COLUMNS = ", ".join(COLUMNS)
_EXISTS = f"state in ({', '.join(repr(state.value) for state in sorted(EXISTS))})"
_WRITTEN = (
    "id text, platform bigint, created_us bigint, created_by text, definition bigint, name text, folded text,"
    " state text, runs text, desired bigint, deployed bigint, last_good bigint, scopes text, needs text,"
    " revision bigint, changed_us bigint"
)
_ADDED = [column.split()[0] for column in _WRITTEN.split(", ")]
_ADD = (
    f"insert into service ({', '.join(_ADDED)}) select {', '.join(_ADDED)} from given({_WRITTEN}) g"
    " where not exists (select 1 from service s where s.platform = g.platform and s.folded = g.folded"
    f" and s.{_EXISTS} and s.id <> g.id) on conflict (id) do nothing returning key, id"
)
"""None, where a service of its name exists."""
_FIRST = (
    "insert into service_revision (service, number, body, made_by, at_us)"
    " select * from given(service bigint, number bigint, body text, made_by text, at_us bigint) g"
)
SORTED = {
    SortBy.CREATED: "key", SortBy.NAME: "folded", SortBy.STATE: "state", SortBy.RUNS: "runs",
    SortBy.CHANGED: "changed_us",
}  # fmt: skip


class Services:
    """The services of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, ident: str) -> Service:
        row = self._work.db.one(f"select {_COLUMNS} from service where id = ?", ident)
        if row is None:
            raise NotFound("service", ident)
        return service_of(row)

    def by_key(self, key: int) -> Service:
        row = self._work.db.one(f"select {_COLUMNS} from service where key = ?", key)
        if row is None:
            raise NotFound("service", key)
        return service_of(row)

    def add(self, service: Service, first: ServiceRevision) -> Service:
        new = replace(service, id=service.id or self._work.new_id())
        (added,) = self.add_all([(new, first)])
        if added is None:
            self._free(new)
            raise Refused(f"a service with the id {new.id} exists", hint="order it under another id, or none")
        return added

    def add_all(self, services: Sequence[tuple[Service, ServiceRevision]]) -> list[Service | None]:
        now = self._work.now
        new = [replace(service, revision=1, created_us=now, changed_us=now) for service, _ in services]
        named = {(one.platform, clean(one.name).casefold()): one for one in reversed(new)}
        rows = [
            {"id": s.id, "platform": s.platform, "created_us": now, "created_by": s.created_by, **_written(s)}
            for s in named.values()
        ]  # fmt: skip
        told = self._work.db.all(_ADD, [tuple(row[name] for name in _ADDED) for row in rows]) if rows else ()
        keys = {ident: key for key, ident in told}
        first = [(keys[s.id], *_revised(revision), now) for s, revision in services if s.id in keys]
        if first:
            self._work.db.send(_FIRST, first)
        return [replace(one, key=keys[one.id]) if one.id in keys else None for one in new]

    def put(self, service: Service) -> Service:
        now = replace(service, revision=service.revision + 1, changed_us=self._work.now)
        self._free(now)
        written = _written(now)
        touched = self._work.db.later(
            f"update service set {', '.join(f'{name} = ?' for name in written)} where key = ? and revision = ?"
            " returning key",
            *written.values(), now.key, service.revision,
        )  # fmt: skip
        self._work.expect(touched, lambda: self._stale(service))
        return now

    def _stale(self, service: Service) -> Stale:
        return Stale(f"service {service.id}", service.revision, self.get(service.id).revision)

    def page(self, where: ServiceFilter, before: int | None, limit: int) -> ServicePage:
        return LISTING.newest(self._work, _terms(where), before, limit)

    def sorted(self, where: ServiceFilter, sorting: Sorting, after: Place | None, limit: int) -> ServicePage:
        return LISTING.sorted(self._work, _terms(where), SORTED[sorting.by], sorting, after, limit)

    def listing(self, where: ServiceFilter, offset: int, limit: int) -> tuple[int, tuple[Service, ...]]:
        return LISTING.at(self._work, _terms(where), offset, limit)

    def scopes(self, idents: Collection[str]) -> dict[str, tuple[str, ...]]:
        return scopes_of(self._work, "service", idents)

    def revise(self, key: int, revision: ServiceRevision) -> None:
        written = self._work.db.later(
            "insert into service_revision (service, number, body, made_by, at_us) values (?, ?, ?, ?, ?)"
            " on conflict (service, number) do nothing returning number",
            key, *_revised(revision), self._work.now,
        )  # fmt: skip
        known, hint = f"the service has a revision {revision.number}", "read it again, and add the next one"
        self._work.expect(written, lambda: Refused(known, hint=hint))

    def revisions(self, key: int) -> list[ServiceRevision]:
        return self.revisions_of([key]).get(key, [])

    def revisions_of(self, keys: Collection[int]) -> dict[int, list[ServiceRevision]]:
        rows = self._work.db.all(
            "select r.service, r.number, r.body, r.made_by, r.at_us, i.name from service_revision r"
            " join service s on s.key = r.service left join service_order o on o.id = r.made_by"
            " left join order_item i on i.service_order = o.key and i.service = s.id"
            " where r.service in ?ints order by r.service, r.number",
            sorted(keys),
        )
        found: dict[int, list[ServiceRevision]] = {}
        for service, number, body, order, at, item in rows:
            made = MADE.decode(body)
            found.setdefault(service, []).append(
                ServiceRevision(number, made.nodes, made.properties, order, at, made.needs, item or "")
            )
        return found

    def needing(self, ident: str) -> list[Service]:
        rows = self._work.db.all(
            f"select {_COLUMNS} from service where needs <> '' and needs like ? and state in ?texts order by key",
            f"% {ident} %", sorted(state.value for state in EXISTS),
        )  # fmt: skip
        return [service_of(row) for row in rows]

    def several(self, idents: Collection[str]) -> dict[str, Service]:
        rows = self._work.db.all(f"select {_COLUMNS} from service where id in ?texts", sorted(idents)) if idents else ()
        return {found.id: found for found in map(service_of, rows)}

    def _free(self, service: Service) -> None:
        """Two writers at the same instant are kept apart by the unique index."""
        if service.state not in EXISTS:
            return
        other = self._work.db.one(
            f"select id from service where platform = ? and folded = ? and {_EXISTS} and id <> ?",
            service.platform, clean(service.name).casefold(), service.id,
        )  # fmt: skip
        if other is not None:
            raise NameInUse(f"there is a service {service.name} already: {other[0]}", hint="use another name")


def _terms(where: ServiceFilter) -> tuple[list[str], list[object]]:
    terms: list[str] = ["1 = 1"]
    values: list[object] = []
    wanted = (("platform = ?", where.platform), ("runs = ?", where.runs or None), ("runs <> ?", where.idle or None))
    for term, value in wanted:
        if value is not None:
            terms.append(term)
            values.append(value)
    if where.states:
        terms.append("state in ?texts")
        values.append(sorted(state.value for state in where.states))
    if where.text:
        terms.append("folded like ? escape '\\'")
        values.append(f"%{pattern(where.text.casefold())}%")
    if where.sight is not None:
        seen(where.sight, terms, values)
    return terms, values


def _written(service: Service) -> dict[str, object]:
    """What may change, by column."""
    name = clean(service.name)
    return {
        "definition": service.definition,
        "name": name,
        "folded": name.casefold(),
        "state": service.state.value,
        "runs": service.runs,
        "desired": service.desired,
        "deployed": service.deployed,
        "last_good": service.last_good,
        "scopes": spaced(service.scopes),
        "needs": spaced(service.needs),
        "revision": service.revision,
        "changed_us": service.changed_us,
    }


def _revised(revision: ServiceRevision) -> Row:
    """A revision's columns, but for its service and the time."""
    made = Made(revision.nodes, revision.properties, revision.needs)
    return revision.number, MADE.encode(made), revision.order


def service_of(row: Row) -> Service:
    """The service that a row of these columns holds."""
    (
        key, ident, platform, definition, name, state, runs, desired, deployed, last_good, scopes, needs, revision,
        created, created_by, changed,
    ) = row  # fmt: skip
    return Service(
        name, platform, definition, Provisioned(state), runs, desired, deployed, last_good, tuple(scopes.split()),
        tuple(needs.split()), ident, key, revision, created, created_by, changed,
    )  # fmt: skip


LISTING = Listing("service", _COLUMNS, lambda rows: tuple(map(service_of, rows)))
