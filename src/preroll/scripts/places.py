# SPDX-License-Identifier: Apache-2.0
"""Where secrets are that are not of this process: why one is not found there."""

from __future__ import annotations


class Nowhere(Exception):
    """A reference leads to no secret; the message goes on after the reference."""


class OutOfReach(Nowhere):
    """Where it leads to does not answer now: worth another attempt."""
