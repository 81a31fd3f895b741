# SPDX-License-Identifier: Apache-2.0
"""Diagrams say what the tables say, whatever the names are."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from preroll.domain.booking import LIFE_CYCLE, State
from preroll.domain.connection import Connection
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.function import Direction, Function, Interface
from preroll.domain.machines import ALL_MACHINES
from preroll.domain.service import ServiceStates
from preroll.web.diagram import Lit, machine_svg, ring_svg, service_svg, wires_of
from preroll.web.layering import downstream, layers, ranks

NASTY = "<script>alert('x')</script> & \"1\""

FUNCTIONS = {
    "reception": Function("reception", interfaces=(Interface("RF", Direction.OUT),)),
    "decoding": Function("decoding", interfaces=(Interface("RF in", Direction.IN), Interface("SDI", Direction.OUT))),
}


def drawn(svg: str) -> ElementTree.Element:
    """The picture, which is well-formed and has no script, style or id in it."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        assert element.tag in {"svg", "g", "a", "path", "rect", "circle", "text", "title"}
        assert not {"style", "id", "onclick"} & set(element.attrib)
    return root


def titles(root: ElementTree.Element, kind: str) -> list[str]:
    return [e.findtext("title", "") for e in root.iter() if kind in e.get("class", "").split()]


def test_each_wire_of_the_life_cycle_is_a_row_of_its_table():
    root = drawn(machine_svg(LIFE_CYCLE, "Life cycle"))
    rows = {(e.source.value, e.ok.value) for e in LIFE_CYCLE if e.ok != e.source}
    rows |= {(e.source.value, e.failed.value) for e in LIFE_CYCLE if e.failed and e.failed != e.source}
    assert {tuple(t.split(":")[0].split(" → ")) for t in titles(root, "wire")} == rows
    assert [t.split(";")[0] for t in titles(root, "state")] == [s.value for s in LIFE_CYCLE.states]


@pytest.mark.parametrize("state", State)
def test_a_state_is_lit_with_what_it_can_become(state):
    root = drawn(machine_svg(LIFE_CYCLE, "Life cycle", Lit(state)))
    assert titles(root, "now") == [f"{state.value}; it is this now"]
    becomes = {w.target for w in wires_of(LIFE_CYCLE) if w.source == state}
    assert {t.split(";")[0] for t in titles(root, "next")} == becomes
    assert len(titles(root, "possible")) == len(becomes)
    assert [e.get("aria-current") for e in root.iter() if "now" in e.get("class", "").split()] == ["true"]


def test_where_it_was_and_where_it_goes_is_told():
    lit = Lit("Confirmed", "Pre-roll", {"Partial", "Confirmed"})
    root = drawn(machine_svg(LIFE_CYCLE, "Life cycle", lit, link=lambda state: f"/bookings?state={state}"))
    assert titles(root, "been") == ["Partial; it was this before"]
    assert "Pre-roll; it is on its way here" in titles(root, "state")
    assert titles(root, "entering")[0].startswith("Confirmed → Pre-roll: start of pre-roll")
    assert root.find("a").get("href") == "/bookings?state=Partial"


@pytest.mark.parametrize("machine", ALL_MACHINES, ids=str)
def test_every_machine_of_the_house_can_be_drawn_without_one_state_upon_another(machine):
    root = drawn(machine_svg(machine, machine.name))
    boxes = [(float(e.get("x")), float(e.get("y"))) for e in root.iter("rect")]
    assert len(boxes) == len(set(boxes)) == len(machine.states)
    for (x, y), (right, below) in pairwise(sorted(boxes, key=lambda box: (box[1], box[0]))):
        assert y != below or right - x >= 98
    _, _, width, height = map(float, root.get("viewBox").split())
    assert all(0 <= x <= width - 98 and 0 <= y <= height - 36 for x, y in boxes)


def test_a_platforms_own_states_are_drawn_from_its_own_table():
    states = ServiceStates(transitions=(("STOP", NASTY), (NASTY, "STOP")), states=(NASTY,))
    root = drawn(machine_svg(states.machine(), NASTY, Lit(NASTY), failures=False))
    assert titles(root, "now") == [f"{NASTY}; it is this now"]
    assert len(titles(root, "wire")) == 2
    assert root.get("aria-label") == NASTY


def test_a_service_has_its_nodes_interfaces_and_connections():
    nodes = (Node("dec", "decoding"), Node("ant", "reception", optional=True), Node(NASTY * 9, "unknown"))
    definition = ServiceDefinition("Feed", nodes=nodes, connections=(Connection("ant", "dec", "RF", "RF in"),))
    root = drawn(service_svg(definition, FUNCTIONS, "Feed", told={"dec": "IRD 7"}, link=lambda node: "#node"))
    assert titles(root, "wire") == ["ant.RF → dec.RF in"]
    assert titles(root, "node") == ["dec: IRD 7", "ant: reception", f"{NASTY * 9}: unknown"]
    assert [e.text for e in root.iter("text") if "out" in e.get("class", "")] == ["SDI", "RF"]
    left = {t: float(r.get("x")) for t, r in zip(("dec", "ant"), root.iter("rect"), strict=False)}
    assert left["ant"] < left["dec"], "what sends stands before what receives"


def test_a_definition_without_nodes_is_an_empty_picture():
    assert list(drawn(service_svg(ServiceDefinition("Empty"), {}, "Empty"))) == []


def test_layers_follow_the_longest_path_and_circles_do_not_matter():
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")]
    assert ranks("abc", edges) == {"a": 0, "b": 1, "c": 2}
    assert layers("abcd", edges) == [["a", "d"], ["b"], ["c"]]
    assert downstream("cba", edges[:3]) == ["a", "b", "c"]
    assert sorted(downstream("cba", edges)) == ["a", "b", "c"]


def test_barycentre_sweeps_uncross_wires():
    assert layers("abcd", [("a", "d"), ("b", "c")])[1] == ["d", "c"]


def test_in_a_ring_every_wire_ends_at_the_edge_of_its_state():
    machine = ServiceStates().machine()
    root = drawn(ring_svg(machine, "Service states"))
    boxes = [
        (float(r.get("x")), float(r.get("y")), float(r.get("width")), float(r.get("height"))) for r in root.iter("rect")
    ]
    assert len(boxes) == 5
    tips = [path.get("d") for path in root.iter("path") if path.get("class") == "tip"]
    assert len(tips) == len(wires_of(machine))
    for tip in tips:
        x, y = map(float, tip[1:].split("L")[0].split())
        gaps = [max(left - x, x - left - width, top - y, y - top - height) for left, top, width, height in boxes]
        assert min(map(abs, gaps)) < 2, tip
        assert min(gaps) > -0.2, "no tip is hidden"
    _, _, width, height = map(float, root.get("viewBox").split())
    assert all(x > 0 and y > 0 and x + w < width and y + h < height for x, y, w, h in boxes)
