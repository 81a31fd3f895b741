# SPDX-License-Identifier: Apache-2.0
"""Which leaf of the device's YANG tree a path means: templates, as the resource's address declares them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from preroll.drivers.netconf.values import Form, Kind
from preroll.sdk import InvalidValue

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
"""The namespace of NETCONF itself (RFC 6241)."""
OPERATION = f"{{{BASE}}}operation"
_KEY = r"\[(?:[\w.-]+:)?[\w.-]+=(?:'[^']*'|\"[^\"]*\")\]"
_STEP = re.compile(rf"/(?:([\w.-]+):)?([\w.-]+)((?:{_KEY})*)")
_PARTS = re.compile(r"\[(?:([\w.-]+):)?([\w.-]+)=(?:'([^']*)'|\"([^\"]*)\")\]")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VARIABLE = re.compile(r"\{(\w+)\}")

Element = etree._Element  # noqa: SLF001 - the only name that lxml has for it


@dataclass(frozen=True, slots=True)
class Step:
    """One element of the way to a leaf; tags are ``{namespace}name``."""

    tag: str
    keys: tuple[tuple[str, str | None], ...] = ()
    """(tag, value) of the list's keys; None: any."""

    def fits(self, element: Element) -> bool:
        """Is this the element of that name and keys?"""
        return element.tag == self.tag and all((element.findtext(tag) or None) == text for tag, text in self.keys)


Way = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """The place of one path in the device's tree."""

    path: str
    way: Way
    form: Form = field(default_factory=Form)

    def value(self, data: Element) -> object:
        """What a configuration holds there; None when nothing."""
        element: Element | None = data
        for step in self.way:
            element = None if element is None else next(filter(step.fits, element), None)
        if self.form.kind is Kind.PRESENCE:
            return element is not None
        if element is None:
            return None
        return True if len(element) else self.form.value((element.text or "").strip())

    def text(self, value: object) -> str:
        """The value as the leaf holds it. Raises InvalidValue."""
        try:
            text = self.form.text(value)
        except ValueError as error:
            raise InvalidValue(self.path, str(error)) from None
        if _UNWRITABLE.search(text):
            raise InvalidValue(self.path, f"is {value!r}, and XML cannot write that")
        return text

    def removed_by(self, value: object) -> bool:
        """Does this value take the node away?"""
        return value is None or (self.form.kind is Kind.PRESENCE and value is False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A template: a path with variables, and the way with the same variables as keys."""

    path: str
    way: Way
    form: Form
    pattern: re.Pattern[str]
    literal: int
    """Characters of the path that are no variable: the leaf with more of them is the more exact one."""

    def node(self, path: str) -> Node | None:
        """The place of a path; None when the template does not fit it."""
        found = self.pattern.fullmatch(path)
        return self.bound(found.groupdict()) if found else None

    def bound(self, variables: Mapping[str, str]) -> Node:
        """The place for these values of the variables."""
        way = tuple(Step(s.tag, tuple((tag, _filled(text or "", variables)) for tag, text in s.keys)) for s in self.way)
        return Node(_filled(self.path, variables), way, self.form)

    def nodes(self, data: Element) -> Iterator[Node]:
        """Every place in a configuration that the template fits."""
        for variables in _walk(data, self.way, {}):
            yield self.bound(variables)

    @property
    def anywhere(self) -> Way:
        """The way with any value of the variables."""
        keys = [tuple((tag, None if _VARIABLE.search(text or "") else text) for tag, text in s.keys) for s in self.way]
        return tuple(Step(s.tag, k) for s, k in zip(self.way, keys, strict=True))


class Tree:
    """The part of a device's tree that its address declares.

    Args:
        parameters: path -> leaf path, or {leaf, type, values}; see the README.
        namespace: of the first step, when it has no prefix.
        namespaces: prefix -> namespace.
        variables: name -> what ``{name}`` in a leaf path stands for.

    Raises:
        InvalidValue: a declaration makes no sense.
    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        namespace: str = "",
        namespaces: Mapping[str, str] | None = None,
        variables: Mapping[str, object] | None = None,
    ) -> None:
        self._namespace, self._namespaces, self._variables = namespace, namespaces or {}, variables or {}
        declared = [self._declared(path, said) for path, said in parameters.items()]
        self.leaves = sorted(declared, key=lambda leaf: -leaf.literal)

    def node(self, path: str) -> Node | None:
        """The place of a path; one that begins with a slash is a way itself. None: it is not declared."""
        if _UNWRITABLE.search(path):
            return None
        if path.startswith("/"):
            return Node(path, self._way(path, path))
        return next((node for leaf in self.leaves if (node := leaf.node(path))), None)

    def filter(self, ways: Iterable[Way]) -> list[Element]:
        """A subtree filter (RFC 6241, 6) for these places: its top elements."""
        root = etree.Element("filter")
        for way in ways:
            _grown(root, way)
        return list(root)

    def edit(self, wanted: Iterable[tuple[Node, object]], *, removal: str = "remove") -> Element:
        """The ``<config>`` of an edit-config that sets these values.

        Args:
            removal: the operation that takes a node away; ``delete`` for servers of NETCONF 1.0.

        Raises:
            InvalidValue: a leaf cannot hold its value.
        """
        config = etree.Element(f"{{{BASE}}}config", nsmap={"nc": BASE})
        for node, value in topmost(wanted):
            element = _grown(config, node.way)
            if node.removed_by(value):
                element.set(OPERATION, removal)
            elif text := node.text(value):
                element.text = text
        return config

    def undo(self, data: Element, wanted: Sequence[tuple[Node, object]]) -> Iterator[tuple[Node, object, object]]:
        """(place, value after, value before) of all that writing these values changes in a configuration.

        That is each of them; what is declared below those that are taken away; and the list entries that come into
        being on the way, as ways of their own whose value is None.
        """
        yield from ((node, value, node.value(data)) for node, value in wanted)
        ours = {node.path for node, _ in wanted}
        gone = [node.way for node, value in wanted if node.removed_by(value)]
        for leaf in self.leaves:
            for node in leaf.nodes(data):
                if node.path not in ours and any(_below(node.way, way) for way in gone):
                    yield node, None, node.value(data)
        made = {_first_missing(data, node.way) for node, value in wanted if not node.removed_by(value)}
        yield from ((Node(self._written(way), way), True, None) for way in made if way)

    def named(self, error_path: str, nodes: Iterable[Node]) -> str:
        """The path that a device's error-path means, of these; else the error-path itself."""
        said = [(name, dict(_keys(keys))) for _, name, keys in _STEP.findall(error_path)]
        for node in nodes:
            ours = [(_local(s.tag), {_local(tag): text for tag, text in s.keys}) for s in node.way]
            tail = said[-len(ours) :]
            if len(tail) == len(ours) and all(
                a == b and keys.items() <= ours_keys.items()
                for (a, keys), (b, ours_keys) in zip(tail, ours, strict=True)
            ):
                return node.path
        return error_path

    def _declared(self, path: str, said: object) -> Leaf:
        fields = {"leaf": said} if isinstance(said, str) else said
        where = f"address.parameters.{path}"
        if not isinstance(fields, Mapping) or not isinstance(fields.get("leaf"), str):
            raise InvalidValue(where, "needs a leaf: /container/list[key='{name}']/leaf")
        if unknown := fields.keys() - {"leaf", "type", "values"}:
            raise InvalidValue(where, f"{min(unknown)} is not one of leaf, type, values")
        kinds = [kind.value for kind in Kind]
        if fields.get("type", Kind.TEXT) not in kinds:
            raise InvalidValue(where, f"type is {fields['type']!r}, not one of {', '.join(kinds)}")
        form = Form(Kind(fields.get("type", Kind.TEXT)), fields.get("values") or {})
        leaf = _VARIABLE.sub(lambda found: str(self._variables.get(found[1], found[0])), fields["leaf"])
        way = self._way(leaf, where)
        variables = set(_VARIABLE.findall(path))
        if variables != {name for step in way for _, text in step.keys for name in _VARIABLE.findall(text or "")}:
            raise InvalidValue(where, f"path and leaf do not have the same variables: {leaf}")
        return Leaf(path, way, form, _pattern(path), len(_VARIABLE.sub("", path)))

    def _way(self, text: str, where: str) -> Way:
        if not text or _STEP.sub("", text):
            raise InvalidValue(where, f"{text!r} is no path such as /container/list[key='value']/leaf")
        namespace, way = self._namespace, []
        for prefix, name, keys in _STEP.findall(text):
            namespace = self._of(prefix, where) if prefix else namespace
            pairs = [
                (f"{{{self._of(p, where) if p else namespace}}}{key}", single or double)
                for p, key, single, double in _PARTS.findall(keys)
            ]
            way.append(Step(f"{{{namespace}}}{name}", tuple(pairs)))
        if not all(step.tag[1:].partition("}")[0] for step in way):
            raise InvalidValue(where, "has no namespace: give the address a namespace, or the first step a prefix")
        return tuple(way)

    def _written(self, way: Way) -> str:
        """A way as it is declared."""
        prefixes = {namespace: f"{prefix}:" for prefix, namespace in self._namespaces.items()}
        namespace, text = self._namespace, ""
        for step in way:
            own = str(etree.QName(step.tag).namespace)
            text += f"/{'' if own == namespace else prefixes[own]}{_local(step.tag)}"
            namespace = own
            for tag, value in step.keys:
                own = str(etree.QName(tag).namespace)
                quote = '"' if "'" in (value or "") else "'"
                text += f"[{'' if own == namespace else prefixes[own]}{_local(tag)}={quote}{value}{quote}]"
        return text

    def _of(self, prefix: str, where: str) -> str:
        if prefix not in self._namespaces:
            raise InvalidValue(where, f"address.namespaces has no {prefix}")
        return self._namespaces[prefix]


def topmost(wanted: Iterable[tuple[Node, object]]) -> list[tuple[Node, object]]:
    """Containers before what is in them, and nothing of what is in one that is taken away."""
    pairs = sorted(wanted, key=lambda pair: len(pair[0].way))
    gone = [node.way for node, value in pairs if node.removed_by(value)]
    return [(node, value) for node, value in pairs if not any(_below(node.way, way) for way in gone)]


def _below(way: Way, other: Way) -> bool:
    return len(way) > len(other) and way[: len(other)] == other


def _first_missing(data: Element, way: Way) -> Way:
    """The list entry on the way that a configuration does not have; empty when it has all."""
    for length, step in enumerate(way, 1):
        if step.keys and Node("", way[:length]).value(data) is None:
            return way[:length]
    return ()


def _grown(root: Element, way: Way) -> Element:
    """The element at the end of a way below root; what is not there yet is made, keys first."""
    for step in way:
        found = next(filter(step.fits, root), None)
        if found is None:
            namespace = etree.QName(step.tag).namespace
            found = etree.SubElement(root, step.tag, nsmap={None: namespace})  # type: ignore[dict-item]
            for tag, text in step.keys:
                etree.SubElement(found, tag).text = text
        root = found
    return root


def _walk(data: Element, way: Way, bound: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The values that the variables of a way can have in a configuration."""
    if not way:
        yield bound
        return
    step, *rest = way
    for element in data.iterchildren(step.tag):
        fitting: Mapping[str, str] | None = bound
        for tag, template in step.keys:
            found = fitting is not None and _pattern(template or "").fullmatch((element.findtext(tag) or "").strip())
            more = found.groupdict() if found else {}
            agree = found and all((fitting or {}).get(name, text) == text for name, text in more.items())
            fitting = {**(fitting or {}), **more} if agree else None
        if fitting is not None:
            yield from _walk(element, tuple(rest), fitting)


def _pattern(template: str) -> re.Pattern[str]:
    pieces = _VARIABLE.split(template)
    seen: set[str] = set()
    made = ""
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            made += re.escape(piece)
        else:
            made += f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+)"
            seen.add(piece)
    return re.compile(made)


def _filled(template: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables[found[1]], template)


def _keys(text: str) -> Iterator[tuple[str, str]]:
    for _, name, single, double in _PARTS.findall(text):
        yield name, single or double


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
