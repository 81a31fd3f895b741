# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the documents of a bundle, beside the catalogue that they would make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from preroll.app import platforms
from preroll.app.comparison import ORDER, Gap, Given, Shelf
from preroll.domain import created
from preroll.domain.bundle import KINDS, Document, Title, kind_of, title_of
from preroll.domain.config import Platform
from preroll.domain.connection import connection_mistakes
from preroll.domain.definition import Node, Publication, ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.function import Function, Interface, Pool
from preroll.domain.inheritance import derivation_mistakes
from preroll.domain.near import Names
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.reach import A_LABEL, is_label, labels_of
from preroll.domain.resource import Resource
from preroll.ports.scripts import ScriptKind, misfit


def mistakes_of(
    given: Given, shelf: Shelf, platform: str, home: Platform | None = None, *, force: bool = False
) -> list[Mistake]:
    """Every mistake, each with ``<index>.<field>``, as far as it can be seen in the catalogue that they make together.

    A document that could not be read is taken to be as the others need it: nothing is said of it but its own mistakes.

    Args:
        shelf: the catalogue with the documents in it.
        home: the platform as it is stored; the gaps that its transition table has already are no mistakes.
        force: a transition table may have gaps.
    """
    bench = _Bench(shelf, given)
    found = [(index, m) for index, unread in given.unread.items() for m in unread.mistakes]
    found += [
        (index, m) for index, p in given.platforms.items() for m in _platform_mistakes(p, platform, home, force=force)
    ]
    titles = {index: title_of(document) for index, document in given.documents.items()}
    titles |= {index: (unread.kind, unread.name) for index, unread in given.unread.items() if unread.kind in ORDER}
    found += [(index, _twice(titles[index])) for index in _repeated(titles)]
    found += [(index, m) for index, document in given.documents.items() for m in bench.mistakes(document)]
    found.sort(key=lambda row: row[0])
    return [Mistake(f"{index}.{m.where}".rstrip("."), m.what, m.expected) for index, m in found]


def mistakes_in(document: Document, shelf: Shelf) -> list[Mistake]:
    """Every mistake of one document, each with its field.

    Args:
        shelf: the catalogue with the document in it.
    """
    return _Bench(shelf, Given("", {}, {0: document})).mistakes(document)


def _repeated(titles: Mapping[int, Title]) -> Iterator[int]:
    known: set[Title] = set()
    for index, title in sorted(titles.items()):
        if title[1] and title in known:
            yield index
        known.add(title)


def _twice(title: Title) -> Mistake:
    return Mistake("name", f"{title[1]} stands twice", "each kind and name once")


def _platform_mistakes(document: Platform, name: str, home: Platform | None, *, force: bool) -> list[Mistake]:
    other = [] if document.name == name else [Mistake("name", f"is not {name}", "the same platform")]
    return other + platforms.mistakes_of(document) + ([] if force else platforms.gaps_of(document, home))


class _Bench:
    """Looks at documents one by one; what they refer to is looked up once."""

    def __init__(self, shelf: Shelf, given: Given) -> None:
        self._given = {title_of(document) for document in given.documents.values()}
        self._unread = {kind: given.unread_names(kind) for kind in KINDS.values()} if given.unread else {}
        self._profiles = {p.name: p for p in shelf.of(ProfileDefinition)}
        self._instances = {i.name: i for i in shelf.of(ProfileInstance)}
        self._functions = {f.name: f for f in shelf.of(Function)}
        resources = shelf.of(Resource)
        unread = given.unread.values()
        self._known: dict[str, Collection[str]] = {
            "function": self._functions.keys()
            | {r.function for r in resources if r.function}
            | {name for u in unread for name in u.functions},
            "pool": {p.name for p in shelf.of(Pool)}
            | {name for r in resources for name in r.pools}
            | {name for u in unread for name in u.pools},
            "profile_definition": self._profiles.keys(),
            "profile_instance": self._instances.keys(),
        }
        self._listed: dict[tuple[str, str], Names] = {}

    def mistakes(self, document: Document) -> list[Mistake]:
        """Everything wrong with a document."""
        if not document.name.strip():
            return [Mistake("name", "is empty", "a name")]
        match document:
            case Resource():
                return _resource_mistakes(document)
            case Pool():
                return []
            case Function():
                return self._function(document)
            case ProfileDefinition():
                return _profile_mistakes(document) + self._stored(document)
            case ProfileInstance():
                return self._instance(document)
            case ServiceDefinition():
                return self._definition(document)

    def _is_unread(self, kind: str, name: str) -> bool:
        """Does the document exist, and is nothing more known of it?"""
        return bool(name) and name in self._unread.get(kind, ())

    def _names(self, kind: str, of: str = "") -> Names:
        """The known names of a kind; of profile instances, those of one definition."""
        found = self._listed.get((kind, of))
        if found is None:
            ours = (i.name for i in self._instances.values() if i.definition == of)
            found = self._listed[kind, of] = Names(ours if of else {*self._known[kind], *self._unread.get(kind, ())})
        return found

    def _missing(self, where: str, kind: str, name: str) -> list[Mistake]:
        """A name that no document has and no resource bears."""
        if not name or name in self._known[kind] or self._is_unread(kind, name):
            return []
        near = self._names(kind).near(name)
        expected = f"one of {', '.join(near)}, or a document kind: {kind}" if near else f"a document kind: {kind}"
        return [Mistake(where, f"there is no {kind.replace('_', ' ')} {name}", expected)]

    def _instance(self, document: ProfileInstance) -> list[Mistake]:
        of = document.definition
        found = self._missing("definition", "profile_definition", of)
        stand_ins = {n: ProfileInstance(n, of) for n in self._unread.get("profile_instance", ())}
        known = {**self._instances, **stand_ins} if stand_ins else self._instances
        names = self._names("profile_instance", "" if found else of)
        derived = derivation_mistakes(document, known, names, kin=not found)
        if found or self._is_unread("profile_definition", of):
            return found + derived
        return _value_mistakes(self._profiles[of], document) + derived

    def _stored(self, definition: ProfileDefinition) -> list[Mistake]:
        """What instances that stay as they are say, and may not say any more."""
        return [
            Mistake("parameters", f"do not fit profile instance {instance.name}: {m.where} {m.what}", m.expected)
            for instance in self._instances.values()
            if instance.definition == definition.name and title_of(instance) not in self._given
            for m in _value_mistakes(definition, instance)
        ]

    def _function(self, function: Function) -> list[Mistake]:
        found = self._missing("profile", "profile_definition", function.profile) + function.mistakes()
        for index, interface in enumerate(function.interfaces):
            found += self._missing(f"interfaces.{index}.profile", "profile_definition", interface.profile)
        return found

    def _definition(self, definition: ServiceDefinition) -> list[Mistake]:
        found, labels = [], [n.label for n in definition.nodes]
        for index, node in enumerate(definition.nodes):
            where = f"nodes.{index}"
            if labels.count(node.label) > 1:
                found.append(Mistake(f"{where}.label", f"{node.label} stands twice", "a unique label"))
            found += self._node(where, node)
        functions = {node.label: self._function_of(node, definition) for node in definition.nodes}
        published = definition.publication is Publication.PUBLISHED
        found += connection_mistakes(definition.connections, functions, published=published)
        return found + _audit_mistakes(definition, labels) + created.mistakes_of(definition)

    def _function_of(self, node: Node, definition: ServiceDefinition) -> Function | None:
        """The function of a node; in place of one that could not be read, one that has what the connections need."""
        if not self._is_unread("function", node.function):
            return self._functions.get(node.function)
        ends = [(c.source, c.output) for c in definition.connections]
        ends += [(c.target, c.input) for c in definition.connections]
        names = dict.fromkeys(name for label, name in ends if label == node.label)
        return Function(node.function, interfaces=tuple(Interface(name) for name in names))

    def _node(self, where: str, node: Node) -> list[Mistake]:
        found = self._missing(f"{where}.function", "function", node.function)
        found += self._missing(f"{where}.pool", "pool", node.pool)
        unknown = self._missing(f"{where}.profile", "profile_definition", node.profile)
        function = None if self._is_unread("function", node.function) else self._functions.get(node.function)
        if function and function.profile not in ("", node.profile):
            what = f"is {node.profile}"
            unknown = [Mistake(f"{where}.profile", what, f"{function.profile}, as {function.name} takes")]
        return found + unknown + self._default(f"{where}.default_profile", node, known=not unknown)

    def _default(self, where: str, node: Node, *, known: bool) -> list[Mistake]:
        """What is wrong with a node's default profile.

        Args:
            known: is the node's profile the one that is meant?
        """
        name, of = node.default_profile, node.profile if known else ""
        instance = self._instances.get(name)
        if not name or self._is_unread("profile_instance", name):
            return []
        if instance is None:
            what = f"there is no profile instance {name}"
        elif known and not of and not self._is_unread("function", node.function):
            what = f"is {name}, but the node takes no profile"
            return [Mistake(where, what, f"profile: {instance.definition} beside it, or no default_profile")]
        elif of and instance.definition != of:
            what = f"{name} is no instance of {of} but of {instance.definition}"
        else:
            return []
        near = self._names("profile_instance", of).near(name)
        kind = f"an instance of {of}" if of else "a profile instance"
        return [Mistake(where, what, f"{kind}: {', '.join(near)}" if near else f"{kind}; there is none yet")]


def _resource_mistakes(document: Resource) -> list[Mistake]:
    found = [
        Mistake(f"labels.{label.partition('=')[0]}", f"{label!r} is no label", A_LABEL)
        for label in sorted(labels_of(document.labels))
        if not is_label(label)
    ]
    if document.concurrency < 1:
        found.append(Mistake("concurrency", f"is {document.concurrency}", "1 or more"))
    return found + document.mistakes()


def _value_mistakes(owner: ProfileDefinition, instance: ProfileInstance) -> list[Mistake]:
    found = owner.mistakes("values", instance.values)
    for state, values in instance.states.items():
        found += owner.mistakes(f"states.{state}", values)
    return found


def _profile_mistakes(document: ProfileDefinition) -> list[Mistake]:
    return [mistake for index, p in enumerate(document.parameters) for mistake in p.mistakes(f"parameters.{index}")]


def _audit_mistakes(definition: ServiceDefinition, labels: Sequence[str]) -> list[Mistake]:
    found = definition.service_audits.mistakes("service_audits") if definition.service_audits else []
    names = [a.name for a in definition.audits]
    for index, audit in enumerate(definition.audits):
        where = f"audits.{index}"
        if names.count(audit.name) > 1:
            found.append(Mistake(f"{where}.name", f"{audit.name} stands twice", "a unique name"))
        found += [Mistake(f"{where}.{m.where}", m.what, m.expected) for m in audit.mistakes(labels)]
    return found


def gaps_of(given: Given, installed: Mapping[str, ScriptKind]) -> tuple[Gap, ...]:
    """The scripts that documents name and that are not installed, or are of another kind."""
    return tuple(
        Gap(kind_of(document), document.name, field, script, problem)
        for document in (*given.platforms.values(), *given.documents.values())
        for field, script, kind in _named(document)
        if (problem := misfit(installed.get(script), kind))
    )


def _named(document: Document | Platform) -> Iterator[tuple[str, str, ScriptKind]]:
    """(field, script, what kind it has to be) of each script that a document names."""
    match document:
        case Platform(config=config) if config.start_failure_script:
            yield "start_failure_script", config.start_failure_script, ScriptKind.START_FAILURE
        case ProfileDefinition(loads=loads):
            for driver, script in loads.items():
                yield f"loads.{driver}", script, ScriptKind.PROFILE_LOAD
        case ServiceDefinition(actions=actions):
            for state, script in actions.items():
                yield f"actions.{state}", script, ScriptKind.LSO
            for index, node in enumerate(document.nodes):
                if action := created.action_of(node):
                    yield f"nodes.{index}.created_action", action.script, ScriptKind.CREATED
