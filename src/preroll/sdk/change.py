# SPDX-License-Identifier: Apache-2.0
"""Several devices, one change: what an author chooses, and what is told when it did not come about."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from preroll.sdk.errors import ScriptError


class Values(StrEnum):
    """Which values the devices of a change are to have."""

    COMBINED = "combined"
    """The target state's, completed by the profile's; as ``apply_combined``."""
    PROFILE = "profile"
    """Those that were chosen at booking time; as ``apply_profile``."""
    STATE = "state"
    """Only those of the target state; as ``apply_state_profile``."""
    DEFAULTS = "defaults"
    """The parameters' defaults; as ``apply_defaults``."""


class Turns(StrEnum):
    """When each device of a change is written."""

    TOGETHER = "together"
    """All that can take it back by themselves at once, then all others at once."""
    ONE_BY_ONE = "one by one"
    """In the order of the labels; a device is written when the one before has it, read back."""


class Stand(StrEnum):
    """How the devices of a change stand."""

    OLD = "old"
    """All have what they had before."""
    NEW = "new"
    """All have what was wanted."""
    OPEN = "open"
    """Of some it is not known, or they have what they should not; the residue tells."""


class ChangeFailed(ScriptError):
    """A change of several devices did not come about, or not everywhere."""

    def __init__(self, message: str, stand: Stand, residue: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.stand = stand
        self.residue = dict(residue or {})
        """Node label -> what is left there, and why. Empty unless the stand is open."""
