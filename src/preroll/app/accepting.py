# SPDX-License-Identifier: Apache-2.0
"""What devices have, taken as what a service is to have: own values of its nodes, by the paths of their profiles.

A value that the profile sets for the state in which the service runs cannot be overridden by an own one; there the
service gets a copy of its profile, with that value in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from preroll.domain.booking import NodeChoice
from preroll.domain.definition import ServiceDefinition
from preroll.domain.differences import Difference, Gap
from preroll.domain.errors import Mistake
from preroll.domain.inheritance import Filled, Profiles
from preroll.domain.parameter import Parameter, ParameterKind
from preroll.domain.profile import ProfileBy

PUSH = "push it again (redeploy), or approve it"


def taken(
    shelf: Profiles,
    definition: ServiceDefinition,
    nodes: Mapping[str, NodeChoice],
    runs: str,
    differences: Iterable[Difference],
) -> tuple[dict[str, NodeChoice], list[Mistake]]:
    """What the nodes of a service choose once it is to have what was found on its devices.

    Args:
        runs: the service state in which they were read.

    Returns:
        The choices, and every difference that cannot be taken, with why.
    """
    found, mistakes = dict(nodes), []
    for one in differences:
        choice = found.get(one.node)
        if choice is None:
            mistakes.append(Mistake(f"differences.{one.node}", "is no node of the service", PUSH))
            continue
        filled = shelf.filled(definition.node(one.node), choice)
        parameter = _of_path(filled, one.path)
        if mistake := _mistake(one, parameter):
            mistakes.append(mistake)
        elif parameter is not None:
            found[one.node] = _with(shelf, definition, one.node, choice, filled, runs, parameter.name, one.found)
    return found, mistakes


def sets(shelf: Profiles, definition: ServiceDefinition, label: str, choice: NodeChoice, path: str) -> bool:
    """Does a node set this path on its device?"""
    return _of_path(shelf.filled(definition.node(label), choice), path) is not None


def _of_path(filled: Filled, path: str) -> Parameter | None:
    """The parameter that is set on a device under this path."""
    parameters = filled.profile.parameters if filled.profile else ()
    return next((p for p in parameters if (p.path or p.name) == path and ParameterKind.CONFIGURATION in p.kinds), None)


def _mistake(one: Difference, parameter: Parameter | None) -> Mistake | None:
    where = f"differences.{one.node}.{one.path}"
    if one.gap is Gap.MISSING:
        return Mistake(where, "is missing on the device, and a service cannot be without a value", PUSH)
    if parameter is None:
        return Mistake(where, "is no parameter of the node's profile", PUSH)
    if parameter.secret:
        return Mistake(where, "is a secret, and is not read", PUSH)
    return parameter.mistake(where, one.found)


def _with(
    shelf: Profiles, definition: ServiceDefinition, label: str, choice: NodeChoice, filled: Filled, runs: str,
    name: str, value: object,
) -> NodeChoice:  # fmt: skip
    """The choice with this value, where it counts in the service state."""
    state = next((s for s, values in filled.states.items() if s.casefold() == runs.casefold() and name in values), None)
    if state is None:
        return replace(choice, values={**choice.values, name: value})
    own = choice if choice.kept else shelf.copied(definition.node(label), choice)
    if own.kept is None:
        return replace(choice, values={**choice.values, name: value})
    states = {**own.kept.states, state: {**own.kept.states.get(state, {}), name: value}}
    return replace(own, profile_by=ProfileBy.VALUE, kept=replace(own.kept, states=states))
