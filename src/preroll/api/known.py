# SPDX-License-Identifier: Apache-2.0
"""Which fields there are where one was sent that is not known: read off the schema of what was expected, then alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

Schema = Mapping[str, Any]
_REF = "#/$defs/"


def known_fields(shape: object, loc: Sequence[object]) -> list[str]:
    """The fields of the object in which something stands.

    Args:
        shape: the type that was expected: a model, or a list of some.
        loc: pydantic's way to it from there; its last part is the name that is not known.

    Returns:
        Their names in the order of the documentation; nothing where that cannot be told.
    """
    found = _schema(shape)
    return list(_within(found, found.get("$defs", {}), tuple(loc[:-1])).get("properties", ()))


def known_kinds(shape: object, loc: Sequence[object]) -> list[str]:
    """The kinds of a thing that says itself of which kind it is; the arguments as of ``known_fields``, loc in full."""
    found = _schema(shape)
    return list(_within(found, found.get("$defs", {}), tuple(loc)).get("discriminator", {}).get("mapping", ()))


@lru_cache(32)
def _schema(shape: Any) -> Schema:
    return TypeAdapter(shape).json_schema()


def _within(schema: Schema, defs: Mapping[str, Schema], loc: tuple[object, ...]) -> Schema:
    """The schema at the end of a way; empty when the way leads nowhere."""
    if ref := schema.get("$ref"):
        return _within(defs[ref.removeprefix(_REF)], defs, loc)
    if not loc and "discriminator" in schema:
        return schema
    if tags := schema.get("discriminator", {}).get("mapping"):
        return _within({"$ref": tags[loc[0]]}, defs, loc[1:]) if loc and loc[0] in tags else {}
    for option in schema.get("anyOf", ()):  # pydantic names the option on the way, but for one that may be null
        for rest in (loc, loc[1:]):
            if found := _within(option, defs, rest):
                return found
    if not loc:
        return schema if "properties" in schema else {}
    inner = schema.get("properties", {}).get(loc[0]) or schema.get("items") or schema.get("additionalProperties")
    return _within(inner, defs, loc[1:]) if isinstance(inner, Mapping) else {}
