# SPDX-License-Identifier: Apache-2.0
"""Stored documents as a bundle writes them, and the difference between two of them, field by field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from preroll.api import opening_hours
from preroll.api.documents import (
    FunctionGiven,
    InterfaceGiven,
    NodeGiven,
    ParameterGiven,
    PoolGiven,
    ProfileDefinitionGiven,
    ProfileInstanceGiven,
    ResourceGiven,
    ServiceDefinitionGiven,
)
from preroll.api.documents_shown import (
    DocumentShown,
    function_shown,
    pool_shown,
    profile_definition_shown,
    profile_instance_shown,
    resource_shown,
    service_definition_shown,
)
from preroll.api.platform_documents import PlatformGiven, platform_shown
from preroll.domain.audit import AuditSpec
from preroll.domain.bundle import Document, kind_of
from preroll.domain.capacity import Capability
from preroll.domain.config import Platform
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.function import Function, Interface, Pool
from preroll.domain.parameter import Parameter
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource

Plain = dict[str, Any]

_ALWAYS = ("kind", "name", "label", "definition")
_SECTIONS = ("service_states", "mapping", "limits", "lifecycle_colors", "defaults")
"""Fields that have fields of their own, each with a default."""
_BARE_CONNECTION = {"output": "", "input": ""}
_KEYS = {"parameters": "name", "interfaces": "name", "nodes": "label", "audits": "name"}
"""Lists whose items have names: they are compared by these."""


class Difference(NamedTuple):
    """One field that differs."""

    field: str
    before: Any
    """None: it was not there, or null."""
    after: Any


def whole(thing: Document | Platform) -> Plain:
    """All fields of a document, those with their default value included."""
    full = _shown(thing).model_dump(mode="json", by_alias=True)
    for name, neat in _NEAT.items():
        if name in full:
            full[name] = neat(full[name])
    return {name: value for name, value in full.items() if name not in ("id", "revision")}


def _shown(thing: Document | Platform) -> DocumentShown:
    match thing:
        case Platform():
            return platform_shown(thing)
        case Resource():
            return resource_shown(thing)
        case Pool():
            return pool_shown(thing)
        case Function():
            return function_shown(thing)
        case ProfileDefinition():
            return profile_definition_shown(thing)
        case ProfileInstance():
            return profile_instance_shown(thing)
        case ServiceDefinition():
            return service_definition_shown(thing)


def _neat(fields: Plain) -> Plain:
    """Numbers without a fraction as people write them: 4000, not 4000.0."""
    return {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in fields.items()}


_NEAT: Mapping[str, Callable[[Any], Any]] = {
    "limits": _neat,
    "defaults": _neat,
    **dict.fromkeys(("guard", "rescheduling_delay", "retention"), lambda seconds: _neat({"": seconds})[""]),
    "capacities": _neat,
    "capabilities": lambda known: {name: _neat(able) for name, able in known.items()},
    "parameters": lambda known: [_neat(p) | {"default": p["default"]} for p in known],
    "audits": lambda known: [_neat(audit) for audit in known],
    "service_audits": lambda known: known and _neat(known),
}


def written(thing: Document | Platform) -> Plain:
    """The document as it is written in a bundle: what has its default value is left out."""
    found = _lean(whole(thing), _bare(kind_of(thing)))
    parts = _bare_parts()
    for field, bare in (("parameters", parts.parameter), ("interfaces", parts.interface), ("nodes", parts.node)):
        if field in found:
            found[field] = [_lean(part, bare) for part in found[field]]
    if "connections" in found:
        found["connections"] = [_lean(connection, _BARE_CONNECTION) for connection in found["connections"]]
    if "audits" in found:
        found["audits"] = [_lean(audit, parts.audit) for audit in found["audits"]]
    if "capabilities" in found:
        found["capabilities"] = {n: _lean(c, parts.capability) for n, c in found["capabilities"].items()}
    if found.get("availability"):
        found["availability"] = opening_hours.lean(found["availability"])
    return found


def differences(before: Document | Platform, after: Document | Platform) -> list[Difference]:
    """What differs, in the words of a bundle."""
    return list(_differences("", whole(before), whole(after)))


class _Parts(NamedTuple):
    parameter: Plain
    interface: Plain
    node: Plain
    audit: Plain
    capability: Plain


@cache
def _bare(kind: str) -> Plain:
    """A document that says nothing but its name."""
    things: Mapping[str, Document | Platform] = {
        "platform": PlatformGiven(name="x").thing(),
        "resource": ResourceGiven(name="x").thing(),
        "pool": PoolGiven(name="x").thing(),
        "function": FunctionGiven(name="x").thing(),
        "profile_definition": ProfileDefinitionGiven(name="x").thing(),
        "profile_instance": ProfileInstanceGiven(name="x", definition="x").thing(),
        "service_definition": ServiceDefinitionGiven(name="x").thing(),
    }
    return whole(things[kind])


@cache
def _bare_parts() -> _Parts:
    """Parts of documents that say nothing but their names."""
    parameter: Parameter = ParameterGiven(name="x").thing()
    interface: Interface = InterfaceGiven(name="x").thing()
    node: Node = NodeGiven(label="x").thing()
    definition = whole(ServiceDefinition("x", nodes=(node,), audits=(AuditSpec("x", ""),)))
    able = whole(Resource("x", capabilities={"x": Capability()}))["capabilities"]["x"]
    (audit,) = definition["audits"]
    return _Parts(
        whole(ProfileDefinition("x", (parameter,)))["parameters"][0],
        whole(Function("x", interfaces=(interface,)))["interfaces"][0],
        definition["nodes"][0],
        {name: value for name, value in audit.items() if name != "kind"},
        able,
    )


def _lean(full: Mapping[str, Any], bare: Mapping[str, Any], always: Collection[str] = _ALWAYS) -> Plain:
    """What differs from a bare one."""
    found: Plain = {}
    for name, value in full.items():
        if name in _SECTIONS:
            found |= {name: inner} if (inner := _lean(value, bare[name], ())) else {}
        elif name in always or name not in bare or _differ(value, bare[name]):
            found[name] = value
    return found


def _differ(one: Any, other: Any) -> bool:
    """To Python ``1 == True``."""
    return bool(one != other) or isinstance(one, bool) is not isinstance(other, bool)


def _differences(where: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            here = f"{where}.{name}" if where else name
            yield from _differences(here, _by_name(name, before.get(name)), _by_name(name, after.get(name)))
    elif isinstance(before, list) and isinstance(after, list) and _alike(before, after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{where}.{place}", one, other)
    elif _differ(before, after) or (isinstance(before, list) and repr(before) != repr(after)):
        yield Difference(where, before, after)


def _alike(before: list[Any], after: list[Any]) -> bool:
    """As many items with fields: what differs in them is told, each by its place."""
    return len(before) == len(after) and all(isinstance(item, dict) for item in (*before, *after))


def _by_name(field: str, value: Any) -> Any:
    """Items that have names as fields, so that only what differs in them is told."""
    key = _KEYS.get(field)
    if key is None or not isinstance(value, list) or not all(isinstance(v, dict) and key in v for v in value):
        return value
    return {str(item[key]): item for item in value}
