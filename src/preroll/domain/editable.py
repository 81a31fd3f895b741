# SPDX-License-Identifier: Apache-2.0
"""What of a deployed service a modify may change: all but what its definition keeps as it was deployed.

Source: facts, orders 1.3 (an interface of an existing endpoint cannot change) and 4.1 (``editable_after_deploy``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from preroll.domain.booking import NodeChoice
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import Mistake
from preroll.domain.inheritance import Filled, Profiles

FIXED = "cannot be changed after deployment"


def fixed_mistakes(
    definition: ServiceDefinition,
    profiles: Profiles,
    had: Mapping[str, NodeChoice],
    nodes: Mapping[str, NodeChoice],
) -> list[Mistake]:
    """Everything that these nodes would change though the definition, or a profile of it, keeps it."""
    found = []
    for label in dict.fromkeys([*had, *nodes]):
        node, before, after = definition.node(label), had.get(label), nodes.get(label)
        if before == after:
            continue
        if node is not None and not node.editable_after_deploy:
            found.append(Mistake(f"nodes.{label}", FIXED, "the node as it is, or another service"))
        elif before is not None and after is not None:
            found += _fixed_values(label, node, profiles, before, after)
    return found


def _fixed_values(
    label: str, node: Node | None, profiles: Profiles, before: NodeChoice, after: NodeChoice
) -> Iterator[Mistake]:
    old, new = profiles.filled(node, before), profiles.filled(node, after)
    for parameter in old.profile.parameters if old.profile else ():
        if parameter.editable_after_deploy:
            continue
        if _said(old, parameter.name, parameter.default) != _said(new, parameter.name, parameter.default):
            has = old.values.get(parameter.name, parameter.default)
            expected = "the value that it has" if parameter.secret or has is None else f"{has!r}, the value that it has"
            yield Mistake(f"nodes.{label}.values.{parameter.name}", FIXED, expected)


def _said(filled: Filled, name: str, default: object) -> tuple[object, dict[str, object]]:
    """What a parameter is set to, in general and in each state that says otherwise."""
    states = {state.casefold(): values[name] for state, values in filled.states.items() if name in values}
    return filled.values.get(name, default), states
