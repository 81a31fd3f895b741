# SPDX-License-Identifier: Apache-2.0
"""Settings by their dotted keys: ``limits.lso`` is the field ``lso`` of the section ``limits``."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from preroll.domain.errors import Mistake

OPEN = ("lifecycle_colors.light", "lifecycle_colors.dark")
"""Sections whose keys are names of other things: one that is not there can be set."""
NOT_SETTINGS = ("kind", "name")

Section = MutableMapping[str, Any]


def put(document: Section, key: str, value: object) -> Mistake | None:
    """Set one setting; what is wrong with the key, if anything."""
    found = _section(document, key)
    if isinstance(found, Mistake):
        return found
    found[key.rpartition(".")[2]] = value
    return None


def reset(document: Section, shipped: Mapping[str, Any], key: str) -> Mistake | None:
    """Take a setting, or a whole section, back to what is shipped; what is wrong with the key, if anything."""
    found = _section(document, key)
    if isinstance(found, Mistake):
        return found
    origin = _section(dict(shipped), key)
    name = key.rpartition(".")[2]
    if isinstance(origin, Mapping) and name in origin:
        found[name] = origin[name]
    else:
        found.pop(name, None)
    return None


def put_back(document: Section, before: Mapping[str, Any], loc: Sequence[object]) -> None:
    """Have what stands at a place as it was; a list, or what was no section before, as a whole."""
    section, was, (name, *rest) = document, before, map(str, loc)
    while rest and isinstance(section.get(name), MutableMapping) and isinstance(was.get(name), Mapping):
        section, was, (name, *rest) = section[name], was[name], rest
    if name in was:
        section[name] = was[name]
    else:
        section.pop(name, None)


def _section(document: Section, key: str) -> Section | Mistake:
    """The section in which a key stands."""
    section, walked = document, ""
    *sections, last = key.split(".")
    for name in sections:
        inner = section.get(name)
        if not isinstance(inner, MutableMapping):
            return _unknown(key, section, walked)
        section, walked = inner, f"{walked}.{name}".lstrip(".")
    if (last in section or walked in OPEN) and key not in NOT_SETTINGS:
        return section
    return _unknown(key, section, walked)


def _unknown(key: str, section: Mapping[str, Any], walked: str) -> Mistake:
    known = ", ".join(f"{walked}.{name}".lstrip(".") for name in section if name not in NOT_SETTINGS)
    return Mistake(key, "is no setting", f"one of {known}")
