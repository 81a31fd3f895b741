# SPDX-License-Identifier: Apache-2.0
"""For every room: properties are judged by what they find, not by how fast a busy machine finds it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)
settings.register_profile("fuzz", settings.get_profile("house"), max_examples=1_000, stateful_step_count=80)
settings.load_profile("house")
