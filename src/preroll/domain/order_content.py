# SPDX-License-Identifier: Apache-2.0
"""What an item of an order says, by its kind: read from plain values with every mistake told, written as plain values.

======================  =====================================================================
kind                    values
======================  =====================================================================
provision               ``definition``, ``version``, ``name``, ``nodes``, ``properties``
modify                  ``nodes`` (null takes one out), ``properties`` (null takes one away)
redeploy                ``revision``: ``desired``, ``last good``, or the number of an older one
activate, deactivate    ``state``: the service state; without it START, or STOP
======================  =====================================================================

A node is ``{"resource": ..., "profile": ..., "values": {...}, "profile_by": ..., "whole": ...}``, its resource by id or
by name. What was copied of a profile that is taken by value stands beside it as ``kept``, whatever somebody says there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field

from preroll.domain.booking import NodeChoice
from preroll.domain.errors import Mistake
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.profile import ProfileBy, ProfileCopy

DESIRED, LAST_GOOD = "desired", "last good"
LEAVING = " (leaving)"
"""What the label of a node ends with whose resource a service gives up."""
_K = OrderKind
# fmt: off
SAYS: Mapping[OrderKind, tuple[str, ...]] = {
    _K.PROVISION:    ("definition", "version", "name", "nodes", "properties"),
    _K.MODIFY:       ("nodes", "properties"),
    _K.DECOMMISSION: (),
    _K.REDEPLOY:     ("revision",),
    _K.ACTIVATE:     ("state",),
    _K.DEACTIVATE:   ("state",),
    _K.VALIDATE:     (),
}
# fmt: on
"""Which values each kind takes."""
_OF_NODE = ("resource", "profile", "values", "profile_by", "whole")
_KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Content:
    """What an item says."""

    definition: str = ""
    version: int | None = None
    """Of the service definition; None: the newest that is published."""
    name: str = ""
    """Of the service."""
    nodes: Mapping[str, NodeChoice | None] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    revision: int | str = DESIRED
    state: str = ""

    def written(self) -> dict[str, object]:
        """A provision as it is stored."""
        return {
            "definition": self.definition, "version": self.version, "name": self.name,
            "nodes": {label: written_node(choice) for label, choice in self.nodes.items()},
            "properties": dict(self.properties),
        }  # fmt: skip


def written_node(choice: NodeChoice | None) -> dict[str, object] | None:
    """A node's choice as plain values."""
    if choice is None:
        return None
    said: dict[str, object] = {"resource": choice.resource, "profile": choice.profile, "values": dict(choice.values)}
    if choice.profile_by is not None:
        said["profile_by"] = choice.profile_by.value
    if choice.whole:
        said["whole"] = True
    if choice.kept is not None:
        said[_KEPT] = asdict(choice.kept)
    return said


def content_of(item: OrderItem, where: str = "") -> tuple[Content, list[Mistake]]:
    """What an item says, and everything that is wrong with how it says it."""
    said, known = item.values, SAYS[item.kind]
    found = [
        Mistake(f"{where}.values.{name}", f"is no value of {item.kind}", _one_of(known)) for name in said
        if name not in known
    ]  # fmt: skip
    reader = _Reader(where, found)
    content = Content(
        definition=reader.text(said, "definition"),
        version=reader.number(said, "version"),
        name=reader.text(said, "name").strip(),
        nodes=reader.nodes(said),
        properties=reader.mapping(said, "properties"),
        revision=reader.revision(said),
        state=reader.text(said, "state"),
    )
    if item.kind is OrderKind.PROVISION and not content.definition:
        found.append(Mistake(f"{where}.values.definition", "is missing", "the name of a service definition"))
    return content, found


class _Reader:
    """Reads plain values; what is wrong is collected."""

    def __init__(self, where: str, found: list[Mistake]) -> None:
        self._where, self._found = f"{where}.values", found

    def text(self, said: Mapping[str, object], name: str) -> str:
        """A text; empty: not said."""
        value = said.get(name)
        if isinstance(value, str) or value is None:
            return value or ""
        self._wrong(name, value, "a text")
        return ""

    def number(self, said: Mapping[str, object], name: str) -> int | None:
        """A positive whole number; None: not said."""
        value = said.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
            return value
        self._wrong(name, value, "a positive whole number")
        return None

    def mapping(self, said: Mapping[str, object], name: str, where: str = "") -> Mapping[str, object]:
        """Named values; empty: not said."""
        value = said.get(name)
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self._wrong(where or name, value, "named values")
        return {}

    def revision(self, said: Mapping[str, object]) -> int | str:
        """Which revision is deployed again."""
        value = said.get("revision")
        if value in (None, DESIRED, LAST_GOOD):
            return str(value or DESIRED)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        self._wrong("revision", value, f"{DESIRED}, {LAST_GOOD}, or a number")
        return DESIRED

    def nodes(self, said: Mapping[str, object]) -> Mapping[str, NodeChoice | None]:
        """The choices by label."""
        return {str(label): self._node(str(label), node) for label, node in self.mapping(said, "nodes").items()}

    def _node(self, label: str, node: object) -> NodeChoice | None:
        where = f"nodes.{label}"
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self._wrong(where, node, _one_of(_OF_NODE))
            return None
        self._found += [
            Mistake(f"{self._where}.{where}.{name}", "is unknown", _one_of(_OF_NODE)) for name in node
            if name not in (*_OF_NODE, _KEPT)
        ]  # fmt: skip
        texts = {name: node.get(name) for name in ("resource", "profile")}
        for name, value in texts.items():
            if value is not None and not isinstance(value, str):
                self._wrong(f"{where}.{name}", value, "a text")
        resource, profile = (value if isinstance(value, str) else None for value in texts.values())
        values = dict(self.mapping(node, "values", f"{where}.values"))
        by, whole = self._way(node, where), self._whole(node, where)
        return NodeChoice(resource, profile, values, by, _copy(node.get(_KEPT)), whole)

    def _way(self, node: Mapping[str, object], where: str) -> ProfileBy | None:
        value = node.get("profile_by")
        known = {way.value: way for way in ProfileBy}
        if value is not None and value not in known:
            self._wrong(f"{where}.profile_by", value, _one_of(known))
        return known.get(str(value))

    def _whole(self, node: Mapping[str, object], where: str) -> bool:
        value = node.get("whole")
        if value is not None and not isinstance(value, bool):
            self._wrong(f"{where}.whole", value, "true or false")
        return value is True

    def _wrong(self, where: str, value: object, expected: str) -> None:
        self._found.append(Mistake(f"{self._where}.{where}", f"is {value!r}", expected))


def _copy(said: object) -> ProfileCopy | None:
    """What was copied of a profile, as it was written."""
    names = ProfileCopy.__dataclass_fields__
    return ProfileCopy(**said) if isinstance(said, Mapping) and said.keys() == names.keys() else None


def _one_of(names: Collection[str]) -> str:
    return f"one of {', '.join(names)}" if names else "no values"
