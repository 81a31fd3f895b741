# SPDX-License-Identifier: Apache-2.0
"""Names are sorted as people count."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.domain.naming import counted


@pytest.mark.parametrize(
    "ordered",
    [
        ["enc-1", "enc-2", "enc-10"],
        ["2", "10", "a"],
        ["rack 2 port 9", "rack 2 port 11", "rack 10 port 1"],
        ["Enc-1", "enc-2", "ENC-3"],
        ["enc-01", "enc-1", "enc-02"],
        ["enc", "enc-1", "enc-1a", "enc-1b", "encoder"],
    ],
)
def test_numbers_in_names_are_counted(ordered: list[str]):
    for mixed in permutations(ordered):
        assert sorted(mixed, key=counted) == ordered


@given(st.lists(st.text(max_size=200)))
def test_every_name_has_its_place_and_no_other_has_it(names: list[str]):
    assert len({counted(name) for name in names}) == len(set(names))
    assert sorted(names, key=counted) == sorted(sorted(names), key=counted)
