# SPDX-License-Identifier: Apache-2.0
"""Connections: from what gives to what takes the same."""

from __future__ import annotations

import pytest

from preroll.domain.connection import Connection, connection_mistakes
from preroll.domain.function import Direction, Function, Interface

ENCODING = Function("encoding", interfaces=(
    Interface("sdi", Direction.IN, "Video"), Interface("stream", Direction.OUT, "Stream"), Interface("lan"),
))  # fmt: skip
DECODING = Function("decoding", interfaces=(
    Interface("stream", Direction.IN, "Stream", optional=False), Interface("sdi", Direction.OUT, "Video"),
))  # fmt: skip
NODES = {"enc": ENCODING, "dec": DECODING, "bare": None, "none": Function("none")}
GOOD = Connection("enc", "dec", "stream", "stream")


def told(*connections: Connection, published: bool = False) -> list[tuple[str, str]]:
    return [(m.where, m.what) for m in connection_mistakes(connections, NODES, published=published)]


def test_what_fits_is_connected():
    assert told(GOOD, published=True) == []
    assert told(Connection("dec", "enc", "sdi", "sdi"), Connection("enc", "dec", "lan", "stream")) == []
    assert told(Connection("bare", "none"), Connection("none", "enc", input="lan")) == []


# fmt: off
WRONG = [
    # connection                                  where      what
    (Connection("enc", "nobody", "stream"),       "target",  "there is no node nobody"),
    (Connection("enc", "enc", "lan", "lan"),      "target",  "is the source itself"),
    (Connection("enc", "dec", "", "stream"),      "output",  "is missing"),
    (Connection("enc", "dec", "sdi", "stream"),   "output",  "sdi is in only"),
    (Connection("enc", "dec", "stream", "sdi"),   "input",   "sdi is out only"),
    (Connection("enc", "dec", "up", "stream"),    "output",  "there is no interface up"),
    (Connection("bare", "dec", "up", "stream"),   "output",  "there is no interface up"),
    (Connection("enc", "none", "lan", "up"),      "input",   "there is no interface up"),
    (Connection("enc", "enc2", "stream", "sdi"),  "target",  "there is no node enc2"),
    (Connection("dec", "dec2", "sdi", "stream"),  "target",  "there is no node dec2"),
]
# fmt: on


@pytest.mark.parametrize(("connection", "where", "what"), WRONG)
def test_what_does_not_fit_is_told(connection: Connection, where: str, what: str):
    assert told(connection) == [(f"connections.0.{where}", what)]


def test_what_passes_must_be_the_same_on_both_ends():
    nodes = {"enc": ENCODING, "other": Function("o", interfaces=(Interface("in", Direction.IN, "Audio"),))}
    (found,) = connection_mistakes([Connection("enc", "other", "stream", "in")], nodes, published=False)
    assert str(found) == "connections.0.input: takes Audio (expected Stream, which enc gives)"


def test_no_connection_stands_twice():
    assert told(GOOD, GOOD) == [("connections.1", "stands twice")]


def test_only_a_draft_leaves_open_what_has_to_be_connected():
    assert told() == []
    assert told(published=True) == [("nodes.1", "stream of dec is not connected")]
