# SPDX-License-Identifier: Apache-2.0
"""What a page tells of a refusal: every line once."""

from __future__ import annotations

from preroll.domain.errors import Conflict, Losing
from preroll.web.problems import problem_of
from preroll.web.refusals_shown import Ways, disputed

LOST = [Losing("b-2", "News", "Partial", "MUX", name, 1, 0, None, "Closed", "MUX: in maintenance") for name in "ab"]


def test_what_somebody_would_lose_of_several_amounts_stands_once():
    refused = Conflict([], losing=LOST)
    assert problem_of(refused).listed == ["News (Partial) would lose MUX: in maintenance"]
    found = disputed(refused, {}, Ways.FORCE, lambda _: True, "")
    assert found is not None
    assert [str(one) for one in found.losing] == ["News (Partial) would lose MUX: in maintenance"]
