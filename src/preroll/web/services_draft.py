# SPDX-License-Identifier: Apache-2.0
"""Service states while they are edited: what a form says, a row added or deleted, and what is wrong with it so far.

Seed: "Service Orchestration: service states configuration" (*Add State*, *Delete State(s)*, *Reset to default state
values*). Nothing is kept between two requests: the form carries the draft.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from markupsafe import Markup

from preroll.domain.errors import Invalid, Mistake
from preroll.domain.machine import Machine
from preroll.domain.service import (
    DEFAULT_TRANSITIONS,
    FAILED,
    SHIPPED_STATES,
    START,
    ServiceStates,
    Stage,
    StageMapping,
)
from preroll.web.diagram import ring_svg

STAGES: Mapping[Stage, tuple[str, str]] = {
    Stage.INITIAL: ("Initial Service State", "what a confirmed booking's service begins with; no action runs"),
    Stage.PRE_ROLL: ("Service State (preroll)", "at the start of pre-roll"),
    Stage.SERVICE_ACTIVE: ("Service State (service active)", "at the end of pre-roll"),
    Stage.POST_ROLL: ("Service State (postroll)", "at the start of post-roll"),
    Stage.ENDED: ("Service State (ended)", "at the end of post-roll"),
}
"""Stage -> its name in the seed, and when it is entered."""
MOST = 1_000
"""Rows of a form."""
ADD, ADD_ROW, DELETE, ADD_STATE, DELETE_STATE, RESET = (
    "add",
    "add row ",
    "delete",
    "add state",
    "delete state ",
    "reset",
)


class Form(Protocol):
    """What a form says."""

    def get(self, name: str) -> object: ...
    def getlist(self, name: str) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """Service states that are not saved yet."""

    states: ServiceStates
    picked: Collection[int] = ()
    """Rows that are marked."""
    row: tuple[str, str] = ("", "")
    """The row to be added."""
    name: str = ""
    """The state to be added."""

    def done(self, what: str) -> Draft:
        """After a button was pressed; what is no button of a draft, or has nothing to add, changes nothing."""
        states = self.states
        if what == ADD and all(self.row):
            return replace(self, states=_with_row(states, self.row))
        if what.startswith(ADD_ROW):
            before, _, after = what.removeprefix(ADD_ROW).partition("|")
            return replace(self, states=_with_row(states, (before, after)))
        if what == DELETE:
            rows = tuple(row for n, row in enumerate(states.transitions) if n not in self.picked)
            return replace(self, states=replace(states, transitions=rows), picked=())
        if what == ADD_STATE and self.name:
            return replace(self, states=replace(states, states=(*states.states, self.name)), name="")
        if what.startswith(DELETE_STATE):
            gone = what.removeprefix(DELETE_STATE)
            return replace(self, states=replace(states, states=tuple(s for s in states.states if s != gone)))
        if what == RESET:
            return replace(self, states=replace(states, transitions=DEFAULT_TRANSITIONS), picked=())
        return self


def _with_row(states: ServiceStates, row: tuple[str, str]) -> ServiceStates:
    return replace(states, transitions=tuple(dict.fromkeys((*states.transitions, row))))


def read(form: Form) -> Draft:
    """The draft that a form carries.

    Raises:
        Invalid: it is none.
    """
    sources, targets = _words(form, "from"), _words(form, "to")
    if len(sources) != len(targets):
        raise Invalid([Mistake("transitions", f"has {len(sources)} and {len(targets)} ends", "as many of both")])
    mapping = StageMapping(**{stage.value: _word(form.get(f"mapping.{stage.value}")) or None for stage in Stage})
    states = ServiceStates(mapping, tuple(zip(sources, targets, strict=True)), tuple(_words(form, "state")))
    picked = {int(n) for n in _words(form, "picked") if n.isdecimal()}
    row = _word(form.get("new_from")), _word(form.get("new_to"))
    return Draft(states, picked, row, _word(form.get("new_state")))


def _words(form: Form, name: str) -> list[str]:
    found = form.getlist(name)
    if len(found) > MOST:
        raise Invalid([Mistake(name, f"stands {len(found)} times", f"up to {MOST}")])
    return [_word(one) for one in found]


def _word(said: object) -> str:
    text = said.strip() if isinstance(said, str) else ""
    if len(text) > 200 or not text.isprintable():
        raise Invalid([Mistake("service_states", "has a name that cannot be", "up to 200 letters that can be shown")])
    return text


@dataclass(frozen=True, slots=True)
class RowShown:
    """A row of the transition table."""

    source: str
    target: str
    picked: bool
    wrong: str
    """What is wrong with it; empty: nothing."""


@dataclass(frozen=True, slots=True)
class StageShown:
    """A stage with its state."""

    key: str
    name: str
    about: str
    state: str
    """Empty: disabled."""
    wrong: str


@dataclass(frozen=True, slots=True)
class StateShown:
    """One of the platform's own states."""

    name: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft as the page shows it."""

    stages: Sequence[StageShown]
    rows: Sequence[RowShown]
    states: Sequence[StateShown]
    choices: Sequence[str]
    """States that a stage or a row may name: FAILED, which the engine sets, only as what a service comes from."""
    lacks: Sequence[tuple[str, str]]
    """Rows that the stages need and the table lacks."""
    diagram: Markup
    draft: Draft
    own: bool
    """Does the table differ from the one that is shipped?"""


def shown(draft: Draft, mistakes: Sequence[Mistake]) -> Shown:
    """A draft with what is wrong with it."""
    states, wrong = draft.states, _by_place(mistakes)
    stages = [
        StageShown(stage.value, *STAGES[stage], state or "", wrong.get(f"mapping.{stage.value}", ""))
        for stage, state in states.mapping.items()
    ]
    rows = [
        RowShown(before, after, n in draft.picked, wrong.get(f"transitions.{n}", ""))
        for n, (before, after) in enumerate(states.transitions)
    ]
    own = [StateShown(name, wrong.get(f"states.{n}", "")) for n, name in enumerate(states.states)]
    return Shown(
        stages, rows, own, [name for name in states.known if name != FAILED], states.gaps(), picture(states), draft,
        states.transitions != DEFAULT_TRANSITIONS,
    )  # fmt: skip


def _by_place(mistakes: Sequence[Mistake]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for one in mistakes:
        found.setdefault(one.where.removeprefix("service_states."), []).append(f"{one.what}; expected: {one.expected}")
    return {where: "; ".join(told) for where, told in found.items()}


def picture(states: ServiceStates) -> Markup:
    """The transition table as a diagram; what a row names that is no state is in it too."""
    rows = [
        ({before}, after, after, None, "") for before, after in dict.fromkeys(states.transitions) if before != after
    ]
    named = {name for row in states.transitions for name in row}
    order = [
        name for name in dict.fromkeys((*SHIPPED_STATES, *states.states)) if name in named or name in states.states
    ]
    machine: Machine[str, str] = Machine("service", states.mapping.initial or START, rows, states=order)
    return Markup(ring_svg(machine, "Service states and the transitions that are allowed"))  # noqa: S704 - escapes itself
