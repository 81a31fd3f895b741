# SPDX-License-Identifier: Apache-2.0
"""An order as its page shows it: from what the use cases tell, without deciding anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from preroll.app.order_views import OrderDetails
from preroll.app.ordered_views import Names
from preroll.domain.booking import NodeChoice
from preroll.domain.changes import Change
from preroll.domain.order import ORDER, OrderKind, OrderPhase, OrderState, in_turn
from preroll.domain.order_actions import why_not_yours
from preroll.domain.order_concern import ORDER_CONCERNS, matter, order_concern, remedy
from preroll.domain.order_content import content_of
from preroll.domain.permission import may
from preroll.web.advice import Advice
from preroll.web.asked import cell, written
from preroll.web.command import Button, Subject
from preroll.web.command import in_turn as turned
from preroll.web.diagram import Lit, machine_svg
from preroll.web.order_commands import ORDER_COMMANDS, OrderCommand

P = OrderPhase
STAGES = (P.PRECHECKING, P.APPLYING, P.VERIFYING, P.CONFIRMING)
"""How a deployment goes that nothing disturbs."""


@dataclass(frozen=True, slots=True)
class ItemShown:
    """One item, in the order in which they are applied."""

    name: str
    kind: OrderKind
    service: str
    href: str
    """Of its service; empty: that does not exist."""
    after: Sequence[str]
    says: Sequence[tuple[str, str]]
    """(what, value): all that it asks for."""
    needs: Sequence[tuple[str, str]]
    """(name, address) of the services that must be there first; an item of the same order has no address."""
    state: OrderState
    message: str


@dataclass(frozen=True, slots=True)
class DeviceShown:
    """What the plan would change on one device."""

    resource: str
    changes: Sequence[tuple[str, str, str]]
    """(path, before, after); empty: there is nothing."""


@dataclass(frozen=True, slots=True)
class StageShown:
    """A stage of a deployment."""

    name: str
    place: str
    """``done``, ``now``, or empty: to come."""


def subject_of(found: OrderDetails) -> Subject:
    """An order, for its buttons and dialogs."""
    order = found.order
    return Subject(f"/orders/{order.id}", order.name, order.revision, "#order")


def buttons(found: OrderDetails, name: str, permitted: Callable[[str], bool]) -> list[Button]:
    """Every command of the page, the possible ones first.

    Args:
        name: of who looks.
        permitted: may who looks do this?
    """
    return turned([Button(command, why_not(found, command, name, permitted)) for command in ORDER_COMMANDS.values()])


def why_not(found: OrderDetails, command: OrderCommand, name: str, permitted: Callable[[str], bool]) -> str:
    """Why it is not possible for who looks; empty: it is."""
    action = command.action
    said = next((one.why for one in found.actions if one.name == action), "there is no such action")
    right = "order.create" if action == "clone" else f"order.{action}"
    lacking = "" if permitted(right) else f"it needs the role {' or '.join(may(right))}"
    busy = "its plan is being made" if action == "check" and found.checking else ""
    stopping = "it is being undone already" if action == "cancel" and found.canceling else ""
    return said or lacking or busy or stopping or why_not_yours(found.order, action, name)[0]


def items(found: OrderDetails, names: Names) -> list[ItemShown]:
    """What it is to do."""
    shown = []
    for item in in_turn(found.order.items):
        content, _ = content_of(item)
        end = found.items[item.name]
        name = names.services.get(item.service, "")
        service, href = name or content.name or item.service, f"/services/{item.service}" if name else ""
        says, needs = list(_says(item.values, names)), [_needed(ident, found, names) for ident in item.needs or ()]
        shown.append(ItemShown(item.name, item.kind, service, href, item.after, says, needs, end.state, end.message))
    return shown


def _needed(ident: str, found: OrderDetails, names: Names) -> tuple[str, str]:
    if ident in names.services:
        return names.services[ident], f"/services/{ident}"
    own = next((item.name for item in found.order.items if item.service == ident), "")
    return (own, "") if own else ("a service that is not there yet", "")


def _says(values: Mapping[str, object], names: Names) -> Iterable[tuple[str, str]]:
    """Everything that an item says, line by line."""
    for name, value in values.items():
        if name == "nodes" and isinstance(value, Mapping):
            for label, node in value.items():
                yield str(label), _node(node, names)
        elif name == "properties" and isinstance(value, Mapping):
            yield from ((f"property {key}", "taken away" if v is None else written(v)) for key, v in value.items())
        elif value not in (None, ""):
            yield name, written(value)


def _node(node: object, names: Names) -> str:
    if not isinstance(node, Mapping):
        return "taken out"
    return choice_said(NodeChoice(node.get("resource"), node.get("profile"), node.get("values") or {}), names)


def choice_said(choice: NodeChoice, names: Names) -> str:
    """What a node has, in words."""
    ident = choice.resource or ""
    values = [f"{name} {written(value)}" for name, value in choice.values.items()]
    return ", ".join(filter(None, (names.resources.get(ident, ident), choice.profile or "", *values))) or "nothing"


def plan(found: OrderDetails, names: Names) -> list[DeviceShown]:
    """What its plan would change, device by device."""
    devices = found.plan.devices if found.plan else ()
    return [
        DeviceShown(
            names.resources.get(device.resource, device.resource),
            [(path, cell(before), cell(after)) for path, before, after in device.changes],
        )
        for device in devices
    ]


def stages(found: OrderDetails) -> list[StageShown]:
    """How far its deployment is; empty: there is none under way."""
    if found.phase is None:
        return []
    if found.phase not in STAGES:
        return [StageShown(P.PRECHECKING.value, "done"), StageShown(found.phase.value, "now")]
    at = STAGES.index(found.phase)
    place = ["done"] * at + ["now"] + [""] * (len(STAGES) - at - 1)
    return [StageShown(phase.value, where) for phase, where in zip(STAGES, place, strict=True)]


def advice(found: OrderDetails) -> Advice | None:
    """Why it needs somebody; None: it does not."""
    concern = order_concern(found.order, unapproved=found.unapproved, phase=found.phase)
    if concern is None:
        return None
    urgent = found.order.state in (OrderState.FAILED_DEPLOY, OrderState.INVALID, OrderState.IN_PROGRESS)
    title, what = ORDER_CONCERNS[concern].title, matter(found.order, concern)
    return Advice(title, "" if what == title.lower() else what, remedy(found.order, concern), urgent)


def life_cycle(found: OrderDetails, history: Iterable[Change]) -> Markup:
    """Its states with where it is and was."""
    been = {name for change in history if change.kind == "order.state" for name in (change.before, change.after)}
    lit = Lit(found.order.state.value, "", been)
    label = f"Life cycle of the order: {found.order.state.value}"
    return Markup(machine_svg(ORDER, label, lit))  # noqa: S704 - escapes itself
