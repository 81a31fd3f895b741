# SPDX-License-Identifier: Apache-2.0
"""What the API answers, as typed values. Members that a newer server adds are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from preroll.client.problems import Losing
from preroll.client.quarantine import Quarantine

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a booking: when it was planned, when it really began and ended, and what came of it."""

    event: str
    kind: str
    state: str
    planned: datetime
    due: datetime
    began: datetime | None
    ended: datetime | None
    generation: int
    retries: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A due event that cannot begin yet, and why."""

    event: str
    since: datetime
    for_booking: str
    for_name: str
    what: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done with a booking; ``why`` says why it is not possible now."""

    name: str
    possible: bool
    why: str


@dataclass(frozen=True, slots=True)
class Node:
    """What a booking chose for one node."""

    resource: str | None
    name: str
    profile: str | None
    values: dict[str, Any]
    profile_by: str = "reference"
    """``reference``: it is read at each event; ``value``: it was copied when it was chosen."""
    kept: dict[str, Any] | None = None
    """What the profile said when it was copied; None: it is read."""
    whole: bool = False
    """It has the resource whole: every place and all of each capacity."""


@dataclass(frozen=True, slots=True)
class DefinitionName:
    """The version of a service definition that a booking is pinned to."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the audits of a service say now."""

    status: str
    """``Pending``, ``Up`` or ``Down``."""
    configuration: str
    """``unknown``, ``in sync`` or ``out of sync``."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a round."""

    name: str
    kind: str
    state: str | None
    """``Up``, ``Down`` or ``Unknown``; None: its turn has not come."""
    what: str
    expected: str
    found: str
    message: str
    evidence: dict[str, Any]
    tries: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of checks."""

    run: str
    asked: str
    service_state: str
    began: datetime
    ended: datetime | None
    status: str | None
    configuration: str | None
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class Audits:
    """What is known of a booking's service, and how; rounds newest first."""

    booking: str
    known: Known | None
    waiting: bool
    """An audit is due or under way: there will be a newer round."""
    rounds: list[Round]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingSummary:
    """A booking in a list. ``end`` None: permanent. Rolls are in seconds."""

    id: str
    name: str
    platform: str
    state: str
    phase: str
    entering: str
    service_state: str
    start: datetime
    end: datetime | None
    pre_roll: int
    post_roll: int
    priority: int
    zone: str
    not_reset: bool
    revision: int
    changed: datetime
    attention: str | None = None
    """``near_air`` or ``lapsed``: it is not confirmed, and its time comes near or is over."""


@dataclass(frozen=True, slots=True)
class Confirming:
    """A round of created booking actions."""

    state: str
    message: str
    ended: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking(BookingSummary):
    """A booking with all that can be shown of it."""

    definition: DefinitionName | None
    nodes: dict[str, Node]
    properties: dict[str, Any]
    created: datetime
    created_by: str
    scopes: list[str]
    owner: str
    events: list[Event]
    waiting: list[Waiting]
    actions: list[Action]
    late: float
    warnings: list[str]
    audit: Known | None = None
    quarantine: Quarantine | None = None
    confirming: Confirming | None = None
    orchestrated: bool = False
    """A free list whose profiles are loaded at START and STOP."""
    overlays: str = ""
    """Id of the service that has other values meanwhile; empty: it is no overlay."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run."""

    name: str
    resource: str
    state: str
    attempts: int
    began: datetime
    ended: datetime | None
    result: Any
    diff: list[tuple[str, Any, Any]]
    error: str
    resource_name: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a script, with its steps."""

    id: str
    booking: str
    event: str
    kind: str
    script: str
    version: str
    target: str
    previous: str
    generation: int
    retry: int
    epoch: int
    config_version: int
    worker: str
    began: datetime
    ended: datetime | None
    outcome: str
    reason: str
    message: str
    returned: dict[str, Any]
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a booking's action log."""

    at: datetime
    run: str
    severity: str
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of the change log."""

    position: str
    at: datetime
    kind: str
    id: str
    revision: int
    state: str
    before: str
    after: str
    actor: str
    why: str
    cause: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """One document of a catalogue as it is stored now: ``added``, ``changed``, ``removed`` or ``unchanged``."""

    kind: str
    name: str
    id: str
    change: str


@dataclass(frozen=True, slots=True)
class AppliedPage:
    """All documents, as they are stored now."""

    items: list[Applied]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that a plan changes."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class PlanStep:
    """What a plan does to one document: ``added``, ``changed`` or ``removed``."""

    kind: str
    name: str
    change: str
    fields: list[Difference]
    users: list[str]
    """Who still needs what would be removed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A script that a document names and that cannot be run for it."""

    kind: str
    name: str
    field: str
    script: str
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What documents would do to a catalogue, and at which version of it."""

    platform: str
    bundle: str
    version: int
    steps: list[PlanStep]
    unchanged: int
    losing: list[Losing]
    """What bookings would lose; without force nothing is done."""
    scripts: list[Gap] | None
    """None: the server does not know its scripts."""


@dataclass(frozen=True, slots=True)
class Export:
    """A catalogue as documents."""

    platform: str
    documents: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a list; ``next`` leads to the next one, None: this is the last."""

    items: list[R]
    next: str | None


@dataclass(frozen=True, slots=True)
class Ready:
    """Whether the server can do its work, part by part."""

    ready: bool
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that claims what is due, or runs it: ``here``, ``sender`` or ``runner``."""

    name: str
    host: str
    pid: int
    version: str
    role: str
    labels: list[str]
    alive: bool
    lease_until: datetime
    running: int


@dataclass(frozen=True, slots=True)
class Unreached:
    """Resources that no live worker reaches: the labels that one would need, and the first few names."""

    labels: list[str]
    resources: list[str]
    count: int


@dataclass(frozen=True, slots=True)
class Workers:
    """Who runs what is due, and what nobody reaches."""

    workers: list[Worker]
    unreached: list[Unreached]
    paused: tuple[str, ...] = ()
    """Platforms on which nothing begins."""


Document = Mapping[str, Any]
"""A document of the catalogue, as plain data: its fields are those of a bundle."""
