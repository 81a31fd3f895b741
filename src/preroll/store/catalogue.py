# SPDX-License-Identifier: Apache-2.0
"""Resources, profiles and definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from preroll.domain.choosing import Candidates
from preroll.domain.definition import Publication, ServiceDefinition
from preroll.domain.errors import NotFound
from preroll.domain.function import Function, Pool
from preroll.domain.inheritance import Profiles
from preroll.domain.naming import Counted, counted
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.reach import written
from preroll.domain.resource import Resource
from preroll.store.documents import Codec
from preroll.store.platforms import Platforms
from preroll.store.sql import OF_PLATFORM, UNINDEXED, Row
from preroll.store.work import Shelf, Work

N = TypeVar("N", Pool, Function, ProfileDefinition, ProfileInstance)

RESOURCE: Codec[Resource] = Codec(Resource)
DEFINITION: Codec[ServiceDefinition] = Codec(ServiceDefinition)
POOL: Codec[Pool] = Codec(Pool)
FUNCTION: Codec[Function] = Codec(Function)
PROFILE_DEFINITION: Codec[ProfileDefinition] = Codec(ProfileDefinition)
PROFILE_INSTANCE: Codec[ProfileInstance] = Codec(ProfileInstance)

_DEFINITION = "select key, body, publication, removed from service_definition"
"""What a version says stands in its body; whether it may be booked changes, and stands beside it."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _name(one: _Named) -> Counted:
    """What of the catalogue is sorted by: a database sorts by letters alone, each in its own way."""
    return counted(one.name)


_BY_NAME, _BY_ID = f"{OF_PLATFORM} and name", f"{UNINDEXED} and id"


class Catalogue:
    """The catalogue of a transaction."""

    def __init__(self, work: Work, platforms: Platforms) -> None:
        self._work, self._platforms = work, platforms

    def resource(self, ident: str) -> Resource:
        row = self._work.db.one("select key, body from resource where id = ?", ident)
        if row is None:
            raise NotFound("resource", ident)
        return read_resources([row], self._platforms)[0]

    def resources(
        self, platform: int, *, ids: Sequence[str] | None = None, names: Sequence[str] | None = None
    ) -> list[Resource]:
        shelf = self._shelf(platform)
        if ids is None and names is None:
            if shelf.whole is None:
                shelf.whole = self._resources(platform)
                shelf.put(shelf.whole)
            return list(shelf.whole)
        by_name = self._some(shelf, platform, _BY_NAME, shelf.names, names) if names is not None else []
        by_id = self._some(shelf, platform, _BY_ID, shelf.resources, ids) if ids is not None else by_name
        both = by_id if names is None else [r for r in by_id if r in by_name] if ids is not None else by_name
        return sorted(both, key=_name)

    def candidates(self, platform: int) -> Candidates:
        shelf = self._shelf(platform)
        if shelf.candidates is None:
            shelf.candidates = Candidates(self.resources(platform))
        return shelf.candidates

    def _some(
        self, shelf: Shelf, platform: int, found_by: str, known: Mapping[str, Resource], wanted: Sequence[str]
    ) -> list[Resource]:
        """Those that are known by one of the words, the others looked up first."""
        asked = set(wanted)
        if not asked <= known.keys() and shelf.whole is None:
            missing = [word for word in asked if word not in known]
            shelf.put(self._resources(platform, f"{found_by} in ?texts", missing))
        return [known[word] for word in asked if word in known]

    def _resources(self, platform: int, where: str = OF_PLATFORM, *values: object) -> list[Resource]:
        rows = self._work.db.all(f"select key, body from resource where removed = 0 and {where}", platform, *values)
        return sorted(read_resources(rows, self._platforms), key=_name)

    def _shelf(self, platform: int) -> Shelf:
        """What is known of a platform's catalogue; nothing, in a transaction that writes it."""
        work = self._work
        home = None if work.catalogue else self._platforms.found(platform)
        return Shelf(0) if home is None else work.memory.shelf(platform, home.catalogue_version)

    def put_resource(self, resource: Resource) -> Resource:
        db = self._work.db
        row = db.one(
            "select key, body, removed from resource where platform = ? and (name = ? or id = ?) order by key"
            " for no key update",
            resource.platform, resource.name, resource.id,
        )  # fmt: skip
        if row is None:
            new = replace(resource, id=resource.id or self._work.new_id(), key=0, revision=1)
            made = db.one(
                "insert into resource (id, platform, name, concurrency, mode, held_as, revision, body, labels)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?) returning key",
                new.id, new.platform, new.name, new.concurrency, new.mode.value, new.held_as, 1, RESOURCE.encode(new),
                written(new.places),
            )  # fmt: skip
            assert made is not None  # noqa: S101 - it was inserted
            self._platforms.touch(new.platform)
            return replace(new, key=made[0])
        (stored,) = read_resources([row[:2]], self._platforms)
        now = replace(resource, id=stored.id, key=stored.key, revision=stored.revision)
        if now == stored and not row[2]:
            return stored
        now = replace(now, revision=stored.revision + 1)
        db.run(
            "update resource set name = ?, concurrency = ?, mode = ?, held_as = ?, revision = ?, body = ?,"
            " labels = ?, removed = 0 where key = ?",
            now.name, now.concurrency, now.mode.value, now.held_as, now.revision, RESOURCE.encode(now),
            written(now.places), now.key,
        )  # fmt: skip
        self._platforms.touch(now.platform)
        return now

    def pools(self, platform: int) -> list[Pool]:
        return self._named("pool", POOL, platform)

    def functions(self, platform: int) -> list[Function]:
        return self._named("function", FUNCTION, platform)

    def profile_definitions(self, platform: int) -> list[ProfileDefinition]:
        return self._named("profile_definition", PROFILE_DEFINITION, platform)

    def put_profile_definition(self, definition: ProfileDefinition) -> ProfileDefinition:
        return self._put_named("profile_definition", PROFILE_DEFINITION, definition)

    def profile_instances(self, platform: int) -> list[ProfileInstance]:
        return self._named("profile_instance", PROFILE_INSTANCE, platform)

    def put_profile_instance(self, instance: ProfileInstance) -> ProfileInstance:
        return self._put_named("profile_instance", PROFILE_INSTANCE, instance)

    def profiles(self, platform: int) -> Profiles:
        shelf = self._shelf(platform)
        if shelf.profiles is None:
            shelf.profiles = Profiles(self.profile_definitions(platform), self.profile_instances(platform))
        return shelf.profiles

    def _named(self, table: str, codec: Codec[N], platform: int) -> list[N]:
        rows = self._work.db.all(f"select key, body from {table} where platform = ?", platform)
        return sorted((codec.decode(body, key=key) for key, body in rows), key=_name)

    def _put_named(self, table: str, codec: Codec[N], given: N) -> N:
        db = self._work.db
        row = db.one(
            f"select key, body from {table} where platform = ? and name = ? for no key update",
            given.platform, given.name,
        )  # fmt: skip
        if row is None:
            new = replace(given, id=given.id or self._work.new_id(), key=0, revision=1)
            made = db.one(
                f"insert into {table} (id, platform, name, revision, body) values (?, ?, ?, 1, ?) returning key",
                new.id, new.platform, new.name, codec.encode(new),
            )  # fmt: skip
            assert made is not None  # noqa: S101 - it was inserted
            self._platforms.touch(new.platform)
            return replace(new, key=made[0])
        stored = codec.decode(row[1], key=row[0])
        now = replace(given, id=stored.id, key=stored.key, revision=stored.revision)
        if now == stored:
            return stored
        now = replace(now, revision=stored.revision + 1)
        db.run(
            f"update {table} set revision = ?, body = ? where key = ?",
            now.revision, codec.encode(now), now.key,
        )  # fmt: skip
        self._platforms.touch(now.platform)
        return now

    def definition(self, platform: int, name: str, version: int | None = None) -> ServiceDefinition:
        shelf = self._shelf(platform)
        if (known := shelf.definitions.get((name, version))) is not None:
            return self.definition_by_key(known)
        chosen = "publication <> ?" if version is None else "version = ?"
        row = self._work.db.one(
            f"{_DEFINITION} where platform = ? and name = ? and removed = 0 and {chosen} order by version desc limit 1",
            platform, name, Publication.DRAFT.value if version is None else version,
        )  # fmt: skip
        if row is None:
            told = name if version is None else f"{name} version {version}"
            raise NotFound("service definition", told, hint="preroll definition list shows them all")
        found = self._definition(row)
        if version is None and found.publication is Publication.RETIRED:
            told = f"{name}: its newest version, {found.version}, is retired"
            raise NotFound("service definition", told, hint="publish it again, or name a version that is published")
        shelf.definitions[name, version] = row[0]
        return found

    def definition_with_id(self, ident: str) -> ServiceDefinition:
        row = self._work.db.one(f"{_DEFINITION} where id = ? and removed = 0", ident)
        if row is None:
            raise NotFound("service definition", ident)
        return self._definition(row)

    def definition_by_key(self, key: int) -> ServiceDefinition:
        found = self._work.memory.definitions.get(key) or self.definitions_by_key([key]).get(key)
        if found is None:
            raise NotFound("service definition", key)
        return found

    def definitions_by_key(self, keys: Iterable[int]) -> dict[int, ServiceDefinition]:
        """Those of these keys that exist; each is read once in the life of a store."""
        known = self._work.memory.definitions
        wanted = set(keys)
        missing = [key for key in wanted if key not in known]
        if missing:
            for row in self._work.db.all(f"{_DEFINITION} where key in ?ints", missing):
                self._definition(row)
        return {key: known[key] for key in wanted if key in known}

    def definitions(self, platform: int) -> list[ServiceDefinition]:
        rows = self._work.db.all(f"{_DEFINITION} where platform = ? and removed = 0 order by version", platform)
        return sorted(map(self._definition, rows), key=_name)

    def put_definition(self, definition: ServiceDefinition) -> ServiceDefinition:
        db = self._work.db
        self._platforms.touch(definition.platform)
        row = db.one(
            f"{_DEFINITION} where platform = ? and name = ? order by version desc limit 1",
            definition.platform, definition.name,
        )  # fmt: skip
        version = 1
        if row is not None:
            newest = self._definition(row)
            same = replace(definition, id=newest.id, key=newest.key, version=newest.version) == newest
            if same and not row[3]:
                return newest
            version = newest.version + 1
        new = replace(definition, id=self._work.new_id(), key=0, version=version)
        made = db.one(
            "insert into service_definition (id, platform, name, version, publication, scripted, body)"
            " values (?, ?, ?, ?, ?, ?, ?) returning key",
            new.id, new.platform, new.name, version, new.publication.value, int(bool(new.actions)),
            DEFINITION.encode(new),
        )  # fmt: skip
        assert made is not None  # noqa: S101 - it was inserted
        return replace(new, key=made[0])

    def _definition(self, row: Row) -> ServiceDefinition:
        known = self._work.memory.definitions
        found = known.get(row[0])
        if found is None or found.publication != row[2]:
            found = known[row[0]] = DEFINITION.decode(row[1], key=row[0], publication=Publication(row[2]))
        return found


def read_resources(rows: Iterable[Row], platforms: Platforms) -> list[Resource]:
    """Resources of rows ``(key, body)``."""
    return in_their_zones([RESOURCE.decode(body, key=key) for key, body in rows], platforms)


def in_their_zones(resources: list[Resource], platforms: Platforms) -> list[Resource]:
    """The resources; weekly hours that have no zone are in that of the platform, as it is now."""
    homes = {r.platform for r in resources if r.availability and r.availability.lives_at_home}
    if not homes:
        return resources
    zones = {key: platform.zone for key, platform in platforms.by_keys(homes).items()}
    return [r.at_home(zones[r.platform]) if r.platform in zones else r for r in resources]
