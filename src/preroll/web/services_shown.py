# SPDX-License-Identifier: Apache-2.0
"""A service as its page shows it: from what the use cases tell, without deciding anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from preroll.app.ordered_views import Names
from preroll.app.services import ServiceDetails
from preroll.domain.audit import Configuration, Status
from preroll.domain.differences import ALARM_TO_DO, AlarmKind, Allowance
from preroll.domain.order_concern import ORDER_CONCERNS, service_concern
from preroll.domain.ordered import ServiceRevision
from preroll.domain.permission import may
from preroll.domain.revisions import Differing, differing
from preroll.domain.service_instance import PROVISIONED
from preroll.web.advice import Advice
from preroll.web.asked import cell
from preroll.web.command import Button, Subject, in_turn
from preroll.web.diagram import Lit, machine_svg
from preroll.web.orders_shown import choice_said
from preroll.web.service_commands import SERVICE_COMMANDS, ServiceCommand, needs_role, why_not_service


@dataclass(frozen=True, slots=True)
class RevisionShown:
    """A row of the list of revisions."""

    number: int
    at_us: int
    order: str
    """Id of the order that made it."""
    marks: Sequence[str]
    """Of ``desired``, ``deployed`` and ``last good``."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Two revisions, and what differs."""

    before: int
    after: int
    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class OverlayShown:
    """A booking of more of the service for a while."""

    href: str
    name: str
    state: str
    start_us: int
    end_us: int | None
    nodes: Sequence[tuple[str, str]]
    """(node, what it has meanwhile)."""


@dataclass(frozen=True, slots=True)
class DifferenceShown:
    """A value of a device that is not as it was left."""

    where: str
    gap: str
    expected: str
    found: str
    since_us: int
    allowance: Allowance | None
    """Who lets it be, why, and until when."""


def subject_of(found: ServiceDetails) -> Subject:
    """A service, for its buttons and dialogs."""
    service = found.service
    return Subject(f"/services/{service.id}", service.name, service.revision, "#service")


def buttons(found: ServiceDetails, permitted: Callable[[str], bool]) -> list[Button]:
    """Every command of the page, the possible ones first.

    Args:
        permitted: may who looks do this?
    """
    return in_turn([Button(command, why_not(found, command, permitted)) for command in SERVICE_COMMANDS.values()])


def why_not(found: ServiceDetails, command: ServiceCommand, permitted: Callable[[str], bool]) -> str:
    """Why it is not possible for who looks; empty: it is."""
    right = needs_role(command)
    lacking = "" if permitted(right) else f"it needs the role {' or '.join(may(right))}"
    return why_not_service(found, command) or lacking


def revisions(found: ServiceDetails) -> list[RevisionShown]:
    """Its revisions, the newest first."""
    s = found.service
    marks = {"desired": s.desired, "deployed": s.deployed, "last good": s.last_good}
    return [
        RevisionShown(r.number, r.at_us, r.order, [word for word, number in marks.items() if number == r.number])
        for r in reversed(found.revisions)
    ]


def compared(found: ServiceDetails, names: Names, before: int, after: int) -> Compared | None:
    """What differs between two revisions; without a choice, between the newest one and that before it."""
    known: dict[int, ServiceRevision] = {r.number: r for r in found.revisions}
    numbers = sorted(known)
    if len(numbers) < 2:
        return None
    a = before if before in known else numbers[-2]
    b = after if after in known else numbers[-1]
    return Compared(a, b, [_row(one) for one in differing(known[a], known[b], names.resources)])


def _row(one: Differing) -> tuple[str, str, str]:
    return one.where, cell(one.before), cell(one.after)


def differences(found: ServiceDetails) -> list[DifferenceShown]:
    """What its devices have otherwise than it was left on them."""
    shown = []
    for one in found.drift.known:
        d = one.difference
        where, expected, got = f"{d.node}: {d.path}", cell(d.expected), cell(d.found)
        shown.append(DifferenceShown(where, d.gap.value, expected, got, one.since_us, one.allowance))
    return shown


def overlays(found: ServiceDetails, names: Names) -> list[OverlayShown]:
    """What changes it for a while, the first first."""
    return [
        OverlayShown(
            f"/bookings/{one.id}", one.name, one.state.value, one.timing.start, one.timing.end,
            [(label, choice_said(replace(choice, resource=None), names)) for label, choice in one.nodes.items()],
        )
        for one in found.overlays
    ]  # fmt: skip


def advice(found: ServiceDetails) -> list[Advice]:
    """Why it needs somebody."""
    shown = []
    if (concern := service_concern(found.service.state)) is not None:
        row = ORDER_CONCERNS[concern]
        shown.append(Advice(row.title, "its last change did not come about", row.to_do, urgent=True))
    if found.known is not None and found.known.status is Status.DOWN:
        told = "see below what they found, mend it, and audit it again"
        shown.append(Advice("Down", "its checks found it down", told, urgent=True))
    if found.known is not None and found.known.configuration is Configuration.OUT_OF_SYNC:
        told = ALARM_TO_DO[AlarmKind.DRIFT]
        shown.append(Advice("Changed behind our back", "its devices are not as they were left", told, urgent=False))
    if found.conflicts:
        told = "modify it to give it another resource"
        shown.append(Advice("In conflict", "; ".join(map(str, found.conflicts)), told, urgent=True))
    return shown


def life_cycle(found: ServiceDetails) -> Markup:
    """Whether it exists, and what can become of it."""
    state = found.service.state.value
    return Markup(machine_svg(PROVISIONED, f"Service: {state}", Lit(state)))  # noqa: S704 - escapes itself
