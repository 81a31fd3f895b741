# SPDX-License-Identifier: Apache-2.0
"""Whole bundles: a few statements of many rows each, so that ten thousand resources do not hold the writer for long.

What bookings refer to is only marked as removed: its row stays for their history, and an addition of the same name
gives a resource its old id back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from preroll.domain.bundle import KINDS, Document, Title, kind_of, title_of
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Stale
from preroll.domain.function import Function, Pool
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.reach import written
from preroll.domain.resource import Resource
from preroll.ports.bundles import Batch, Prepared, User
from preroll.store.bookings import LIVE
from preroll.store.catalogue import DEFINITION, FUNCTION, POOL, PROFILE_DEFINITION, PROFILE_INSTANCE, RESOURCE
from preroll.store.documents import BODY, Codec
from preroll.store.work import Work

D = TypeVar("D", Resource, Pool, Function, ProfileDefinition, ProfileInstance, ServiceDefinition)
N = TypeVar("N", Pool, Function, ProfileDefinition, ProfileInstance)
Statement = tuple[str, tuple[object, ...]]
Part = tuple[list[Statement], list[Document]]
"""Statements, and the documents that they store."""

_DIRTY = "k.key in (select u.booking from reservation u where u.unreset = 1)"
_STILL = ("k.live = 1", _DIRTY)
"""Which bookings still need what they name: those that have not ended, and those that have not reset what they held."""
_OF_RESOURCE = "concurrency bigint, mode text, held_as text, revision bigint, body text, labels text"
_OF_DEFINITION = "id text, platform bigint, name text, version bigint, publication text, scripted bigint, body text"


def _names(columns: str) -> str:
    return ", ".join(column.split()[0] for column in columns.split(", "))


def _insert(table: str, columns: str) -> str:
    return f"insert into {table} ({_names(columns)}) select {_names(columns)} from given({columns}) g"


def _update(table: str, columns: str) -> str:
    moved = ", ".join(f"{name} = g.{name}" for name in _names(columns).split(", "))
    return f"update {table} set {moved} from given(key bigint, {columns}) g where {table}.key = g.key"


_ADD_RESOURCE = _insert("resource", f"id text, platform bigint, name text, {_OF_RESOURCE}")
_CHANGE_RESOURCE = _update("resource", f"{_OF_RESOURCE}, removed bigint")
_ADD_DEFINITION = _insert("service_definition", _OF_DEFINITION)
_MOVE_DEFINITION = _update("service_definition", "publication text")
_REMEMBER = _insert("origin", "platform bigint, kind text, name text, bundle text")


class Bundles:
    """Bundles of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def advance(self, platform: int, seen: int) -> None:
        work = self._work
        work.change_catalogue()
        touched = work.db.run(
            "update platform set catalogue_version = catalogue_version + 1 where key = ? and catalogue_version = ?",
            platform, seen,
        )  # fmt: skip
        if not touched:
            row = work.db.one("select name, catalogue_version from platform where key = ?", platform)
            name, stored = row or ("", 0)
            raise Stale(f"the catalogue of {name}", seen, stored)

    def created_by(self, platform: int, bundle: str) -> set[Title]:
        rows = self._work.db.all("select kind, name from origin where platform = ? and bundle = ?", platform, bundle)
        return {(kind, name) for kind, name in rows}

    def prepare(self, platform: int, batch: Batch) -> Prepared:
        made = [*_removal(platform, batch.removed)]
        made += _some((_MOVE_DEFINITION, [(d.key, d.publication.value) for d in batch.moved]))
        stored: list[Document] = [*batch.moved]
        for statements, documents in (
            self._resources(platform, _of(Resource, batch.added), _of(Resource, batch.changed)),
            self._named(Pool, POOL, platform, batch),
            self._named(Function, FUNCTION, platform, batch),
            self._named(ProfileDefinition, PROFILE_DEFINITION, platform, batch),
            self._named(ProfileInstance, PROFILE_INSTANCE, platform, batch),
            self._definitions(platform, [d for part in batch.moving for d in _of(ServiceDefinition, part)]),
        ):
            made += statements
            stored += documents
        if batch.bundle and batch.added:
            made.append((_REMEMBER, ([(platform, *title_of(d), batch.bundle) for d in batch.added],)))
        return Prepared(made, {title_of(document): document for document in stored})

    def carry_out(self, prepared: Prepared) -> None:
        for sql, values in prepared.statements:
            self._work.db.run(sql, *values)
        self._work.memory.definitions.clear()

    def _resources(self, platform: int, added: list[Resource], changed: list[Resource]) -> Part:
        """A name that was removed before comes back under its old id."""
        gone = "select name, id, key, revision from resource where platform = ? and removed = 1"
        buried = {name: rest for name, *rest in (self._work.db.all(gone, platform) if added else ())}
        new: list[Resource] = []
        moved = list(changed)
        for r in added:
            if r.name in buried:
                ident, key, revision = buried[r.name]
                moved.append(replace(r, id=ident, key=key, platform=platform, revision=revision))
            else:
                new.append(replace(r, id=r.id or self._work.new_id(), key=0, platform=platform, revision=1))
        moved = [replace(r, revision=r.revision + 1) for r in moved]
        rows = [(r.id, platform, r.name, *_resource_row(r)) for r in new]
        again = [(r.key, *_resource_row(r), 0) for r in moved]
        return _some((_ADD_RESOURCE, rows), (_CHANGE_RESOURCE, again)), [*new, *moved]

    def _named(self, kind: type[N], codec: Codec[N], platform: int, batch: Batch) -> Part:
        table, added = KINDS[kind], _of(kind, batch.added)
        new = [replace(p, id=p.id or self._work.new_id(), key=0, platform=platform, revision=1) for p in added]
        moved = [replace(p, revision=p.revision + 1) for p in _of(kind, batch.changed)]
        add = _insert(table, "id text, platform bigint, name text, revision bigint, body text")
        rows = [(p.id, platform, p.name, 1, codec.encode(p)) for p in new]
        again = [(p.key, p.revision, codec.encode(p)) for p in moved]
        stored: list[Document] = []
        stored += new
        stored += moved
        return _some((add, rows), (_update(table, "revision bigint, body text"), again)), stored

    def _definitions(self, platform: int, moving: list[ServiceDefinition]) -> Part:
        """Each becomes a version; one that comes back after it was removed goes on counting."""
        if not moving:
            return [], []
        newest = "select name, max(version) from service_definition where platform = ? and name in ?texts group by name"
        versions: dict[str, int] = dict(self._work.db.all(newest, platform, [d.name for d in moving]))
        new = [
            replace(d, id=self._work.new_id(), key=0, platform=platform, version=versions.get(d.name, 0) + 1)
            for d in moving
        ]
        return _some((_ADD_DEFINITION, [_definition_row(d) for d in new])), [*new]

    def holders(self, resources: Collection[int]) -> list[tuple[int, User]]:
        rows = [
            row
            for held in ("r.live = 1 and k.began = 1", "r.unreset = 1")
            for row in self._work.db.all(
                "select distinct r.resource, k.id, k.name from reservation r join booking k on k.key = r.booking"
                f" where {held} and r.resource in ?ints order by k.name, k.id",
                list(resources),
            )
        ]
        return [(key, User(ident, name)) for key, ident, name in dict.fromkeys(rows)]

    def bookers(self, definitions: Collection[int]) -> list[tuple[int, User]]:
        rows = [
            row
            for still in _STILL
            for row in self._work.db.all(
                f"select k.definition, k.id, k.name from booking k where {still} and k.definition in ?ints"
                " order by k.name, k.id",
                list(definitions),
            )
        ]
        return [(key, User(ident, name)) for key, ident, name in dict.fromkeys(rows)]

    def choosers(self, platform: int, instances: Collection[str]) -> list[tuple[str, User]]:
        rows = [
            row
            for still in (f"k.platform = ? and {LIVE}", f"+k.platform = ? and {_DIRTY}")
            for row in self._work.db.all(
                f"select k.id, k.name, k.body from booking k where {still} order by k.name, k.id",
                platform,
            )
        ]
        return [
            (profile, User(ident, name))
            for ident, name, body in dict.fromkeys(rows)
            for profile in {n.profile for n in BODY.decode(body).nodes.values() if n.profile} & set(instances)
        ]


def _of(kind: type[D], documents: Sequence[Document]) -> list[D]:
    return [document for document in documents if isinstance(document, kind)]


def _resource_row(r: Resource) -> tuple[object, ...]:
    return r.concurrency, r.mode.value, r.held_as, r.revision, RESOURCE.encode(r), written(r.places)


def _definition_row(d: ServiceDefinition) -> tuple[object, ...]:
    return d.id, d.platform, d.name, d.version, d.publication.value, int(bool(d.actions)), DEFINITION.encode(d)


def _some(*statements: tuple[str, Sequence[tuple[object, ...]]]) -> list[Statement]:
    """Those that have rows."""
    return [(sql, (rows,)) for sql, rows in statements if rows]


def _removal(platform: int, removed: Sequence[Document]) -> Iterator[Statement]:
    if keys := [r.key for r in _of(Resource, removed)]:
        yield "update resource set removed = 1, labels = '' where key in ?ints", (keys,)
    if names := [d.name for d in _of(ServiceDefinition, removed)]:
        yield "update service_definition set removed = 1 where platform = ? and name in ?texts", (platform, names)
    for named in (Pool, Function, ProfileDefinition, ProfileInstance):
        if keys := [document.key for document in removed if isinstance(document, named)]:
            yield f"delete from {KINDS[named]} where key in ?ints", (keys,)
    for kind in sorted({kind_of(document) for document in removed}):
        names = [document.name for document in removed if kind_of(document) == kind]
        yield "delete from origin where platform = ? and kind = ? and name in ?texts", (platform, kind, names)
