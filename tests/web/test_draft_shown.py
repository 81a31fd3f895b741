# SPDX-License-Identifier: Apache-2.0
"""Fields of what can be set on a node."""

from __future__ import annotations

from preroll.domain.parameter import A_REFERENCE, Parameter
from preroll.web.draft_shown import parameter_field


def test_a_secret_is_asked_for_as_a_reference():
    assert A_REFERENCE in parameter_field(Parameter("Key", secret=True), "Encoder").about
    assert parameter_field(Parameter("Key"), "Encoder").about == ""
