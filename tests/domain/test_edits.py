# SPDX-License-Identifier: Apache-2.0
"""Merge patches: the examples of RFC 7396 for objects, and what they mean for what is chosen for a node."""

from __future__ import annotations

import pytest

from preroll.domain.booking import NodeChoice
from preroll.domain.edits import NodePatch, merged
from preroll.domain.profile import ProfileBy

RFC_7396 = [
    # stored                        patch                                    after
    ({"a": "b"},                    {"a": "c"},                              {"a": "c"}),
    ({"a": "b"},                    {"b": "c"},                              {"a": "b", "b": "c"}),
    ({"a": "b"},                    {"a": None},                             {}),
    ({"a": "b", "b": "c"},          {"a": None},                             {"b": "c"}),
    ({"a": ["b"]},                  {"a": "c"},                              {"a": "c"}),
    ({"a": "c"},                    {"a": ["b"]},                            {"a": ["b"]}),
    ({"a": {"b": "c"}},             {"a": {"b": "d", "c": None}},            {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]},           {"a": [1]},                              {"a": [1]}),
    ({"e": None},                   {"a": 1},                                {"e": None, "a": 1}),
    ({},                            {"a": {"bb": {"ccc": None}}},            {"a": {"bb": {}}}),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "patch", "after"), RFC_7396)
def test_a_merge_patch_does_what_its_standard_says(stored, patch, after):
    before = repr(stored)
    assert merged(stored, patch) == after
    assert repr(stored) == before


CHOSEN = NodeChoice("enc-1", "HD", {"bitrate": 8, "input": "SDI 1"}, ProfileBy.REFERENCE)


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, CHOSEN),
        ({"resource": "enc-2"}, NodeChoice("enc-2", "HD", CHOSEN.values, ProfileBy.REFERENCE)),
        ({"resource": None}, NodeChoice(None, "HD", CHOSEN.values, ProfileBy.REFERENCE)),
        ({"values": {"bitrate": 9}}, NodeChoice("enc-1", "HD", {"bitrate": 9, "input": "SDI 1"}, ProfileBy.REFERENCE)),
        ({"values": {"bitrate": None}}, NodeChoice("enc-1", "HD", {"input": "SDI 1"}, ProfileBy.REFERENCE)),
        ({"values": None, "profile_by": None}, NodeChoice("enc-1", "HD")),
    ],
)
def test_what_is_left_out_of_a_node_stays(given, after):
    assert NodePatch(given).applied(CHOSEN) == after
