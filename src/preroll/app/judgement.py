# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the documents of a bundle, beside the catalogue that they would make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from preroll.app import platforms
from preroll.app.comparison import Gap, Given, Shelf
from preroll.domain import created
from preroll.domain.bundle import Document, Title, kind_of, title_of
from preroll.domain.config import Platform
from preroll.domain.connection import connection_mistakes
from preroll.domain.definition import Node, Publication, ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.function import Function, Pool
from preroll.domain.inheritance import derivation_mistakes
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.reach import A_LABEL, is_label, labels_of
from preroll.domain.resource import Resource
from preroll.ports.scripts import ScriptKind, misfit

SHOWN = 5
"""How many known names are told beside an unknown one."""


def mistakes_of(
    given: Given, shelf: Shelf, platform: str, home: Platform | None = None, *, force: bool = False
) -> list[Mistake]:
    """Every mistake, each with ``<index>.<field>``, as far as it can be seen in the catalogue that they make together.

    Args:
        shelf: the catalogue with the documents in it.
        home: the platform as it is stored; the gaps that its transition table has already are no mistakes.
        force: a transition table may have gaps.
    """
    bench = _Bench(shelf, {title_of(document) for document in given.documents.values()})
    found = [
        (index, m) for index, p in given.platforms.items() for m in _platform_mistakes(p, platform, home, force=force)
    ]
    known: set[Title] = set()
    for index, document in given.documents.items():
        if title_of(document) in known:
            found.append((index, Mistake("name", f"{document.name} stands twice", "each kind and name once")))
        known.add(title_of(document))
        found += [(index, m) for m in bench.mistakes(document)]
    return [Mistake(f"{index}.{m.where}", m.what, m.expected) for index, m in sorted(found, key=lambda row: row[0])]


def mistakes_in(document: Document, shelf: Shelf) -> list[Mistake]:
    """Every mistake of one document, each with its field.

    Args:
        shelf: the catalogue with the document in it.
    """
    return _Bench(shelf, {title_of(document)}).mistakes(document)


def _platform_mistakes(document: Platform, name: str, home: Platform | None, *, force: bool) -> list[Mistake]:
    other = [] if document.name == name else [Mistake("name", f"is not {name}", "the same platform")]
    return other + platforms.mistakes_of(document) + ([] if force else platforms.gaps_of(document, home))


class _Bench:
    """Looks at documents one by one; what they refer to is looked up once."""

    def __init__(self, shelf: Shelf, given: Collection[Title]) -> None:
        self._given = given
        self._profiles = {p.name: p for p in shelf.of(ProfileDefinition)}
        self._instances = {i.name: i for i in shelf.of(ProfileInstance)}
        resources = shelf.of(Resource)
        self._functions = {f.name: f for f in shelf.of(Function)}
        self._function_names = self._functions.keys() | {r.function for r in resources if r.function}
        self._pool_names = {p.name for p in shelf.of(Pool)} | {name for r in resources for name in r.pools}

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

    def _instance(self, document: ProfileInstance) -> list[Mistake]:
        owner = self._profiles.get(document.definition)
        if owner is None:
            return [Mistake("definition", f"there is no profile definition {document.definition}", "a known one")]
        return _value_mistakes(owner, document) + derivation_mistakes(document, self._instances)

    def _stored(self, definition: ProfileDefinition) -> list[Mistake]:
        """What instances that stay as they are say, and may not say any more."""
        return [
            Mistake("parameters", f"do not fit profile instance {instance.name}: {m.where} {m.what}", m.expected)
            for instance in self._instances.values()
            if instance.definition == definition.name and title_of(instance) not in self._given
            for m in _value_mistakes(definition, instance)
        ]

    def _function(self, function: Function) -> list[Mistake]:
        found = self._of_known_profile("profile", function.profile) + function.mistakes()
        for index, interface in enumerate(function.interfaces):
            found += self._of_known_profile(f"interfaces.{index}.profile", interface.profile)
        return found

    def _of_known_profile(self, where: str, name: str) -> list[Mistake]:
        if not name or name in self._profiles:
            return []
        return [Mistake(where, f"there is no profile definition {name}", "a known one")]

    def _definition(self, definition: ServiceDefinition) -> list[Mistake]:
        found, labels = [], [n.label for n in definition.nodes]
        for index, node in enumerate(definition.nodes):
            where = f"nodes.{index}"
            if labels.count(node.label) > 1:
                found.append(Mistake(f"{where}.label", f"{node.label} stands twice", "a unique label"))
            found += self._node(where, node)
        functions = {node.label: self._functions.get(node.function) for node in definition.nodes}
        published = definition.publication is Publication.PUBLISHED
        found += connection_mistakes(definition.connections, functions, published=published)
        return found + _audit_mistakes(definition, labels) + created.mistakes_of(definition)

    def _node(self, where: str, node: Node) -> list[Mistake]:
        found = _unknown(f"{where}.function", "function", node.function, self._function_names)
        found += _unknown(f"{where}.pool", "pool", node.pool, self._pool_names)
        found += self._of_known_profile(f"{where}.profile", node.profile)
        function = self._functions.get(node.function)
        if function and function.profile not in ("", node.profile):
            found.append(
                Mistake(f"{where}.profile", f"is {node.profile}", f"{function.profile}, as {function.name} takes")
            )
        instance = self._instances.get(node.default_profile)
        if node.default_profile and (instance is None or instance.definition != node.profile):
            what = f"is no instance of {node.profile or 'a profile'}"
            found.append(Mistake(f"{where}.default_profile", what, "one that is"))
        return found


def _unknown(where: str, kind: str, name: str, known: Collection[str]) -> list[Mistake]:
    """A name that no document declares and no resource bears."""
    if not name or name in known:
        return []
    close = get_close_matches(name, known, SHOWN) or sorted(known)[:SHOWN]
    expected = f"one of {', '.join(close)}, or a document kind: {kind}" if close else f"a document kind: {kind}"
    return [Mistake(where, f"there is no {kind} {name}", expected)]


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
