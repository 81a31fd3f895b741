# SPDX-License-Identifier: Apache-2.0
"""Every state has a look of its own, and can be read."""

from __future__ import annotations

import pytest

from preroll.demo.palette import LOOKS, contrast, look
from preroll.domain.booking import State


def test_every_state_of_the_life_cycle_has_a_look():
    assert set(LOOKS) == {state.value for state in State}


def test_no_two_states_have_the_same_glyph():
    assert len({look(state).glyph for state in LOOKS}) == len(LOOKS)


@pytest.mark.parametrize("state", LOOKS)
def test_the_name_stands_out_from_its_fill(state):
    text = "#000000" if look(state).style.startswith("black") else "#ffffff"
    assert contrast(text, look(state).fill) >= 4.5


def test_a_state_of_a_newer_server_looks_neutral():
    assert look("Dreaming").glyph == "·"


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
