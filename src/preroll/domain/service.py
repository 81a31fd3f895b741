# SPDX-License-Identifier: Apache-2.0
"""Service states: which stage of a booking maps to which state, and which transitions are allowed.

Seed: "Service Orchestration: service states configuration". The defaults are SPEC 4; the vendor documents none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from preroll.domain.errors import Mistake
from preroll.domain.machine import Machine

START, STOP, STANDBY, PAUSE, FAILED = "START", "STOP", "STANDBY", "PAUSE", "FAILED"
SHIPPED_STATES = (STOP, STANDBY, START, PAUSE, FAILED)
"""The states that every platform knows; FAILED is set by the engine alone."""


class Stage(StrEnum):
    """A part of a booking's life that maps to a service state."""

    INITIAL = "initial"
    """What a confirmed booking's service begins with; no action runs."""
    PRE_ROLL = "preroll"
    SERVICE_ACTIVE = "service_active"
    POST_ROLL = "postroll"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StageMapping:
    """Stage -> service state. None disables the stage: nothing runs and the state is kept."""

    initial: str | None = STOP
    preroll: str | None = STANDBY
    service_active: str | None = START
    postroll: str | None = PAUSE
    ended: str | None = STOP

    def state(self, stage: Stage) -> str | None:
        """The service state of a stage, or None when the stage is disabled."""
        value: str | None = getattr(self, stage.value)
        return value

    def items(self) -> Iterable[tuple[Stage, str | None]]:
        """Every stage with its state, in the order of time."""
        return ((stage, self.state(stage)) for stage in Stage)


# fmt: off
DEFAULT_TRANSITIONS: tuple[tuple[str, str], ...] = (
    # from     to         why
    (STOP,    STANDBY),  # normal entry: pre-roll
    (STOP,    START),    # entry without pre-roll
    (STANDBY, START),    # on the air
    (STANDBY, STOP),     # abort in pre-roll
    (START,   PAUSE),    # post-roll
    (START,   STANDBY),  # off the air, kept warm
    (START,   STOP),     # direct stop
    (PAUSE,   STOP),     # normal end
    (PAUSE,   STANDBY),  # back to warm
    (STANDBY, PAUSE),    # post-roll after an aborted start
    (STOP,    PAUSE),    # post-roll of a service that never went up
    (FAILED,  STOP),     # clean up after a failure
    (FAILED,  STANDBY),  # recover into pre-roll
    (FAILED,  START),    # recover onto the air
    (FAILED,  PAUSE),    # post-roll after a failure
)
# fmt: on
"""What is not in the table is not allowed (seed). X -> X is no transition; any -> FAILED is the engine's."""


@dataclass(frozen=True, slots=True)
class ServiceStates:
    """The service-state settings of a platform."""

    mapping: StageMapping = field(default_factory=StageMapping)
    transitions: tuple[tuple[str, str], ...] = DEFAULT_TRANSITIONS
    states: tuple[str, ...] = ()
    """The platform's own, beside the shipped ones."""

    @property
    def known(self) -> tuple[str, ...]:
        """Every state of the platform: the shipped ones, then its own."""
        return (*SHIPPED_STATES, *self.states)

    def machine(self) -> Machine[str, str]:
        """The transition table as a machine: the trigger is the state asked for; a failed action gives FAILED."""
        rows = [({before}, after, after, FAILED, "configured") for before, after in dict.fromkeys(self.transitions)]
        return Machine("service", self.mapping.initial or STOP, rows, states=self.known)

    def spelled(self) -> ServiceStates:
        """The same with each state as its platform spells it (names are compared without their case), each row once."""
        spelling = {name.casefold(): name for name in reversed(self.known)}

        def spelled(name: str) -> str:
            return spelling.get(name.casefold(), name)

        stages = {stage.value: state and spelled(state) for stage, state in self.mapping.items()}
        rows = tuple(dict.fromkeys((spelled(before), spelled(after)) for before, after in self.transitions))
        return ServiceStates(StageMapping(**stages), rows, self.states)

    def mistakes(self, where: str) -> list[Mistake]:
        """Everything wrong with it but for the ``gaps``, which a team may want to have."""
        found = self._misnamed(where)
        known, all_of_them = set(self.known), ", ".join(name for name in self.known if name != FAILED)
        for stage, state in self.mapping.items():
            if state is not None and (state not in known or state == FAILED):
                what = "is set by the engine alone" if state == FAILED else f"{state} is no state of the platform"
                found.append(Mistake(f"{where}.mapping.{stage.value}", what, f"one of {all_of_them}, or null"))
        for index, (before, after) in enumerate(self.transitions):
            here = f"{where}.transitions.{index}"
            found += [
                Mistake(here, f"{name} is no state of the platform", f"one of {', '.join(self.known)}")
                for name in dict.fromkeys((before, after))
                if name not in known
            ]
            if before == after:
                found.append(
                    Mistake(here, f"{before} -> {after} is no transition", "no row: staying is always allowed")
                )
            elif after == FAILED:
                found.append(Mistake(here, "FAILED is set by the engine alone", "no row for it"))
        return found

    def _misnamed(self, where: str) -> list[Mistake]:
        found, seen = [], {name.casefold() for name in SHIPPED_STATES}
        for index, name in enumerate(self.states):
            here = f"{where}.states.{index}"
            if not name.strip():
                found.append(Mistake(here, "is empty", "a name"))
            elif name.casefold() in seen:
                found.append(Mistake(here, f"{name} is a state already", "a name of its own, whatever its case"))
            seen.add(name.casefold())
        return found

    def allows(self, before: str, after: str) -> bool:
        """May the service go from one state to another? Staying (X -> X) is no transition and always may."""
        return before == after or (before, after) in self.transitions

    def gaps(self) -> list[tuple[str, str]]:
        """Every pair that the stage mapping needs and the table does not allow.

        Needed: each mapped state from the mapped state before it, pre-roll -> ended (an abort), and FAILED -> each
        mapped state (SPEC 4).
        """
        mapped = [state for _, state in self.mapping.items() if state is not None]
        events = [s for stage, s in self.mapping.items() if s is not None and stage is not Stage.INITIAL]
        needed = list(pairwise(mapped))
        if self.mapping.preroll and self.mapping.ended:
            needed.append((self.mapping.preroll, self.mapping.ended))
        needed += [(FAILED, state) for state in events]
        return [pair for pair in dict.fromkeys(needed) if not self.allows(*pair)]


def action_for(actions: Mapping[str, str], state: str) -> str | None:
    """The LSO script that a definition links to a service state, or None. Names match in full, case-folded."""
    if state in actions:
        return actions[state]
    folded = state.casefold()
    return next((script for name, script in actions.items() if name.casefold() == folded), None)
