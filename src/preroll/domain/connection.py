# SPDX-License-Identifier: Apache-2.0
"""Connections between the nodes of a service, from an interface of one function to a compatible one of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from preroll.domain.errors import Mistake
from preroll.domain.function import Function, Interface


@dataclass(frozen=True, slots=True)
class Connection:
    """From the output of one node to the input of another; nodes by label, interfaces by name."""

    source: str
    target: str
    output: str = ""
    """Interface of the source's function; empty when that declares none."""
    input: str = ""
    """Interface of the target's function; empty when that declares none."""


def connection_mistakes(
    connections: Sequence[Connection], functions: Mapping[str, Function | None], *, published: bool
) -> list[Mistake]:
    """Everything wrong with the connections of a service.

    Args:
        functions: label of each node -> its function; None: no document declares it.
        published: interfaces that are not optional have to be connected.
    """
    found = []
    for index, connection in enumerate(connections):
        where = f"connections.{index}"
        if connection in connections[:index]:
            found.append(Mistake(where, "stands twice", "each connection once"))
        found += _mistakes(where, connection, functions)
    return found + (list(_unconnected(connections, functions)) if published else [])


def _mistakes(where: str, c: Connection, functions: Mapping[str, Function | None]) -> list[Mistake]:
    unknown = [
        Mistake(f"{where}.{end}", f"there is no node {label}", f"one of {', '.join(functions)}")
        for end, label in (("source", c.source), ("target", c.target))
        if label not in functions
    ]
    if unknown:
        return unknown
    if c.source == c.target:
        return [Mistake(f"{where}.target", "is the source itself", "another node")]
    leaving, arriving = functions[c.source], functions[c.target]
    outputs = {i.name: i for i in leaving.interfaces if i.direction.sends} if leaving else {}
    inputs = {i.name: i for i in arriving.interfaces if i.direction.receives} if arriving else {}
    found = _end_mistakes(f"{where}.output", c.output, leaving, outputs)
    found += _end_mistakes(f"{where}.input", c.input, arriving, inputs)
    if not found and c.output and c.input:
        given, taken = outputs[c.output].profile, inputs[c.input].profile
        if given and taken and given != taken:
            found.append(Mistake(f"{where}.input", f"takes {taken}", f"{given}, which {c.source} gives"))
    return found


def _end_mistakes(where: str, name: str, function: Function | None, able: Mapping[str, Interface]) -> list[Mistake]:
    if name in able or not (name or able):
        return []
    expected = f"one of {', '.join(able)}" if able else "none: the function declares none for this direction"
    if not name:
        return [Mistake(where, "is missing", expected)]
    known = function.interface(name) if function else None
    what = f"{name} is {known.direction.value} only" if known else f"there is no interface {name}"
    return [Mistake(where, what, expected)]


def _unconnected(connections: Sequence[Connection], functions: Mapping[str, Function | None]) -> Iterator[Mistake]:
    used = {(c.source, c.output) for c in connections} | {(c.target, c.input) for c in connections}
    for index, (label, function) in enumerate(functions.items()):
        for interface in function.interfaces if function else ():
            if not interface.optional and (label, interface.name) not in used:
                what = f"{interface.name} of {label} is not connected"
                yield Mistake(f"nodes.{index}", what, "a connection, or publication: draft")
