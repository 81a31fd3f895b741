# SPDX-License-Identifier: Apache-2.0
"""The catalogue: resources, profiles and service definitions, put in by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from preroll.app import platforms
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.permission import Actor, permit
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.reach import A_LABEL, is_label, labels_of
from preroll.domain.resource import Resource
from preroll.ports.store import Store, Tx

Document = Resource | ProfileDefinition | ProfileInstance | ServiceDefinition


@dataclass(frozen=True, slots=True)
class Applied:
    """One document as it is stored now."""

    kind: str
    name: str
    id: str
    change: str
    """``added``, ``changed`` or ``unchanged``."""


class Catalogue:
    """Put and list what can be booked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def apply(self, by: Actor, platform: str, documents: Sequence[Document | Platform]) -> list[Applied]:
        """Store documents by name, all in one transaction or none; the platform itself may be one of them.

        Raises:
            Invalid: every mistake, each with ``<index>.<field>``.
        """

        def unit(tx: Tx) -> list[Applied]:
            found: list[Mistake] = []
            done = [_settle(tx, by, document) for document in documents if isinstance(document, Platform)]
            home = tx.platforms.get(platform)
            permit(by, "catalogue.change", home.key)
            things = [document for document in documents if not isinstance(document, Platform)]
            done += [_put(tx, by, home.key, thing) for thing in sorted(things, key=_order)]
            for index, document in enumerate(documents):
                found += [Mistake(f"{index}.{m.where}", m.what, m.expected) for m in _mistakes(tx, home, document)]
            if found:
                raise Invalid(found)
            return done

        return await self._store.write(unit)

    async def resources(self, by: Actor, platform: str) -> list[Resource]:
        """All resources of a platform, by name."""

        def query(tx: Tx) -> list[Resource]:
            home = tx.platforms.get(platform)
            permit(by, "view", home.key)
            return tx.catalogue.resources(home.key)

        return await self._store.read(query)

    async def resource(self, by: Actor, ident: str) -> Resource:
        """One resource by id."""

        def query(tx: Tx) -> Resource:
            found = tx.catalogue.resource(ident)
            permit(by, "view", found.platform)
            return found

        return await self._store.read(query)

    async def profile_definitions(self, by: Actor, platform: str) -> list[ProfileDefinition]:
        """All profile definitions of a platform, by name."""

        def query(tx: Tx) -> list[ProfileDefinition]:
            home = tx.platforms.get(platform)
            permit(by, "view", home.key)
            return tx.catalogue.profile_definitions(home.key)

        return await self._store.read(query)

    async def profile_instances(self, by: Actor, platform: str) -> list[ProfileInstance]:
        """All profile instances of a platform, by name."""

        def query(tx: Tx) -> list[ProfileInstance]:
            home = tx.platforms.get(platform)
            permit(by, "view", home.key)
            return tx.catalogue.profile_instances(home.key)

        return await self._store.read(query)

    async def definitions(self, by: Actor, platform: str) -> list[ServiceDefinition]:
        """All versions of all service definitions of a platform, by name and version."""

        def query(tx: Tx) -> list[ServiceDefinition]:
            home = tx.platforms.get(platform)
            permit(by, "view", home.key)
            return tx.catalogue.definitions(home.key)

        return await self._store.read(query)


_KINDS: dict[type[Document], str] = {
    ProfileDefinition: "profile_definition",
    ProfileInstance: "profile_instance",
    Resource: "resource",
    ServiceDefinition: "service_definition",
}
"""In the order in which they need each other."""


def _order(document: Document) -> int:
    return list(_KINDS).index(type(document))


def _settle(tx: Tx, by: Actor, document: Platform) -> Applied:
    before, stored = platforms.put(tx, by, document)
    change = "added" if before is None else "unchanged" if before == stored else "changed"
    return Applied("platform", stored.name, stored.id, change)


def _put(tx: Tx, by: Actor, platform: int, document: Document) -> Applied:
    before, stored = _swap(tx, platform, document)
    change = "added" if before is None else "unchanged" if before == stored else "changed"
    kind = _KINDS[type(document)]
    if change != "unchanged":
        revision = stored.version if isinstance(stored, ServiceDefinition) else stored.revision
        tx.changes.add(Change(f"{kind}.{change}", stored.id, platform, by.name, after=stored.name, revision=revision))
    return Applied(kind, stored.name, stored.id, change)


def _swap(tx: Tx, platform: int, document: Document) -> tuple[Document | None, Document]:
    """Store a document by its name; returns what was there before and what is there now."""
    catalogue, name = tx.catalogue, document.name
    match document:
        case Resource():
            resources = catalogue.resources(platform, names=[name])
            return next(iter(resources), None), catalogue.put_resource(replace(document, platform=platform))
        case ProfileDefinition():
            profiles = [p for p in catalogue.profile_definitions(platform) if p.name == name]
            return next(iter(profiles), None), catalogue.put_profile_definition(replace(document, platform=platform))
        case ProfileInstance():
            instances = [i for i in catalogue.profile_instances(platform) if i.name == name]
            return next(iter(instances), None), catalogue.put_profile_instance(replace(document, platform=platform))
        case ServiceDefinition():
            versions = [d for d in catalogue.definitions(platform) if d.name == name]
            newest = max(versions, key=lambda d: d.version, default=None)
            return newest, catalogue.put_definition(replace(document, platform=platform))


def _mistakes(tx: Tx, home: Platform, document: Document | Platform) -> list[Mistake]:
    if not document.name.strip():
        return [Mistake("name", "is empty", "a name")]
    platform = home.key
    match document:
        case Platform():
            other = [] if document.name == home.name else [Mistake("name", f"is not {home.name}", "the same platform")]
            return other + platforms.mistakes_of(document)
        case Resource():
            found = [
                Mistake(f"labels.{label.partition('=')[0]}", f"{label!r} is no label", A_LABEL)
                for label in sorted(labels_of(document.labels))
                if not is_label(label)
            ]
            if document.concurrency < 1:
                found.append(Mistake("concurrency", f"is {document.concurrency}", "1 or more"))
            return found + document.mistakes()
        case ProfileDefinition():
            return [
                mistake
                for index, p in enumerate(document.parameters)
                for mistake in p.mistakes(f"parameters.{index}")
                + ([] if p.default is None else document.mistakes("parameters", {p.name: p.default}))
            ]
        case ProfileInstance():
            owner = next((p for p in tx.catalogue.profile_definitions(platform) if p.name == document.definition), None)
            if owner is None:
                return [Mistake("definition", f"there is no profile definition {document.definition}", "a known one")]
            found = owner.mistakes("values", document.values)
            for state, values in document.states.items():
                found += owner.mistakes(f"states.{state}", values)
            return found
        case ServiceDefinition():
            return _definition_mistakes(tx, platform, document)
    return []


def _definition_mistakes(tx: Tx, platform: int, definition: ServiceDefinition) -> list[Mistake]:
    found = []
    labels = [n.label for n in definition.nodes]
    profiles = {p.name for p in tx.catalogue.profile_definitions(platform)}
    instances = {i.name: i.definition for i in tx.catalogue.profile_instances(platform)}
    for index, node in enumerate(definition.nodes):
        where = f"nodes.{index}"
        if labels.count(node.label) > 1:
            found.append(Mistake(f"{where}.label", f"{node.label} stands twice", "a unique label"))
        if node.profile and node.profile not in profiles:
            found.append(Mistake(f"{where}.profile", f"there is no profile definition {node.profile}", "a known one"))
        if node.default_profile and instances.get(node.default_profile) != node.profile:
            found.append(
                Mistake(f"{where}.default_profile", f"is no instance of {node.profile or 'a profile'}", "one that is")
            )
    return found + _audit_mistakes(definition, labels)


def _audit_mistakes(definition: ServiceDefinition, labels: Sequence[str]) -> list[Mistake]:
    found, names = [], [a.name for a in definition.audits]
    for index, audit in enumerate(definition.audits):
        where = f"audits.{index}"
        if names.count(audit.name) > 1:
            found.append(Mistake(f"{where}.name", f"{audit.name} stands twice", "a unique name"))
        found += [Mistake(f"{where}.{m.where}", m.what, m.expected) for m in audit.mistakes(labels)]
    return found
