# SPDX-License-Identifier: Apache-2.0
"""The description of the door in OpenAPI 3.1, made of its routes and of the table of attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi.responses import JSONResponse

from preroll.tmf.reading import LONGEST, MOST
from preroll.tmf.resources import ANSWERED, ERROR, RESOURCES, SENT, Attribute, Fate, Resource, Shape

REFUSALS = (400, 401, 403, 404, 405, 409, 413, 500, 503)
"""Every operation can answer so; 413 and 503 are ours."""
_REFS = "#/components/schemas/"
_TYPES: Mapping[Shape, dict[str, Any]] = {
    Shape.TEXT: {"type": "string"},
    Shape.WHOLE: {"type": "integer"},
    Shape.FLAG: {"type": "boolean"},
    Shape.TIME: {"type": "string", "format": "date-time"},
    Shape.OBJECT: {"type": "object"},
    Shape.OBJECTS: {"type": "array", "items": {"type": "object"}},
    Shape.ANY: {},
}
_NUMBERS = frozenset({"priority", "version", "quantity"})
"""Numbers that may be sent as texts, or the other way round."""
_BOUNDS: Mapping[Shape, dict[str, Any]] = {Shape.TEXT: {"maxLength": LONGEST}, Shape.OBJECTS: {"maxItems": MOST}}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
FIELDS = {"name": "fields", "in": "query", "schema": _TEXT, "description": "attributes to be told, with commas"}
OFFSET = {"name": "offset", "in": "query", "schema": _WHOLE, "description": "how many are left out at the beginning"}
LIMIT = {"name": "limit", "in": "query", "schema": _WHOLE, "description": "how many are told at most"}
REPEAT = {
    "name": "Idempotency-Key", "in": "header", "schema": {**_TEXT, "minLength": 1, "maxLength": 255},
    "description": "of your making; a repeat with the same key and body gets the first one's answer, for 24 h",
}  # fmt: skip


def filtered(name: str) -> dict[str, Any]:
    """A filter of a list."""
    return {"name": name, "in": "query", "schema": _TEXT, "description": "those that have this value"}


def says(
    told: Resource | None, status: int = 200, *, many: bool = False, sent: Resource | None = None,
    parameters: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """What a route answers and takes, as FastAPI wants it.

    Args:
        told: what it answers; None: nothing.
        many: it answers a list.
        sent: what it takes; None: nothing.
        parameters: of the query and of headers.
    """
    answers: dict[int | str, dict[str, Any]] = {code: _error(code) for code in REFUSALS}
    answers[status] = {"description": "done"}
    if told is not None:
        schema = _ref(told.name)
        answers[status]["content"] = _json({"type": "array", "items": schema} if many else schema)
    if many:
        counts = {name: {"schema": _WHOLE} for name in ("X-Total-Count", "X-Result-Count")}
        answers[status]["headers"] = {**counts, "Link": {"schema": _TEXT}}
    extra: dict[str, Any] = {"parameters": list(parameters)} if parameters else {}
    if sent is not None:
        extra["requestBody"] = {"required": True, "content": _json(_ref(_asked_name(sent.name)))}
    return {
        "status_code": status, "responses": answers, "openapi_extra": extra, "response_model": None,
        "response_class": JSONResponse,
    }  # fmt: skip


def described(document: dict[str, Any]) -> dict[str, Any]:
    """What FastAPI has found out of the routes, with the table; it validates nothing, so there is no 422."""
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    schemas = {one.name: told_schema(one) for one in RESOURCES}
    schemas |= {_asked_name(one.name): sent_schema(one) for one in SENT}
    document["components"] = {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    return document


def told_schema(resource: Resource) -> dict[str, Any]:
    """What is answered: no attribute that the table does not tell of."""
    told = {a.name: _shape(a, _ref(a.of)) for a in resource.attributes.values() if a.fate in ANSWERED}
    whole = {"id", "href"} <= told.keys()
    needed = [name for name in told if _is_always(resource.attributes[name], whole=whole)]
    return _object(told, needed)


def sent_schema(resource: Resource) -> dict[str, Any]:
    """What can be sent: what violates this is refused with 400."""
    sent: dict[str, Any] = {}
    for attribute in resource.attributes.values():
        if attribute.fate is Fate.REFUSED:
            sent[attribute.name] = {"type": "null", "description": attribute.why}
            continue
        kept = attribute.fate in (Fate.NEEDED, Fate.KEPT)
        shape = _shape(attribute if kept else replace(attribute, of=""), _ref(_asked_name(attribute.of)))
        shape |= _BOUNDS.get(attribute.shape, {})
        if attribute.name in _NUMBERS:
            shape = {"type": ["string", "integer"]}
        free = attribute.fate is Fate.NEEDED or attribute.shape is Shape.ANY
        sent[attribute.name] = shape if free else {"anyOf": [shape, {"type": "null"}]}
        if attribute.fate is Fate.NEEDED and attribute.shape is Shape.OBJECTS:
            shape["minItems"] = 1
        if attribute.fate is Fate.NEEDED and attribute.shape is Shape.TEXT:
            shape["minLength"] = 1
    return _object(sent, [a.name for a in resource.attributes.values() if a.fate is Fate.NEEDED])


def _is_always(attribute: Attribute, *, whole: bool) -> bool:
    """Is it told whatever ``fields`` asks for?"""
    return attribute.name in ("id", "href") if whole else attribute.fate is Fate.NEEDED


def _object(properties: Mapping[str, Any], needed: list[str]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": needed, "patternProperties": {"^@": {}},
        "additionalProperties": False,
    }  # fmt: skip


def _shape(attribute: Attribute, ref: dict[str, Any]) -> dict[str, Any]:
    if attribute.of and attribute.shape is Shape.OBJECTS:
        return {"type": "array", "items": ref}
    return dict(ref) if attribute.of else dict(_TYPES[attribute.shape])


def _asked_name(name: str) -> str:
    return name if not name or name.endswith("_Update") else f"{name}_Create"


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"{_REFS}{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _error(status: int) -> dict[str, Any]:
    return {"description": f"refused ({status})", "content": _json(_ref(ERROR.name))}
