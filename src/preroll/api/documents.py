# SPDX-License-Identifier: Apache-2.0
"""Catalogue documents: the same shapes in a bundle's YAML, in ``POST /api/v1/catalogue`` and in every list."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from preroll.api.checks import AuditGiven, AuditScheduleGiven
from preroll.api.fields import Given, JsonObject, Name, Prose, Word
from preroll.api.opening_hours import AvailabilityGiven
from preroll.api.platform_documents import PlatformGiven
from preroll.domain.bundle import Bundle
from preroll.domain.capacity import LARGEST, Capability
from preroll.domain.connection import Connection
from preroll.domain.definition import AutoSelect, CreatedAction, Node, Publication, ServiceDefinition
from preroll.domain.function import Direction, Function, Interface, Pool
from preroll.domain.parameter import MOST_DECIMALS, Parameter, ParameterKind, ValueType
from preroll.domain.profile import ProfileBy, ProfileDefinition, ProfileInstance
from preroll.domain.resource import Mode, Resource

Small = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Choice = Field(strict=False)


Amount = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Bound = Annotated[float, Field(allow_inf_nan=False)] | None


class CapabilityGiven(Given):
    """What a resource can do in one respect: choices, or a range, or a text, or what overlapping bookings agree on."""

    choices: list[Name] = Field(default=[], max_length=1000)
    minimum: Bound = None
    maximum: Bound = None
    text: Annotated[str, Field(max_length=1000)] | None = None
    time_dependent: bool = Field(default=False, description="bookings that overlap must ask for the same text")

    def thing(self) -> Capability:
        """As the domain has it."""
        return Capability(tuple(self.choices), self.minimum, self.maximum, self.text, self.time_dependent)


class ResourceGiven(Given):
    """A thing that can be booked, and how to reach it."""

    kind: Literal["resource"] = "resource"
    name: Name
    driver: Name = "sim"
    address: JsonObject = Field(default={}, description="what the driver needs to reach it")
    function: Word = ""
    pools: list[Name] = Field(default=[], max_length=100)
    concurrency: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    capacities: dict[Name, Amount] = Field(default={}, max_length=100, description="parameter -> how much there is")
    capabilities: dict[Name, CapabilityGiven] = Field(
        default={}, max_length=100, description="parameter -> what it can"
    )
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000, description="lower is taken first")] = 0
    mode: Annotated[Mode, Choice] = Mode.AVAILABLE
    hands_off: bool = Field(default=False, description="nothing is sent to it")
    availability: AvailabilityGiven | None = Field(default=None, description="when it can be booked; null: always")
    device: Word = Field(
        default="", description="the box behind it; resources of one device are never configured at once"
    )
    properties: JsonObject = Field(default={})
    labels: dict[str, str] = Field(
        default={}, max_length=20, description="from where it can be reached: only workers that have all of them run it"
    )

    def thing(self) -> Resource:
        """As the domain has it."""
        return Resource(
            name=self.name, driver=self.driver, address=self.address, function=self.function, pools=tuple(self.pools),
            concurrency=self.concurrency, capacities=self.capacities,
            capabilities={name: c.thing() for name, c in self.capabilities.items()},
            priority=self.priority, mode=self.mode, device=self.device, properties=self.properties,
            labels=self.labels, hands_off=self.hands_off,
            availability=self.availability.thing() if self.availability else None,
        )  # fmt: skip


class PoolGiven(Given):
    """Resources from which one is chosen; which they are, they say themselves."""

    kind: Literal["pool"] = "pool"
    name: Name
    description: Prose = ""
    properties: JsonObject = Field(default={})

    def thing(self) -> Pool:
        """As the domain has it."""
        return Pool(self.name, self.description, self.properties)


class InterfaceGiven(Given):
    """Where a function is connected with others."""

    name: Name
    direction: Annotated[Direction, Choice] = Direction.INOUT
    profile: Word = Field(default="", description="name of the profile definition of what passes; empty: anything")
    optional: bool = Field(default=True, description="false: connected in every published service definition")

    def thing(self) -> Interface:
        """As the domain has it."""
        return Interface(self.name, self.direction, self.profile, self.optional)


class FunctionGiven(Given):
    """What a resource can do, such as encoding; which resources can, they say themselves."""

    kind: Literal["function"] = "function"
    name: Name
    description: Prose = ""
    profile: Word = Field(default="", description="name of the profile definition that its nodes take")
    interfaces: list[InterfaceGiven] = Field(default=[], max_length=100)
    properties: JsonObject = Field(default={})

    def thing(self) -> Function:
        """As the domain has it."""
        interfaces = tuple(i.thing() for i in self.interfaces)
        return Function(self.name, self.description, self.profile, interfaces, self.properties)


class ParameterGiven(Given):
    """One value that a function takes."""

    name: Name
    type: Annotated[ValueType, Choice] = ValueType.TEXT
    kinds: list[Annotated[ParameterKind, Choice]] = Field(default=[ParameterKind.CONFIGURATION], max_length=4)
    path: Word = Field(default="", description="where the driver finds it; default: the name")
    unit: Word = ""
    minimum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    maximum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    step: Bound = Field(default=None, description="a number is the minimum (or 0) plus a multiple of this")
    decimals: int | None = Field(default=None, ge=0, le=MOST_DECIMALS, description="digits after the point")
    choices: list[Name] = Field(default=[], max_length=1000)
    display: dict[Name, Name] = Field(default={}, max_length=1000, description="choice -> how it is shown to people")
    default: str | bool | int | float | None = None
    mandatory: bool = False
    secret: bool = Field(
        default=False,
        description="its values are references such as env:NAME, file:PATH, keyring:NAME or vault:MOUNT/PATH#FIELD",
    )
    editable_after_deploy: bool = Field(
        default=True, description="may an order change it on a service that is deployed?"
    )

    def thing(self) -> Parameter:
        """As the domain has it."""
        return Parameter(
            name=self.name, type=self.type, kinds=tuple(self.kinds), path=self.path, unit=self.unit,
            minimum=self.minimum, maximum=self.maximum, choices=tuple(self.choices), default=self.default,
            mandatory=self.mandatory, step=self.step, decimals=self.decimals, display=self.display, secret=self.secret,
            editable_after_deploy=self.editable_after_deploy,
        )  # fmt: skip


class ProfileDefinitionGiven(Given):
    """The parameters of a function, and the profile-load script of each driver that needs one of its own."""

    kind: Literal["profile_definition"] = "profile_definition"
    name: Name
    parameters: list[ParameterGiven] = Field(default=[], max_length=1000)
    loads: dict[Name, Name] = Field(default={}, max_length=100, description="driver -> profile-load script")

    def thing(self) -> ProfileDefinition:
        """As the domain has it."""
        return ProfileDefinition(self.name, tuple(p.thing() for p in self.parameters), self.loads)


class ProfileInstanceGiven(Given):
    """Values for a definition, and those that differ in a service state, on top of what it derives from."""

    kind: Literal["profile_instance"] = "profile_instance"
    name: Name
    definition: Name = Field(description="name of the profile definition")
    parent: Word = Field(default="", description="name of the instance that it derives from, of the same definition")
    values: JsonObject = Field(default={})
    states: dict[Name, JsonObject] = Field(default={}, max_length=100, description="service state -> values in it")
    variants: dict[Name, Name] = Field(
        default={}, max_length=100, description="service state -> name of the instance whose values apply in it"
    )

    def thing(self) -> ProfileInstance:
        """As the domain has it."""
        return ProfileInstance(
            self.name, self.definition, self.values, self.states, parent=self.parent, variants=self.variants
        )


class CreatedActionGiven(Given):
    """A script that runs before a booking is Confirmed, on every confirm."""

    script: Name
    parameters: dict[Name, Annotated[str, Field(max_length=10_000)]] = Field(
        default={}, max_length=100, description="`[RESERVATIONID]` in a value is the booking's id"
    )

    def thing(self) -> CreatedAction:
        """As the domain has it."""
        return CreatedAction(self.script, self.parameters)


class NodeGiven(Given):
    """A place in the service that a resource fills."""

    label: Name
    function: Word = ""
    pool: Word = ""
    optional: bool = False
    profile: Word = Field(default="", description="name of the profile definition that the node takes")
    default_profile: Word = Field(
        default="", description="name of the profile instance that is used when none is chosen"
    )
    order: Small = 0
    profile_by: Annotated[ProfileBy, Choice] = Field(
        default=ProfileBy.REFERENCE, description="is its profile copied when it is chosen, or read at each event?"
    )
    auto_select: Annotated[AutoSelect, Choice] | None = Field(
        default=None, description="when it takes a resource by itself; default: create, of an optional node never"
    )

    hidden: bool = Field(default=False, description="not shown to people who book")
    properties: JsonObject = Field(default={})
    created_action: CreatedActionGiven | None = Field(
        default=None, description="what runs before the booking is Confirmed; or the property Created Booking Action"
    )
    editable_after_deploy: bool = Field(
        default=True, description="may an order change it, its resource included, on a service that is deployed?"
    )

    def thing(self) -> Node:
        """As the domain has it."""
        return Node(
            self.label, self.function, self.pool, self.optional, self.profile, self.default_profile, self.order,
            self.profile_by, hidden=self.hidden, properties=self.properties, auto_select=self.auto_select,
            created_action=self.created_action.thing() if self.created_action else None,
            editable_after_deploy=self.editable_after_deploy,
        )  # fmt: skip


class ConnectionGiven(Given):
    """From the output of one node to the input of another; the profile definitions of both must agree."""

    source: Name = Field(description="label of a node")
    output: Word = Field(default="", description="an interface of its function; left out when that declares none")
    target: Name = Field(description="label of another node")
    input: Word = Field(default="", description="an interface of its function; left out when that declares none")

    def thing(self) -> Connection:
        """As the domain has it."""
        return Connection(self.source, self.target, self.output, self.input)


class ServiceDefinitionGiven(Given):
    """Which nodes form a service, and which script each service state runs. A change is stored as a new version."""

    kind: Literal["service_definition"] = "service_definition"
    name: Name
    description: Prose = ""
    nodes: list[NodeGiven] = Field(default=[], max_length=1000)
    connections: list[ConnectionGiven] = Field(default=[], max_length=5000)
    actions: dict[Name, Name] = Field(default={}, max_length=100, description="service state -> LSO script")
    audits: list[AuditGiven] = Field(default=[], max_length=100, description="checks that show that it is up")
    service_audits: AuditScheduleGiven | None = Field(
        default=None, description="when its services are audited by themselves; null: as the platform says"
    )
    publication: Annotated[Publication, Choice] = Publication.PUBLISHED
    properties: JsonObject = Field(default={})

    def thing(self) -> ServiceDefinition:
        """As the domain has it."""
        nodes = tuple(n.thing() for n in self.nodes)
        audits = tuple(a.thing() for a in self.audits)
        return ServiceDefinition(
            self.name, nodes=nodes, actions=self.actions, audits=audits, publication=self.publication,
            description=self.description, connections=tuple(c.thing() for c in self.connections),
            properties=self.properties,
            service_audits=self.service_audits.thing() if self.service_audits else None,
        )  # fmt: skip


class BundleGiven(Given):
    """The name of a bundle: what it created it may remove, with ``--prune``."""

    kind: Literal["bundle"] = "bundle"
    name: Name

    def thing(self) -> Bundle:
        """As the domain has it."""
        return Bundle(self.name)


DocumentGiven = Annotated[
    BundleGiven
    | PlatformGiven
    | PoolGiven
    | FunctionGiven
    | ResourceGiven
    | ProfileDefinitionGiven
    | ProfileInstanceGiven
    | ServiceDefinitionGiven,
    Field(discriminator="kind"),
]
