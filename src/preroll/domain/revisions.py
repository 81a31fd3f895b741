# SPDX-License-Identifier: Apache-2.0
"""What differs between two revisions of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preroll.domain.ordered import ServiceRevision


@dataclass(frozen=True, slots=True)
class Differing:
    """One thing that differs; None: it is not there."""

    where: str
    before: object
    after: object


def differing(before: ServiceRevision, after: ServiceRevision, names: Mapping[str, str]) -> list[Differing]:
    """What of the one is different in the other, node by node, then the properties.

    Args:
        names: id -> name of the resources.
    """
    old, new = _flat(before, names), _flat(after, names)
    places = dict.fromkeys([*old, *new])
    return [Differing(w, old.get(w), new.get(w)) for w in places if old.get(w) != new.get(w)]


def _flat(revision: ServiceRevision, names: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for label, choice in revision.nodes.items():
        found[f"{label}: resource"] = names.get(choice.resource or "", choice.resource)
        found[f"{label}: profile"] = choice.profile
        found |= {f"{label}: {name}": value for name, value in choice.values.items()}
    return found | {f"property {name}": value for name, value in revision.properties.items()}
