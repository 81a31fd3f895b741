# SPDX-License-Identifier: Apache-2.0
"""Pictures of tables: state machines with the current state lit, and service definitions with their connections.

SVG without scripts, styles or ids: nodes can be links, and everything has a title. Colours come from the style sheet,
by class; a life cycle state bears the class ``state-<slug>``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.function import Function
from preroll.domain.machine import Machine
from preroll.web.layering import downstream, layers

MARGIN = 14
STATE_WIDTH, STATE_HEIGHT, STATE_GAP, RUNG = 98, 36, 14, 46
"""A state machine runs down the page, a layer a rung."""
BOW = 84
"""How far a wire over several rungs is drawn aside, so that it passes what stands between: down right, up left."""
NODE_WIDTH, NODE_HEAD, PORT, NODE_GAP, AISLE = 168, 52, 22, 28, 88
"""A service runs from left to right, an aisle between its columns."""
RING, APART = 330, 5
"""How wide a ring is at least, and how far there and back lie from the middle between them."""
LINE = 15
"""Letters in a line of a state's name."""
Link = Callable[[str], str]


class Point(NamedTuple):
    """A place on the picture."""

    x: float
    y: float


class Wire(NamedTuple):
    """All that leads from one state to another."""

    source: str
    target: str
    triggers: tuple[str, ...]
    failed: bool
    """Only what failed leads there."""


@dataclass(frozen=True, slots=True)
class Lit:
    """What of a state machine is shown to be the case."""

    now: str = ""
    entering: str = ""
    """The state that a run is on its way to."""
    been: Collection[str] = ()
    """States that it was in before."""


def slug(name: str) -> str:
    """A name as a part of a class: ``failed-service-pre-roll``."""
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")


def machine_svg(
    machine: Machine[Any, Any], label: str, lit: Lit | None = None, *, link: Link | None = None, failures: bool = True
) -> str:
    """A state machine from its table, from its first state down.

    Args:
        label: what it is, for who does not see it.
        lit: the state that it is in; what it can become from there is lit as well.
        link: the address of a state; None: states are no links.
        failures: show what a failed trigger leads to.
    """
    lit = lit or Lit()
    wires = wires_of(machine, failures=failures)
    states = [str(state) for state in machine.states]
    found = layers(states, [(w.source, w.target) for w in wires])
    width = max(map(len, found)) * (STATE_WIDTH + STATE_GAP) - STATE_GAP + 2 * MARGIN + BOW
    at = _centres(found, width)
    height = 2 * MARGIN + len(found) * (STATE_HEIGHT + RUNG) - RUNG
    ordered = sorted(wires, key=lambda wire: wire.source == lit.now)
    parts = [_wire(wire, at, lit) for wire in ordered] + [
        _state(state, at[state], lit, wires, link) for state in states
    ]
    return _picture("machine", width, height, label, parts)


def ring_svg(machine: Machine[Any, Any], label: str) -> str:
    """A small state machine in which nearly everything leads everywhere, in a ring: no wire passes behind a state."""
    states = [str(state) for state in machine.states]
    across = max(RING, len(states) * (STATE_WIDTH + STATE_GAP) / math.pi)
    half = Point(across / 2, across * 0.4)
    centre = Point(half.x + STATE_WIDTH / 2 + MARGIN, half.y + STATE_HEIGHT / 2 + MARGIN)
    at = {}
    for n, state in enumerate(states):
        angle = 2 * math.pi * n / len(states) - math.pi / 2
        at[state] = Point(round(centre.x + half.x * math.cos(angle)), round(centre.y + half.y * math.sin(angle)))
    wires = wires_of(machine)
    parts = [_chord(wire, at) for wire in wires] + [_state(state, at[state], Lit(), wires, None) for state in states]
    return _picture("ring", 2 * centre.x, 2 * centre.y, label, parts)


def _chord(wire: Wire, at: Mapping[str, Point]) -> str:
    """A straight wire between the edges of two states; ways there and back lie side by side."""
    a, b = at[wire.source], at[wire.target]
    long = math.dist(a, b)
    ahead = Point((b.x - a.x) / long, (b.y - a.y) / long)
    aside = Point(-ahead.y * APART, ahead.x * APART)
    out, back = _way_out(aside, ahead), _way_out(aside, Point(-ahead.x, -ahead.y)) + 1
    begin = Point(a.x + aside.x + ahead.x * out, a.y + aside.y + ahead.y * out)
    end = Point(b.x + aside.x - ahead.x * back, b.y + aside.y - ahead.y * back)
    neck = Point(end.x - ahead.x * 8, end.y - ahead.y * 8)
    wide = Point(-ahead.y * 4, ahead.x * 4)
    tip = f"M{_at(end)}L{_at(Point(neck.x + wide.x, neck.y + wide.y))} {_at(Point(neck.x - wide.x, neck.y - wide.y))}Z"
    title = escape(f"{wire.source} → {wire.target}")
    return (
        f'<g class="wire"><title>{title}</title><path d="M{_at(begin)}L{_at(neck)}"/><path class="tip" d="{tip}"/></g>'
    )


def _way_out(start: Point, ahead: Point) -> float:
    """How far it is from a point in a state to the state's edge; both are told from its middle."""
    half = Point(STATE_WIDTH / 2, STATE_HEIGHT / 2)
    ways = [(h - s * math.copysign(1, d)) / abs(d) for h, s, d in zip(half, start, ahead, strict=True) if d]
    return min(ways)


def wires_of(machine: Machine[Any, Any], *, failures: bool = True) -> list[Wire]:
    """The rows of a table by (from, to); what stays where it is leads nowhere."""
    ok: dict[tuple[str, str], list[str]] = {}
    failed: dict[tuple[str, str], list[str]] = {}
    for edge in machine:
        for found, target in ((ok, edge.ok), (failed, edge.failed if failures else None)):
            if target is not None and target != edge.source:
                found.setdefault((str(edge.source), str(target)), []).append(str(edge.trigger))
    pairs = dict.fromkeys([*ok, *failed])
    return [
        Wire(*pair, (*ok.get(pair, ()), *(f"{t} failed" for t in failed.get(pair, ()))), failed=pair not in ok)
        for pair in pairs
    ]


def service_svg(
    definition: ServiceDefinition,
    functions: Mapping[str, Function],
    label: str,
    *,
    told: Mapping[str, str] | None = None,
    link: Link | None = None,
) -> str:
    """A service definition: its nodes with their interfaces, and what is connected with what.

    Args:
        functions: by name, those that documents declare.
        told: node label -> what is said in it, such as the resource that a booking chose; else its function.
        link: the address of a node; None: nodes are no links.
    """
    pairs = [(c.source, c.target) for c in definition.connections]
    columns = layers(downstream([node.label for node in definition.ordered], pairs), pairs)
    boxes, height = _boxes(definition, functions, columns)
    width = 2 * MARGIN + max(1, len(columns)) * (NODE_WIDTH + AISLE) - AISLE
    parts = []
    for c in definition.connections:
        begin, end = boxes[c.source].port(c.output, out=True), boxes[c.target].port(c.input, out=False)
        title = " → ".join(".".join(filter(None, found)) for found in ((c.source, c.output), (c.target, c.input)))
        parts.append(f'<path class="wire" d="{_across(begin, end)}"><title>{escape(title)}</title></path>')
    for node in definition.ordered:
        said = (told or {}).get(node.label) or node.function
        parts.append(_node(node, boxes[node.label], said, link))
    return _picture("service", width, height, label, parts)


@dataclass(frozen=True, slots=True)
class _Box:
    corner: Point
    inputs: Sequence[str]
    outputs: Sequence[str]

    @property
    def height(self) -> float:
        return NODE_HEAD + PORT * max(len(self.inputs), len(self.outputs))

    def port(self, name: str, *, out: bool) -> Point:
        """Where an interface is; a nameless one is in the middle of the head."""
        names = self.outputs if out else self.inputs
        y = NODE_HEAD + PORT * (names.index(name) + 0.5) - 6 if name in names else NODE_HEAD / 2
        return Point(self.corner.x + (NODE_WIDTH if out else 0), self.corner.y + y)


def _boxes(
    definition: ServiceDefinition, functions: Mapping[str, Function], columns: Sequence[Sequence[str]]
) -> tuple[dict[str, _Box], float]:
    """Node label -> its box; and how high the picture is. An interface of both ways stands where it is used."""
    into = {(c.target, c.input) for c in definition.connections}
    out_of = {(c.source, c.output) for c in definition.connections}
    found: dict[str, _Box] = {}
    lowest = 0.0
    for n, column in enumerate(columns):
        y = float(MARGIN)
        for label in column:
            node = definition.node(label)
            function = functions.get(node.function) if node else None
            known = function.interfaces if function else ()
            inputs = [
                i.name for i in known if i.direction.receives and (not i.direction.sends or (label, i.name) in into)
            ]
            outputs = [
                i.name for i in known if i.direction.sends and (i.name not in inputs or (label, i.name) in out_of)
            ]
            box = found[label] = _Box(Point(MARGIN + n * (NODE_WIDTH + AISLE), y), inputs, outputs)
            y += box.height + NODE_GAP
        lowest = max(lowest, y - NODE_GAP + MARGIN)
    return found, max(lowest, 2.0 * MARGIN)


def _centres(found: Sequence[Sequence[str]], width: float) -> dict[str, Point]:
    """Each layer in the middle of the picture."""
    at = {}
    for n, layer in enumerate(found):
        left = (width - len(layer) * (STATE_WIDTH + STATE_GAP) + STATE_GAP) / 2
        for k, state in enumerate(layer):
            x = left + k * (STATE_WIDTH + STATE_GAP) + STATE_WIDTH / 2
            at[state] = Point(x, MARGIN + n * (STATE_HEIGHT + RUNG) + STATE_HEIGHT / 2)
    return at


def _wire(wire: Wire, at: Mapping[str, Point], lit: Lit) -> str:
    possible = wire.source == lit.now
    words = ["wire", *["failed"] * wire.failed, *["possible"] * possible]
    if possible and wire.target == lit.entering:
        words.append("entering")
    curve, tip = _down(at[wire.source], at[wire.target])
    title = escape(f"{wire.source} → {wire.target}: {', '.join(wire.triggers)}")
    return f'<g class="{" ".join(words)}"><title>{title}</title><path d="{curve}"/><path class="tip" d="{tip}"/></g>'


def _down(begin: Point, end: Point) -> tuple[str, str]:
    """The curve from one state to another, and its tip; ways there and back lie side by side."""
    half = STATE_HEIGHT / 2
    if begin.y == end.y:
        side = 1 if end.x > begin.x else -1
        a, b = Point(begin.x + 12 * side, begin.y + half * side), Point(end.x - 12 * side, end.y + half * side)
        bend = RUNG * 0.6 * side
        return f"M{_at(a)}C{_at(Point(a.x, a.y + bend))} {_at(Point(b.x, b.y + bend))} {_at(b)}", _tip(b, -side)
    way = 1 if end.y > begin.y else -1
    a, b = Point(begin.x + 9 * way, begin.y + half * way), Point(end.x + 9 * way, end.y - half * way)
    bend = (b.y - a.y) / 2
    aside = BOW * way if abs(b.y - a.y) > RUNG and abs(b.x - a.x) < STATE_WIDTH else 0
    return f"M{_at(a)}C{_at(Point(a.x + aside, a.y + bend))} {_at(Point(b.x + aside, b.y - bend))} {_at(b)}", _tip(
        b, way
    )


def _tip(end: Point, way: int) -> str:
    """An arrow's head that points down (1) or up (-1)."""
    return f"M{_at(end)}L{_at(Point(end.x - 3.5, end.y - 7 * way))} {_at(Point(end.x + 3.5, end.y - 7 * way))}Z"


def _across(begin: Point, end: Point) -> str:
    bend = max(24.0, abs(end.x - begin.x) / 2)
    return f"M{_at(begin)}C{_at(Point(begin.x + bend, begin.y))} {_at(Point(end.x - bend, end.y))} {_at(end)}"


def _at(point: Point) -> str:
    return f"{round(point.x, 1):g} {round(point.y, 1):g}"


def _state(state: str, at: Point, lit: Lit, wires: Sequence[Wire], link: Link | None) -> str:
    words = ["state", f"state-{slug(state)}"]
    words += [w for w, holds in (("now", state == lit.now), ("entering", state == lit.entering)) if holds]
    words += ["been"] * (state in lit.been and state != lit.now)
    words += ["next"] * any(w.source == lit.now and w.target == state for w in wires)
    told = {"now": "it is this now", "entering": "it is on its way here", "been": "it was this before"}
    title = "; ".join([state, *(told[w] for w in words if w in told)])
    rows = _lines(state)
    top = at.y + 4 - (len(rows) - 1) * 6.5
    text = "".join(f'<text x="{at.x:g}" y="{top + n * 13:g}">{escape(row)}</text>' for n, row in enumerate(rows))
    rect = _rect(Point(at.x - STATE_WIDTH / 2, at.y - STATE_HEIGHT / 2), STATE_WIDTH, STATE_HEIGHT)
    current = ' aria-current="true"' if state == lit.now else ""
    return _linked(link and link(state), f'<g class="{" ".join(words)}"{current}>{_title(title)}{rect}{text}</g>')


def _lines(name: str) -> list[str]:
    """A name in at most two lines; what is too long is cut, as its title says it all."""
    words, rows = name.split(), [""]
    for word in words:
        if rows[-1] and len(rows[-1]) + 1 + len(word) > LINE and len(rows) < 2:
            rows.append(word)
        else:
            rows[-1] = f"{rows[-1]} {word}".strip()
    return [_cut(row, LINE) for row in rows]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _node(node: Node, box: _Box, said: str, link: Link | None) -> str:
    x, y = box.corner
    words = ["node", *["optional"] * node.optional, *["hidden"] * node.hidden]
    parts = [_title(f"{node.label}: {said}" if said else node.label), _rect(box.corner, NODE_WIDTH, box.height)]
    parts.append(f'<text class="label" x="{x + 12:g}" y="{y + 21:g}">{escape(_cut(node.label, 22))}</text>')
    parts.append(f'<text class="said" x="{x + 12:g}" y="{y + 38:g}">{escape(_cut(said, 26))}</text>')
    for names, out in ((box.inputs, False), (box.outputs, True)):
        for name in names:
            at = box.port(name, out=out)
            where = f'class="said {"out" if out else "in"}" x="{at.x + (-10 if out else 10):g}" y="{at.y + 4:g}"'
            parts.append(f'<circle cx="{at.x:g}" cy="{at.y:g}" r="5"/><text {where}>{escape(_cut(name, 11))}</text>')
    return _linked(link and link(node.label), f'<g class="{" ".join(words)}">{"".join(parts)}</g>')


def _rect(corner: Point, width: float, height: float) -> str:
    return f'<rect x="{corner.x:g}" y="{corner.y:g}" width="{width:g}" height="{height:g}" rx="6"/>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _linked(address: str | None, content: str) -> str:
    return f'<a href="{escape(address)}">{content}</a>' if address else content


def _picture(kind: str, width: float, height: float, label: str, parts: Iterable[str]) -> str:
    role = f'role="group" aria-label="{escape(label)}"'
    return f'<svg class="diagram {kind}" viewBox="0 0 {width:g} {height:g}" {role}>{"".join(parts)}</svg>'
