# SPDX-License-Identifier: Apache-2.0
"""Which services need which: an order waits for what its service needs, and what is needed is not taken away.

Source: facts, orders 4.2 (hold *dependency*) and 4.3 (S10: "no dependent service").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from preroll.domain.order import OrderItem, OrderKind

WAITING_KINDS = frozenset({OrderKind.PROVISION, OrderKind.MODIFY, OrderKind.REDEPLOY, OrderKind.ACTIVATE})
"""Which kinds begin only when all that their service needs is Deployed?"""
SAYING_KINDS = frozenset({OrderKind.PROVISION, OrderKind.MODIFY})
"""Which kinds say what their service needs? With the others, ``needs`` is only waited for."""

Needs = Callable[[str], Collection[str]]
"""Id of a service -> ids of those that it needs."""


def circle(start: str, needs: Needs) -> tuple[str, ...]:
    """The services that need each other in a ring through this one, which stands first and last; empty: none do."""
    todo: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while todo:
        way = todo.pop()
        for needed in sorted(needs(way[-1])):
            if needed == start:
                return (*way, start)
            if needed not in seen:
                seen.add(needed)
                todo.append((*way, needed))
    return ()


def with_turns(items: Sequence[OrderItem], needs: Mapping[str, Collection[str]]) -> tuple[OrderItem, ...]:
    """The items with what their services need in the same order done first; taken away, they go in the reverse.

    Args:
        needs: id of each service of the order -> ids of those that it needs now, or of a decommission, needed.
    """
    by_service = {item.service: item for item in items}
    after: dict[str, list[str]] = {item.name: list(item.after) for item in items}
    for item in items:
        for needed in needs.get(item.service, ()):
            other = by_service.get(needed)
            if other is None or other is item:
                continue
            gone = other.kind is OrderKind.DECOMMISSION
            last, first = (other, item) if gone else (item, other)
            if first.name not in after[last.name]:
                after[last.name].append(first.name)
    return tuple(replace(item, after=tuple(after[item.name])) for item in items)
