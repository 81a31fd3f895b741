# SPDX-License-Identifier: Apache-2.0
"""A state machine is a table; this reads it. Checks, diagrams, documentation and buttons all come from the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from preroll.domain.errors import TransitionNotAllowed

S = TypeVar("S", bound=str)
T = TypeVar("T", bound=str)


class Outcome(Enum):
    """Which column of the table is taken."""

    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Edge(Generic[S, T]):
    """One source state of one row. ``failed`` is None where the trigger cannot fail."""

    source: S
    trigger: T
    ok: S
    failed: S | None
    why: str


class Machine(Generic[S, T]):
    """The table ``from | trigger | ok | failed | why`` of one kind of thing.

    Raises:
        ValueError: a pair (state, trigger) stands in two rows.
    """

    def __init__(
        self,
        name: str,
        initial: S,
        rows: Iterable[tuple[Collection[S], T, S, S | None, str]],
        *,
        states: Iterable[S] = (),
    ) -> None:
        self.name, self.initial = name, initial
        self.edges: dict[tuple[S, T], Edge[S, T]] = {}
        order: dict[S, None] = dict.fromkeys([initial, *states])
        for sources, trigger, ok, failed, why in rows:
            for source in sorted(sources):
                if (source, trigger) in self.edges:
                    raise ValueError(f"{name}: two rows for ({source}, {trigger})")
                self.edges[source, trigger] = Edge(source, trigger, ok, failed, why)
                order.update(dict.fromkeys([source, ok] + ([failed] if failed is not None else [])))
        self.states: tuple[S, ...] = tuple(order)
        self.triggers: tuple[T, ...] = tuple(dict.fromkeys(t for _, t in self.edges))

    def may(self, state: S, trigger: T) -> bool:
        """Does the table list this pair?"""
        return (state, trigger) in self.edges

    def possible(self, state: S) -> tuple[T, ...]:
        """All triggers that the table lists for a state."""
        return tuple(t for s, t in self.edges if s == state)

    def fire(self, state: S, trigger: T, outcome: Outcome = Outcome.OK) -> S:
        """The state after a trigger.

        Raises:
            TransitionNotAllowed: the table does not list the pair, or the trigger cannot fail.
        """
        edge = self.edges.get((state, trigger))
        after = None if edge is None else edge.ok if outcome is Outcome.OK else edge.failed
        if after is None:
            raise TransitionNotAllowed(self.name, state, trigger, self.possible(state))
        return after

    @property
    def terminal(self) -> frozenset[S]:
        """States with no way out."""
        return frozenset(self.states) - {s for s, _ in self.edges}

    def __iter__(self) -> Iterator[Edge[S, T]]:
        return iter(self.edges.values())

    def __str__(self) -> str:
        return self.name
