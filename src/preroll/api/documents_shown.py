# SPDX-License-Identifier: Apache-2.0
"""Catalogue documents as the API shows them: what was given, with its id and its revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from preroll.api.checks import AuditScheduleShown, AuditShown, audit_schedule_shown, audit_shown
from preroll.api.fields import Shown
from preroll.api.opening_hours import AvailabilityShown, opening_hours_shown
from preroll.domain.capacity import Capability
from preroll.domain.definition import AutoSelect, CreatedAction, Publication, ServiceDefinition
from preroll.domain.function import Direction, Function, Pool
from preroll.domain.inheritance import Resolved
from preroll.domain.parameter import ParameterKind, ValueType
from preroll.domain.profile import ProfileBy, ProfileDefinition, ProfileInstance
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
    hands_off: bool
    availability: AvailabilityShown | None
    device: str
    properties: dict[str, Any]
    labels: dict[str, str]


class PoolShown(DocumentShown):
    """Resources from which one is chosen."""

    description: str
    properties: dict[str, Any]


class InterfaceShown(Shown):
    """Where a function is connected with others."""

    name: str
    direction: Direction
    profile: str
    optional: bool


class FunctionShown(DocumentShown):
    """What a resource can do."""

    description: str
    profile: str
    interfaces: list[InterfaceShown]
    properties: dict[str, Any]


class ParameterShown(Shown):
    """One value that a function takes."""

    name: str
    type: ValueType
    kinds: list[ParameterKind]
    path: str
    unit: str
    minimum: float | None
    maximum: float | None
    step: float | None
    decimals: int | None
    choices: list[str]
    display: dict[str, str]
    default: Any
    mandatory: bool
    secret: bool
    editable_after_deploy: bool = Field(description="may an order change it on a service that is deployed?")


class ProfileDefinitionShown(DocumentShown):
    """The parameters of a function."""

    parameters: list[ParameterShown]
    loads: dict[str, str]


class ProfileInstanceShown(DocumentShown):
    """Values for a profile definition."""

    definition: str
    parent: str
    values: dict[str, Any]
    states: dict[str, dict[str, Any]]
    variants: dict[str, str]


class ValueShown(Shown):
    """A value, and in which profile instance it stands."""

    value: Any
    source: str = Field(description="name of the profile instance")


class ResolvedShown(Shown):
    """What a profile instance says with all that it inherits."""

    id: str
    name: str
    definition: str
    values: dict[str, ValueShown]
    states: dict[str, dict[str, ValueShown]] = Field(description="service state -> the values that differ in it")


class CreatedActionShown(Shown):
    """A script that runs before a booking is Confirmed."""

    script: str
    parameters: dict[str, str]


class NodeShown(Shown):
    """A place in the service that a resource fills."""

    label: str
    function: str
    pool: str
    optional: bool
    profile: str
    default_profile: str
    order: int
    profile_by: ProfileBy
    auto_select: AutoSelect | None
    hidden: bool
    editable_after_deploy: bool = Field(description="may an order change it on a service that is deployed?")
    properties: dict[str, Any]
    created_action: CreatedActionShown | None


class ConnectionShown(Shown):
    """From the output of one node to the input of another."""

    source: str
    output: str
    target: str
    input: str


class ServiceDefinitionShown(DocumentShown):
    """One version of a service definition; ``revision`` is its version."""

    description: str
    nodes: list[NodeShown]
    connections: list[ConnectionShown]
    actions: dict[str, str]
    audits: list[AuditShown]
    service_audits: AuditScheduleShown | None = Field(description="null: as the platform says")
    publication: Publication
    properties: dict[str, Any]


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
        hands_off=r.hands_off, availability=opening_hours_shown(r.availability),
    )  # fmt: skip


def pool_shown(p: Pool) -> PoolShown:
    """A pool."""
    return PoolShown(
        kind="pool", id=p.id, name=p.name, revision=p.revision, description=p.description,
        properties=dict(p.properties),
    )  # fmt: skip


def function_shown(f: Function) -> FunctionShown:
    """A function."""
    interfaces = [
        InterfaceShown(name=i.name, direction=i.direction, profile=i.profile, optional=i.optional)
        for i in f.interfaces
    ]  # fmt: skip
    return FunctionShown(
        kind="function", id=f.id, name=f.name, revision=f.revision, description=f.description, profile=f.profile,
        interfaces=interfaces, properties=dict(f.properties),
    )  # fmt: skip


def profile_definition_shown(p: ProfileDefinition) -> ProfileDefinitionShown:
    """A profile definition."""
    parameters = [
        ParameterShown(
            name=x.name, type=x.type, kinds=list(x.kinds), path=x.path, unit=x.unit,
            minimum=x.minimum, maximum=x.maximum, step=x.step, decimals=x.decimals, choices=list(x.choices),
            display=dict(x.display), default=x.default, mandatory=x.mandatory, secret=x.secret,
            editable_after_deploy=x.editable_after_deploy,
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
        parent=i.parent, variants=dict(i.variants),
    )  # fmt: skip


def resolved_shown(i: ProfileInstance, said: Resolved) -> ResolvedShown:
    """A profile instance with all that it inherits."""
    return ResolvedShown(
        id=i.id, name=i.name, definition=i.definition, values=_sourced(said.values, said.sources),
        states={state: _sourced(found, said.state_sources[state]) for state, found in said.states.items()},
    )  # fmt: skip


def _sourced(values: Mapping[str, object], sources: Mapping[str, str]) -> dict[str, ValueShown]:
    return {name: ValueShown(value=value, source=sources[name]) for name, value in values.items()}


def _created_shown(action: CreatedAction | None) -> CreatedActionShown | None:
    return None if action is None else CreatedActionShown(script=action.script, parameters=dict(action.parameters))


def service_definition_shown(d: ServiceDefinition) -> ServiceDefinitionShown:
    """A version of a service definition."""
    nodes = [
        NodeShown(
            label=n.label, function=n.function, pool=n.pool, optional=n.optional, profile=n.profile,
            default_profile=n.default_profile, order=n.order, profile_by=n.profile_by,
            auto_select=n.auto_select, hidden=n.hidden, properties=dict(n.properties),
            editable_after_deploy=n.editable_after_deploy,
            created_action=_created_shown(n.created_action),
        )
        for n in d.nodes
    ]  # fmt: skip
    return ServiceDefinitionShown(
        kind="service_definition", id=d.id, name=d.name, revision=d.version, nodes=nodes, actions=dict(d.actions),
        audits=[audit_shown(a) for a in d.audits],
        service_audits=audit_schedule_shown(d.service_audits) if d.service_audits is not None else None,
        publication=d.publication, description=d.description,
        connections=[
            ConnectionShown(source=c.source, output=c.output, target=c.target, input=c.input) for c in d.connections
        ],
        properties=dict(d.properties),
    )  # fmt: skip
