# SPDX-License-Identifier: Apache-2.0
"""Catalogue documents as the API shows them: what was given, with its id and its revision."""

from __future__ import annotations

from typing import Any

from preroll.api.checks import AuditShown, audit_shown
from preroll.api.fields import Shown
from preroll.domain.capacity import Capability
from preroll.domain.config import Platform
from preroll.domain.definition import Publication, ServiceDefinition
from preroll.domain.profile import ParameterKind, ProfileDefinition, ProfileInstance, ValueType
from preroll.domain.resource import Mode, Resource


class DocumentShown(Shown):
    """What every document of a catalogue has."""

    kind: str
    id: str
    name: str
    revision: int


class CapabilityShown(Shown):
    """What a resource can do in one respect."""

    choices: list[str]
    minimum: float | None
    maximum: float | None
    text: str | None
    time_dependent: bool


class ResourceShown(DocumentShown):
    """A thing that can be booked, and how to reach it."""

    driver: str
    address: dict[str, Any]
    function: str
    pools: list[str]
    concurrency: int
    capacities: dict[str, float]
    capabilities: dict[str, CapabilityShown]
    priority: int
    mode: Mode
    device: str
    properties: dict[str, Any]
    labels: dict[str, str]


class ParameterShown(Shown):
    """One value that a function takes."""

    name: str
    type: ValueType
    kinds: list[ParameterKind]
    path: str
    unit: str
    minimum: float | None
    maximum: float | None
    choices: list[str]
    default: Any
    mandatory: bool


class ProfileDefinitionShown(DocumentShown):
    """The parameters of a function."""

    parameters: list[ParameterShown]
    loads: dict[str, str]


class ProfileInstanceShown(DocumentShown):
    """Values for a profile definition."""

    definition: str
    values: dict[str, Any]
    states: dict[str, dict[str, Any]]


class NodeShown(Shown):
    """A place in the service that a resource fills."""

    label: str
    function: str
    pool: str
    optional: bool
    profile: str
    default_profile: str
    order: int


class ServiceDefinitionShown(DocumentShown):
    """One version of a service definition; ``revision`` is its version."""

    nodes: list[NodeShown]
    actions: dict[str, str]
    audits: list[AuditShown]
    publication: Publication


class LimitsShown(Shown):
    """Time-outs and bounds; times in seconds."""

    lso: float
    step: float
    start_failure: float
    attempts: int
    backoff: float
    grace: float
    simultaneous_lso: int
    late: float | None


class ServiceStatesShown(Shown):
    """Stage mapping and transition table."""

    mapping: dict[str, str | None]
    transitions: list[tuple[str, str]]


class PlatformShown(DocumentShown):
    """A platform with its settings; ``revision`` is the version of the settings."""

    zone: str
    service_states: ServiceStatesShown
    limits: LimitsShown
    start_failure_script: str
    start_failure_on_failed_events: bool
    lock_bookings: bool


def _capability_shown(c: Capability) -> CapabilityShown:
    return CapabilityShown(
        choices=list(c.choices), minimum=c.minimum, maximum=c.maximum, text=c.text, time_dependent=c.time_dependent
    )


def resource_shown(r: Resource) -> ResourceShown:
    """A resource."""
    return ResourceShown(
        kind="resource", id=r.id, name=r.name, revision=r.revision, driver=r.driver, address=dict(r.address),
        function=r.function, pools=list(r.pools), concurrency=r.concurrency, priority=r.priority, mode=r.mode,
        capacities=dict(r.capacities), capabilities={n: _capability_shown(c) for n, c in r.capabilities.items()},
        device=r.device, properties=dict(r.properties), labels=dict(r.labels),
    )  # fmt: skip


def profile_definition_shown(p: ProfileDefinition) -> ProfileDefinitionShown:
    """A profile definition."""
    parameters = [
        ParameterShown(
            name=x.name, type=x.type, kinds=list(x.kinds), path=x.path, unit=x.unit,
            minimum=x.minimum, maximum=x.maximum, choices=list(x.choices), default=x.default, mandatory=x.mandatory,
        )
        for x in p.parameters
    ]  # fmt: skip
    return ProfileDefinitionShown(
        kind="profile_definition", id=p.id, name=p.name, revision=p.revision, parameters=parameters,
        loads=dict(p.loads),
    )  # fmt: skip


def profile_instance_shown(i: ProfileInstance) -> ProfileInstanceShown:
    """A profile instance."""
    return ProfileInstanceShown(
        kind="profile_instance", id=i.id, name=i.name, revision=i.revision, definition=i.definition,
        values=dict(i.values), states={state: dict(values) for state, values in i.states.items()},
    )  # fmt: skip


def service_definition_shown(d: ServiceDefinition) -> ServiceDefinitionShown:
    """A version of a service definition."""
    nodes = [
        NodeShown(
            label=n.label, function=n.function, pool=n.pool, optional=n.optional, profile=n.profile,
            default_profile=n.default_profile, order=n.order,
        )
        for n in d.nodes
    ]  # fmt: skip
    return ServiceDefinitionShown(
        kind="service_definition", id=d.id, name=d.name, revision=d.version, nodes=nodes, actions=dict(d.actions),
        audits=[audit_shown(a) for a in d.audits], publication=d.publication,
    )  # fmt: skip


def platform_shown(p: Platform) -> PlatformShown:
    """A platform with its settings."""
    c, limits, second = p.config, p.config.limits, 1_000_000
    return PlatformShown(
        kind="platform", id=p.id, name=p.name, revision=c.version, zone=p.zone,
        service_states=ServiceStatesShown(
            mapping={stage.value: state for stage, state in c.service_states.mapping.items()},
            transitions=list(c.service_states.transitions),
        ),
        limits=LimitsShown(
            lso=limits.lso_us / second, step=limits.step_us / second, start_failure=limits.start_failure_us / second,
            attempts=limits.attempts, backoff=limits.backoff_us / second, grace=limits.grace_us / second,
            simultaneous_lso=limits.simultaneous_lso,
            late=None if limits.late_us is None else limits.late_us / second,
        ),
        start_failure_script=c.start_failure_script, start_failure_on_failed_events=c.start_failure_on_failed_events,
        lock_bookings=c.lock_bookings,
    )  # fmt: skip
