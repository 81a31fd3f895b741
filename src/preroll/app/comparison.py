# SPDX-License-Identifier: Apache-2.0
"""A plan: what documents would do to a catalogue. Pure; what is applied is the plan that was compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from preroll.domain.bundle import KINDS, PLATFORM, Bundle, Document, Title, Unread, kind_of, title_of
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Losing
from preroll.domain.function import Function, Pool
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource

T = TypeVar("T")
D = TypeVar("D", Resource, Pool, Function, ProfileDefinition, ProfileInstance, ServiceDefinition)


class ChangeKind(StrEnum):
    """What happens to one document."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one document."""

    change: ChangeKind
    before: Document | Platform | None
    """As it is stored; None: it is not there yet."""
    after: Document | Platform | None
    """As it will be, with id, key and revision of what is stored; None: it goes."""
    users: tuple[str, ...] = ()
    """Who still needs what would go, in words; as long as there is one, nothing is done."""

    @property
    def moved(self) -> ServiceDefinition | None:
        """The version, if all that changes is whether it may be booked."""
        match self.before, self.after:
            case ServiceDefinition() as before, ServiceDefinition() as after if before.is_only_moved_to(after):
                return after if _same(before.as_publication(after.publication), after) else None
        return None

    @property
    def document(self) -> Document | Platform:
        """It, after or else before."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - a step is about a document
        return found

    @property
    def title(self) -> Title:
        """Kind and name."""
        return title_of(self.document)


@dataclass(frozen=True, slots=True)
class Gap:
    """A script that a document names and that cannot be run for it."""

    kind: str
    name: str
    field: str
    """Of the document: ``actions.START``."""
    script: str
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What documents would do."""

    platform: str
    home: Platform | None
    """As it is stored; None: the documents bring it."""
    bundle: str
    steps: tuple[Step, ...]
    """In the order in which they are carried out; what does not change included."""
    losing: tuple[Losing, ...] = ()
    """What bookings would lose, and which would be in conflict; without force nothing is done."""
    gaps: tuple[Gap, ...] | None = None
    """None: this process does not know the scripts."""

    @property
    def version(self) -> int:
        """Of the catalogue that it was compared with; 0: there was none."""
        return self.home.catalogue_version if self.home else 0

    @property
    def doing(self) -> list[Step]:
        """The steps that change something."""
        return [step for step in self.steps if step.change is not ChangeKind.UNCHANGED]

    @property
    def removed(self) -> list[Document]:
        """What goes, as it is stored."""
        return [
            step.before for step in self.steps if step.after is None and not isinstance(step.before, Platform | None)
        ]


@dataclass(frozen=True, slots=True)
class Given:
    """The documents of one bundle, each with the index under which it was sent."""

    bundle: str
    platforms: Mapping[int, Platform]
    documents: Mapping[int, Document]
    unread: Mapping[int, Unread] = field(default_factory=dict)

    def unread_names(self, kind: str) -> set[str]:
        """The names of documents that could not be read and are, or may be, of that kind."""
        return {u.name for u in self.unread.values() if u.name and u.kind in (kind, "")}


def sorted_out(documents: Sequence[Document | Platform | Bundle | Unread]) -> Given:
    """Documents by what they are."""
    bundle = next((d.name for d in documents if isinstance(d, Bundle)), "")
    platforms = {index: d for index, d in enumerate(documents) if isinstance(d, Platform)}
    unread = {index: d for index, d in enumerate(documents) if isinstance(d, Unread)}
    rest = {index: d for index, d in enumerate(documents) if not isinstance(d, Platform | Bundle | Unread)}
    return Given(bundle, platforms, rest, unread)


def completed(given: Given, shelf: Shelf) -> Given:
    """The same documents, whose nodes take the profile definition of their function where they name none."""
    known = [d for d in given.documents.values() if isinstance(d, Function)]
    unread = given.unread_names("function")
    taken = {f.name: f.profile for f in (*shelf.of(Function), *known) if f.profile and f.name not in unread}
    if not taken:
        return given
    return replace(given, documents={index: _completed(d, taken) for index, d in given.documents.items()})


def _completed(document: Document, taken: Mapping[str, str]) -> Document:
    if not isinstance(document, ServiceDefinition):
        return document
    nodes = tuple(
        n if n.profile or n.function not in taken else replace(n, profile=taken[n.function]) for n in document.nodes
    )
    return replace(document, nodes=nodes)


class Shelf:
    """The documents of a catalogue by kind and name; of a definition its newest version."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self._documents: dict[Title, Document] = {}
        for document in documents:
            self.put(document)

    def put(self, document: Document) -> None:
        """Add it, in place of one of the same kind and name."""
        self._documents[title_of(document)] = document

    def get(self, title: Title) -> Document | None:
        """The one of that kind and name."""
        return self._documents.get(title)

    def of(self, kind: type[D]) -> list[D]:
        """All of a kind."""
        return [document for document in self._documents.values() if isinstance(document, kind)]

    def after(self, added: Iterable[Document], removed: Collection[Title]) -> Shelf:
        """The shelf with these on it and without those."""
        kept = [document for title, document in self._documents.items() if title not in removed]
        return Shelf([*kept, *added])


ORDER = (PLATFORM, *KINDS.values())
"""Of the steps: what others need comes first."""


def compared(shelf: Shelf, home: Platform | None, given: Given, created: Collection[Title]) -> list[Step]:
    """What has to be done so that the documents are in the catalogue.

    Args:
        created: what the same bundle created; it goes when the bundle does not have it any more.
    """
    steps = [_settled(home, platform) for platform in given.platforms.values()]
    steps += [_step(shelf.get(title_of(document)), document) for document in given.documents.values()]
    steps.sort(key=lambda step: ORDER.index(step.title[0]))
    titles = {title_of(document) for document in given.documents.values()}
    gone = [document for title in sorted(set(created) - titles) if (document := shelf.get(title)) is not None]
    gone.sort(key=lambda document: -ORDER.index(kind_of(document)))
    return steps + [Step(ChangeKind.REMOVED, document, None) for document in gone]


def _settled(home: Platform | None, given: Platform) -> Step:
    if home is None:
        return Step(ChangeKind.ADDED, None, given)
    config = replace(given.config, version=home.config.version)
    after = replace(home, zone=given.zone, config=config)
    return Step(ChangeKind.UNCHANGED if after == home else ChangeKind.CHANGED, home, after)


def _step(before: Document | None, given: Document) -> Step:
    if before is None:
        return Step(ChangeKind.ADDED, None, given)
    after = _in_place_of(before, given)
    return Step(ChangeKind.UNCHANGED if _same(before, after) else ChangeKind.CHANGED, before, after)


def _in_place_of(before: Document, given: Document) -> Document:
    if isinstance(given, ServiceDefinition) and isinstance(before, ServiceDefinition):
        return replace(given, id=before.id, key=before.key, platform=before.platform, version=before.version)
    assert not isinstance(given, ServiceDefinition)  # noqa: S101 - both have the same kind
    assert not isinstance(before, ServiceDefinition)  # noqa: S101 - as above
    return replace(given, id=before.id, key=before.key, platform=before.platform, revision=before.revision)


def _same(before: Document, after: Document) -> bool:
    if before != after:
        return False
    one, other = _free(before), _free(after)
    return repr(one) == repr(other) or _alike(one, other)


def _free(document: Document) -> object:
    """The values that may be of any type."""
    match document:
        case Resource():
            return document.address, document.properties
        case Pool() | Function():
            return document.properties
        case ProfileDefinition():
            return [p.default for p in document.parameters]
        case ProfileInstance():
            return document.values, document.states
        case ServiceDefinition():
            return document.properties, [n.properties for n in document.nodes], [a.parameters for a in document.audits]


def _alike(one: object, other: object) -> bool:
    """Equal values that are both truth values or both not: to Python ``1 == True``."""
    match one, other:
        case Mapping(), Mapping():
            return all(_alike(value, other[name]) for name, value in one.items())
        case ((list() | tuple()), (list() | tuple())):
            return all(_alike(a, b) for a, b in zip(one, other, strict=True))
    return isinstance(one, bool) is isinstance(other, bool)
