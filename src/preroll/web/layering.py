# SPDX-License-Identifier: Apache-2.0
"""Nodes of a directed graph in layers: longest path from the first, then barycentre sweeps against crossings.

K. Sugiyama, S. Tagawa, M. Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Edge = tuple[str, str]
SWEEPS = 4


def downstream(nodes: Sequence[str], edges: Iterable[Edge]) -> list[str]:
    """The nodes so that edges lead to later ones, as far as there are no circles; else in the order given."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        after[source].append(target)
    found: list[str] = []
    seen: set[str] = set()
    for first in reversed(nodes):
        stack = [(first, iter(after[first]))] if first not in seen else []
        seen.add(first)
        while stack:
            node, rest = stack[-1]
            following = next((n for n in rest if n not in seen), None)
            if following is None:
                found.append(node)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(after[following])))
    return found[::-1]


def ranks(order: Sequence[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Node -> its layer: the longest path to it along edges that lead on in this order; those back have no say."""
    at, edges = {node: n for n, node in enumerate(order)}, list(edges)
    found = dict.fromkeys(order, 0)
    for source, target in sorted(edges, key=lambda edge: at[edge[0]]):
        if at[source] < at[target]:
            found[target] = max(found[target], found[source] + 1)
    return found


def layers(order: Sequence[str], edges: Iterable[Edge]) -> list[list[str]]:
    """The nodes layer by layer, each layer in an order with few crossings."""
    edges = list(edges)
    rank = ranks(order, edges)
    found: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in order:
        found[rank[node]].append(node)
    near: dict[str, list[str]] = {node: [] for node in order}
    for source, target in edges:
        if rank[source] != rank[target]:
            near[source].append(target)
            near[target].append(source)
    back = range(len(found) - 2, -1, -1)
    for n in [*range(1, len(found)), *back] * SWEEPS:
        found[n] = _sorted(found, n, near)
    return found


def _sorted(found: Sequence[Sequence[str]], n: int, near: dict[str, list[str]]) -> list[str]:
    """A layer by the mean place of each node's neighbours; without any it stays where it is."""
    place = {node: (k + 0.5) / len(layer) for layer in found for k, node in enumerate(layer)}

    def mean(node: str) -> float:
        return sum(place[other] for other in near[node]) / len(near[node]) if near[node] else place[node]

    return sorted(found[n], key=mean)
