# SPDX-License-Identifier: Apache-2.0
"""Which values apply on a node: inherited ones, those of a state, copied ones; and where each came from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.booking import NodeChoice
from preroll.domain.definition import Node
from preroll.domain.inheritance import LONGEST_LINE, Profiles, derivation_mistakes, settled, taken_by
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.profile import ProfileBy, ProfileDefinition, ProfileInstance

RATE = Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CONFIGURATION, ParameterKind.CAPACITY), default=2)
ENCODING = ProfileDefinition("Encoding", (RATE, Parameter("codec"), Parameter("size")))
BASE = ProfileInstance(
    "Base", "Encoding", {"rate": 4, "codec": "AVC"}, {"STANDBY": {"rate": 0}, "PAUSE": {"size": "s"}}
)
SLATE = ProfileInstance("Slate", "Encoding", {"size": "card"}, parent="Base")
SPORT = ProfileInstance(
    "Sport", "Encoding", {"rate": 8}, {"Pause": {"rate": 1}}, parent="Base", variants={"STANDBY": "Slate"}
)
SHELF = Profiles([ENCODING], [BASE, SLATE, SPORT])


def test_own_values_go_on_top_of_inherited_ones() -> None:
    sport = SHELF.resolved("Sport")
    assert sport.values == {"rate": 8, "codec": "AVC"}
    assert sport.sources == {"rate": "Sport", "codec": "Base"}


def test_values_of_a_state_are_inherited_and_a_link_takes_their_place() -> None:
    sport = SHELF.resolved("Sport")
    assert sport.states["PAUSE"] == {"size": "s", "rate": 1}, "names of states that differ in case are one"
    assert sport.states["STANDBY"] == {"rate": 4, "codec": "AVC", "size": "card"}, "all that the linked one says"
    assert sport.state_sources["PAUSE"] == {"size": "Base", "rate": "Sport"}
    assert sport.state_sources["STANDBY"] == {"rate": "Base", "codec": "Base", "size": "Slate"}
    assert SHELF.resolved("Slate").states == SHELF.resolved("Base").states


def test_a_variant_may_derive_from_the_instance_that_links_to_it() -> None:
    main = ProfileInstance("Main", "Encoding", {"rate": 8, "codec": "AVC"}, variants={"PAUSE": "Main paused"})
    paused = ProfileInstance("Main paused", "Encoding", {"rate": 1}, parent="Main")
    shelf = Profiles([ENCODING], [main, paused])
    assert not derivation_mistakes(main, shelf.instances)
    assert not derivation_mistakes(paused, shelf.instances)
    assert shelf.resolved("Main").states == {"PAUSE": {"rate": 1, "codec": "AVC"}}


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        (ProfileInstance("X", "Encoding", parent="X"), "parent: goes in a circle: X -> X"),
        (ProfileInstance("Base", "Encoding", parent="Sport"), "parent: goes in a circle: Base -> Sport -> Base"),
        (ProfileInstance("X", "Encoding", parent="Nobody"), "parent: there is no profile instance Nobody"),
        (ProfileInstance("X", "Other", parent="Base"), "parent: Base is of Encoding (expected an instance of Other)"),
        (
            ProfileInstance("X", "Encoding", variants={"START": "Nobody"}),
            "variants.START: there is no profile instance",
        ),
        (
            ProfileInstance("X", "Encoding", states={"start": {}}, variants={"START": "Base"}),
            "variants.START: stands in states too",
        ),
    ],
)
def test_what_an_instance_cannot_derive_from(instance: ProfileInstance, told: str) -> None:
    (mistake,) = derivation_mistakes(instance, {**SHELF.instances, instance.name: instance})
    assert str(mistake).startswith(told)


def test_a_line_of_instances_has_an_end() -> None:
    line = [ProfileInstance(f"I{n}", "Encoding", parent=f"I{n - 1}" if n else "") for n in range(LONGEST_LINE + 1)]
    instances = {i.name: i for i in line}
    assert not derivation_mistakes(line[-2], instances)
    (mistake,) = derivation_mistakes(line[-1], instances)
    assert str(mistake) == "parent: makes a line of 33: I32 -> I31 -> I30 -> ... -> I0 (expected at most 32 in a row)"


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=6),
    st.data(),
)
def test_each_value_is_the_nearest_that_stands_in_the_line(
    values: list[dict[str, object]], data: st.DataObject
) -> None:
    line = [ProfileInstance(str(n), "P", v, parent=str(n - 1) if n else "") for n, v in enumerate(values)]
    shelf = Profiles((), data.draw(st.permutations(line)))
    found = shelf.resolved(line[-1].name)
    for name in "abc":
        nearest = next((n for n in reversed(range(len(values))) if name in values[n]), None)
        assert found.sources.get(name) == (None if nearest is None else str(nearest))
        if nearest is not None:
            assert found.values[name] == values[nearest][name]


def test_heirs_are_those_whose_values_come_from_one() -> None:
    assert SHELF.heirs({"Slate"}) == {"Slate", "Sport"}
    assert SHELF.heirs({"Base"}) == {"Base", "Slate", "Sport"}
    assert SHELF.heirs({"Sport"}) == {"Sport"}


NODE = Node("Encoder", profile="Encoding", default_profile="Sport")
SAME = Profiles([ENCODING], [BASE, SLATE, ProfileInstance("Sport", "Encoding", {"rate": 3})])


def test_a_copy_stays_as_it_was_and_a_reference_is_read() -> None:
    chosen = NodeChoice("r", None, {"size": "own"}, ProfileBy.VALUE)
    (kept,) = settled(SHELF, [NODE], {"Encoder": chosen}, {}, runs=False).values()
    assert SAME.filled(NODE, kept).values == {"rate": 8, "codec": "AVC", "size": "own"}
    assert SAME.filled(NODE, kept).states == SHELF.resolved("Sport").states
    assert SAME.filled(NODE, NodeChoice("r")).values == {"rate": 3}


def test_a_copy_keeps_the_defaults_too() -> None:
    kept = SHELF.copied(NODE, NodeChoice("r", "Slate"))
    dearer = ProfileDefinition("Encoding", (Parameter("rate", ValueType.NUMBER, kinds=RATE.kinds, default=9),))
    later = Profiles([dearer], [ProfileInstance("Slate", "Encoding")])
    filled = later.filled(NODE, kept)
    assert filled.profile is not None
    assert filled.profile.defaults() == {"rate": 2}
    assert filled.wish("Encoder") == SHELF.filled(NODE, NodeChoice("r", "Slate")).wish("Encoder")


def test_what_an_instance_leaves_open_is_as_its_definition_says() -> None:
    bare = ProfileInstance("Bare", "Encoding")
    shelf = Profiles([ENCODING], [BASE, SLATE, bare])
    assert shelf.filled(NODE, NodeChoice("r", "Bare")).values == {"rate": 2}
    assert shelf.filled(NODE, NodeChoice("r", "Bare", {"rate": 3, "size": "s"})).values == {"rate": 3, "size": "s"}
    assert shelf.filled(NODE, NodeChoice("r", "Slate")).values["rate"] == 4, "what it inherits goes before"
    assert shelf.filled(NODE, shelf.copied(NODE, NodeChoice("r", "Bare"))).values == {"rate": 2}
    nobody = Node("Encoder", profile="Encoding")
    assert not shelf.filled(nobody, NodeChoice("r")).values, "no profile is chosen: nothing is set"


def test_the_bookings_choice_goes_before_the_nodes() -> None:
    by_value = Node("Encoder", profile_by=ProfileBy.VALUE)
    assert taken_by(by_value, NodeChoice()) is ProfileBy.VALUE
    assert taken_by(by_value, NodeChoice(profile_by=ProfileBy.REFERENCE)) is ProfileBy.REFERENCE
    assert taken_by(None, NodeChoice()) is ProfileBy.REFERENCE


def test_a_copy_stays_with_its_profile_and_goes_with_another() -> None:
    by_value = Node("Encoder", profile="Encoding", default_profile="Sport", profile_by=ProfileBy.VALUE)
    before = settled(SHELF, [by_value], {"Encoder": NodeChoice("r")}, {}, runs=False)

    def after(choice: NodeChoice, *, runs: bool = False) -> object:
        found = settled(SAME, [by_value], {"Encoder": choice}, before, runs=runs)["Encoder"]
        return found.kept.values.get("rate") if found.kept else None

    assert after(NodeChoice("another resource", None, {"size": "x"})) == 8
    assert after(NodeChoice("r", "Slate")) == 4, "of the profile as it is now"
    assert after(NodeChoice("r", None, {}, ProfileBy.REFERENCE)) is None
    assert after(NodeChoice("r", None, {}, ProfileBy.REFERENCE), runs=True) == 8, "what runs keeps what it began with"
