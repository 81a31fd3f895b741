# SPDX-License-Identifier: Apache-2.0
"""State machines as text, Markdown, Mermaid and JSON: what ``preroll states`` and its reference page print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from preroll.domain.actions import ACTIONS, Action
from preroll.domain.booking import Phase, State
from preroll.domain.boundaries import EVENTS
from preroll.domain.machine import Edge, Machine
from preroll.domain.machines import ALL_MACHINES
from preroll.domain.order import OrderState
from preroll.domain.order_actions import ORDER_ACTIONS
from preroll.domain.service import StageMapping

AnyMachine = Machine[Any, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of words."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """Sentences that stand under it."""


def transitions(machine: AnyMachine) -> Table:
    """The rows of a machine; sources that share everything else stand in one row, as they do in the code."""
    merged: dict[tuple[str, str, str, str], list[str]] = {}
    for edge in machine:
        merged.setdefault((edge.trigger, edge.ok, edge.failed or "", edge.why), []).append(edge.source)
    rank = {state: n for n, state in enumerate(machine.states)}
    rows = tuple(
        (", ".join(sorted(sources, key=rank.__getitem__)), trigger, ok, failed, why)
        for (trigger, ok, failed, why), sources in merged.items()
    )
    notes = (
        f"{len(machine.states)} states: {', '.join(machine.states)}.",
        f"First: {machine.initial}.",
        f"No way out: {', '.join(s for s in machine.states if s in machine.terminal) or 'none'}.",
    )
    return Table(machine.name, ("from", "trigger", "to", "when it fails", "why"), rows, notes)


def events(mapping: StageMapping | None = None) -> Table:
    """The events of a booking, each with the service state that its stage maps to."""
    mapping = mapping or StageMapping()
    rows = tuple(
        (
            kind.value,
            event.name,
            event.stage.value if event.stage else "",
            (mapping.state(event.stage) or "disabled") if event.stage else "",
            event.trigger.value if event.trigger else "",
            event.direction.value,
        )
        for kind, event in EVENTS.items()
    )
    return Table("events", ("boundary", "event", "stage", "service state", "trigger", "direction"), rows)


def stages(mapping: StageMapping | None = None) -> Table:
    """Which service state each stage of a booking maps to."""
    rows = tuple((stage.value, state or "disabled") for stage, state in (mapping or StageMapping()).items())
    return Table("stages", ("stage", "service state"), rows)


def actions() -> Table:
    """What can be done with a booking in which phase, and in which states of it."""
    rows = tuple(
        (name, *("yes" if phase in row.phases else "" for phase in Phase), _only(row), row.about)
        for name, row in ACTIONS.items()
    )
    return Table("actions", ("action", *(phase.value for phase in Phase), "only in", "what it does"), rows)


def _only(row: Action) -> str:
    """The states that an action is for, where not every state of its phases admits it."""
    return ", ".join(s for s in State if s in row.only_in) if row.only_in < set(State) else ""


def order_actions() -> Table:
    """What can be done with a service order in which state."""
    rows = tuple(
        (name, ", ".join(state for state in OrderState if state in row.states), row.about)
        for name, row in ORDER_ACTIONS.items()
    )
    return Table("order actions", ("action", "only in", "what it does"), rows)


def all_tables(machines: Sequence[AnyMachine] = ALL_MACHINES) -> list[Table]:
    """Everything that ``preroll states`` prints, in its order."""
    return [*map(transitions, machines), events(), stages(), actions(), order_actions()]


def as_text(tables: Iterable[Table] | None = None) -> str:
    """Tables with aligned columns, for a terminal."""
    return "\n".join(_text(table) for table in (all_tables() if tables is None else tables))


def _text(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.head, *table.rows, strict=True)]
    lines = [table.head, tuple("-" * width for width in widths), *table.rows]
    body = ("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return "\n".join([table.title, "", *body, *(("", *table.notes) if table.notes else ()), ""])


def as_markdown(tables: Iterable[Table] | None = None) -> str:
    """Tables under headings, for a page."""
    return "\n".join(_markdown(table) for table in (all_tables() if tables is None else tables))


def _markdown(table: Table) -> str:
    notes = [line for note in table.notes for line in ("", note)]
    return "\n".join([f"## {table.title.capitalize()}", "", bare_markdown(table), *notes, ""])


def bare_markdown(table: Table) -> str:
    """The table alone, without heading and notes."""
    lines = [table.head, tuple("---" for _ in table.head), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_mermaid(machine: AnyMachine) -> str:
    """A state diagram; what happens on failure is drawn with the word *fails*."""
    names = {state: f"s{n}" for n, state in enumerate(machine.states)}
    lines = [
        "stateDiagram-v2",
        *(f"    {names[s]}: {s}" for s in machine.states),
        f"    [*] --> {names[machine.initial]}",
    ]
    for edge in machine:
        lines += [f"    {names[edge.source]} --> {names[after]}: {label}" for after, label in _arrows(edge)]
    lines += [f"    {names[s]} --> [*]" for s in machine.states if s in machine.terminal]
    return "\n".join([*lines, ""])


def _arrows(edge: Edge[Any, Any]) -> list[tuple[Any, str]]:
    arrows = [(edge.ok, str(edge.trigger))]
    if edge.failed is not None and edge.failed != edge.source:
        arrows.append((edge.failed, f"{edge.trigger} fails"))
    return arrows


def as_document(machines: Sequence[AnyMachine] = ALL_MACHINES) -> dict[str, object]:
    """The same for programs: what ``preroll states --json`` prints."""
    return {
        "machines": [_document(machine) for machine in machines],
        **{table.title: [dict(zip(table.head, row, strict=True)) for row in table.rows] for table in all_tables(())},
    }


def _document(machine: AnyMachine) -> dict[str, object]:
    return {
        "name": machine.name,
        "initial": str(machine.initial),
        "states": [str(state) for state in machine.states],
        "terminal": [str(state) for state in machine.states if state in machine.terminal],
        "transitions": [
            {
                "from": str(edge.source),
                "trigger": str(edge.trigger),
                "to": str(edge.ok),
                "failed": None if edge.failed is None else str(edge.failed),
                "why": edge.why,
            }
            for edge in machine
        ],
    }
