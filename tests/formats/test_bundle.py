# SPDX-License-Identifier: Apache-2.0
"""A bundle is read safely, and a mistake names file, line and column."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.errors import Invalid, Mistake
from preroll.formats import bundle

TWO = """\
# what the demo needs
kind: resource
name: ENC 1
address:
  url: http://node-1
  "a.b": 1
pools: [encoders, {x: y}]
---
kind: profile_instance
name: HD
definition: Video
values: {rate: 2.5, on: true, note: "yes"}
"""


def refusal(text: str) -> list[Mistake]:
    with pytest.raises(Invalid) as caught:
        bundle.read(text, "b.yaml")
    return list(caught.value.mistakes)


def test_documents_are_plain_data():
    first, second = bundle.read(TWO, "b.yaml")
    assert first.content["address"] == {"url": "http://node-1", "a.b": 1}
    assert second.content["values"] == {"rate": 2.5, "on": True, "note": "yes"}


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("name", "b.yaml:3:1"),
        ("address.url", "b.yaml:5:3"),
        ("address.a.b", "b.yaml:6:3"),
        ("address.port", "b.yaml:4:1"),
        ("pools.1.x", "b.yaml:7:20"),
        ("concurrency", "b.yaml:2:1"),
        ("", "b.yaml:2:1"),
    ],
)
def test_every_field_has_its_place_and_a_missing_one_that_of_its_owner(where: str, place: str):
    assert str(bundle.read(TWO, "b.yaml")[0].place(where)) == place


def test_mistakes_of_the_server_get_their_place():
    documents = bundle.read(TWO, "b.yaml")
    told = bundle.placed(
        [Mistake("1.values.rate", "is 2.5", "at most 2"), Mistake("platform", "is missing")], documents
    )
    assert [str(m) for m in told] == ["b.yaml:12:10 values.rate: is 2.5 (expected at most 2)", "platform: is missing"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("yes", "yes"), ("off", "off"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"), ("010", "010"), ("~", None),
        ("1e3", 1000.0), ("-5", -5), ("1.5e3", 1500.0), ("1.5e+3", 1500.0), ("0.1", 0.1), (".inf", ".inf"),
        ("TRUE", True), ("'5'", "5"), ("1_000", "1_000"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_look_like(value: str, read: object):
    (document,) = bundle.read(f"kind: resource\nname: {value}\n")
    assert document.content["name"] == read


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("kind: resource\nname: [1\n", "b.yaml:3:1", "is no YAML"),
        ("kind: resource\nname: a\nname: b\n", "b.yaml:3:1 name", "stands twice"),
        ("name: a\n", "b.yaml:1:1 kind", "is missing"),
        ("kind: thing\n", "b.yaml:1:1 kind", "is 'thing'"),
        ("- 1\n", "b.yaml:1:1", "is no document"),
        ("kind: resource\nname: !!python/object:os.system x\n", "b.yaml:2:7 name", "has the tag"),
        ("kind: resource\nname: !secret x\n", "b.yaml:2:7 name", "has the tag"),
        ("kind: resource\n? [a]\n: 1\n", "b.yaml:2:3", "has a key that is no text"),
        ("kind: resource\nname: \x01\n", "b.yaml:1:1", "is no YAML"),
        ("kind: resource\nname: *nowhere\n", "b.yaml:2:7 name", "names nothing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, where: str, what: str):
    (mistake,) = refusal(text)
    assert mistake.where == where
    assert what in mistake.what


def test_an_alias_means_what_it_names():
    (document,) = bundle.read("kind: resource\na: &a {x: [1, 2]}\nb: *a\n", "b.yaml")
    assert document.content["b"] == {"x": [1, 2]}
    assert str(document.place("b.x.1")) == "b.yaml:3:1"


def test_empty_documents_are_left_out():
    assert bundle.read("---\n---\nkind: resource\n---\n") != []
    assert bundle.read("") == []


def test_bombs_are_refused():
    laughs = "kind: resource\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    laughs += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert "one value too many" in refusal(laughs)[0].what
    assert "holds itself" in refusal("kind: resource\na: &a [*a]\n")[0].what
    assert "too deep" in refusal("kind: resource\na: " + "[" * 200 + "]" * 200)[0].what
    assert refusal("kind: resource\na: " + "[" * 100_000)
    assert "too large" in refusal("#" * (bundle.MOST_TEXT + 1))[0].what
    assert "one too many" in refusal("---\nkind: resource\n" * (bundle.MOST_DOCUMENTS + 1))[0].what


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str):
    with contextlib.suppress(Invalid):
        assert all(d.content["kind"] in bundle.KINDS for d in bundle.read(text, "t"))
