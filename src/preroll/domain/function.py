# SPDX-License-Identifier: Apache-2.0
"""Functions and pools: what a resource can do, and with which others it is chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from preroll.domain.errors import Mistake


class Direction(StrEnum):
    """Which way something passes through an interface."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"

    @property
    def sends(self) -> bool:
        """May a connection begin here?"""
        return self is not Direction.IN

    @property
    def receives(self) -> bool:
        """May a connection end here?"""
        return self is not Direction.OUT


@dataclass(frozen=True, slots=True)
class Interface:
    """Where a function is connected with others."""

    name: str
    direction: Direction = Direction.INOUT
    profile: str = ""
    """Name of the profile definition of what passes through; only equal ones are connected. Empty: anything."""
    optional: bool = True
    """False: it has to be connected in a published service definition."""


@dataclass(frozen=True, slots=True)
class Function:
    """What a resource can do: encoding, an Ethernet port."""

    name: str
    description: str = ""
    profile: str = ""
    """Name of the profile definition that its nodes take."""
    interfaces: tuple[Interface, ...] = ()
    properties: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1

    def interface(self, name: str) -> Interface | None:
        """The interface of that name, or None."""
        return next((i for i in self.interfaces if i.name == name), None)

    def mistakes(self) -> list[Mistake]:
        """Everything that can be seen to be wrong without looking at others."""
        names = [i.name for i in self.interfaces]
        return [
            Mistake(f"interfaces.{index}.name", f"{name} stands twice", "a unique name")
            for index, name in enumerate(names)
            if names.count(name) > 1
        ]


@dataclass(frozen=True, slots=True)
class Pool:
    """Resources from which one is chosen. Without a document it exists as long as a resource bears its name."""

    name: str
    description: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
    id: str = ""
    key: int = 0
    platform: int = 0
    revision: int = 1
