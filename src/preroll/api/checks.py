# SPDX-License-Identifier: Apache-2.0
"""The checks of a service definition as a bundle and the API write them: one shape for the parameters of each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from preroll.api.fields import Given, JsonObject, Length, Name, Shown, Span
from preroll.domain.audit import REFERENCE, AuditSpec, OnUnknown
from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.window import SECOND

Event = Literal["START_BOOKING_WITH_PREROLL", "START", "STOP", "STOP_BOOKING_WITH_POSTROLL", "VERIFY"]
A_REFERENCE = {"type": "string", "pattern": f"^{REFERENCE.pattern}$", "description": "a value of the booking"}


class OrReference:
    """The type before it, or a reference to a value of the booking that will have it: ``${encoder.address.port}``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Lets references through, whatever the type is."""
        return core_schema.no_info_wrap_validator_function(_or_reference, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Either."""
        return {"anyOf": [handler(schema), A_REFERENCE]}


def _or_reference(value: Any, otherwise: Callable[[Any], Any]) -> Any:
    return value if isinstance(value, str) and REFERENCE.fullmatch(value) else otherwise(value)


Text = Annotated[str, Field(max_length=2000)]
Host = Annotated[str, Field(min_length=1, max_length=300, description="a name or an address")]
Port = Annotated[int, Field(ge=1, le=65535), OrReference()]
Patience = Annotated[float, Field(gt=0, le=600, strict=False, description="seconds"), OrReference()]
Positive = Annotated[float, Field(gt=0, strict=False, allow_inf_nan=False), OrReference()]
Share = Annotated[float, Field(ge=0, le=1, strict=False), OrReference()]
Level = Annotated[float, Field(le=0, ge=-200, strict=False), OrReference()]
Luma = Annotated[float, Field(ge=0, le=255, strict=False), OrReference()]
Flag = Annotated[bool, OrReference()]
Status = Annotated[int, Field(ge=100, le=599), OrReference()]
Count = Annotated[int, Field(ge=1, le=100), OrReference()]
Kbit = Annotated[float, Field(gt=0, le=1_000_000, strict=False), OrReference()]
Lasting = Annotated[float, Field(ge=0.2, le=60, strict=False), OrReference()]
Size = Annotated[str, Field(pattern=r"^\d+x\d+$"), OrReference()]


class TcpGiven(Given):
    """Connects and hangs up."""

    host: Host
    port: Port
    patience: Patience = 3.0


class HttpGiven(Given):
    """Asks once, and compares status, text and values of the body."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    status: Status = 200
    contains: Text = ""
    json_: JsonObject = Field(default={}, alias="json", description="dotted path -> value in a JSON body")
    headers: dict[Name, Text] = Field(default={}, max_length=100)
    method: Literal["GET", "HEAD", "OPTIONS"] = "GET"
    patience: Patience = 5.0


class PingGiven(Given):
    """Sends echo requests."""

    host: Host
    count: Count = 3
    lost: Share = Field(default=0.0, description="the share that may get no answer")
    most_ms: Positive | None = Field(default=None, description="mean time, milliseconds")
    patience: Patience = 1.0


class StreamGiven(Given):
    """Decodes a stream or a file; what is left out is not looked at."""

    source: Annotated[str, Field(min_length=1, max_length=2000, examples=["udp://127.0.0.1:5000"])]
    codec: Text | None = None
    size: Size | None = None
    fps: Positive | None = Field(default=None, description="within a fifth")
    kbit: Positive | None = Field(default=None, description="kbit/s, within half")
    audio: Flag | None = Field(default=None, description="is there a sound track?")
    loud: Level | None = Field(default=None, description="peak of the sound, dBFS, below which it is silence")
    luma: Luma = Field(default=20.0, description="mean brightness below which the picture is black")
    duration: Positive | None = Field(default=None, description="seconds; for files")
    seconds: Patience = 1.5
    patience: Patience = 5.0


class ThroughputGiven(Given):
    """Sends over TCP, and measures what arrives."""

    host: Host
    port: Port
    kbit: Kbit = Field(description="kbit/s expected")
    tolerance: Share = 0.2
    more: Flag = Field(default=False, description="a higher rate is fine too")
    seconds: Lasting = 2.0
    arrives: Port | None = Field(default=None, description="the port of this machine at which it comes out")
    listen: Host = "127.0.0.1"


class ConfigGiven(Given):
    """Reads devices, and compares with what was last applied for the booking."""

    node: Text = Field(default="", description="label of the node; empty: every node")
    values: JsonObject = Field(default={}, description="by the driver's paths; empty: the values last applied")
    ignore: list[Name] = Field(default=[], max_length=1000, description="paths that may differ")
    only: list[Name] = Field(
        default=[], max_length=100, description="beginnings of paths under which nothing else may be on the device"
    )
    tolerance: Share = 0.0


class CheckGiven(Given):
    """What every check has."""

    name: Name
    after: list[Event] = Field(
        default=["START"],
        max_length=5,
        description="events after whose success it is made, VERIFY: before an order's deployment is decided; empty: "
        "when asked for",
    )
    within: Span = Field(
        default=5, validate_default=True, description="for so long it is looked at again before it counts as Down"
    )
    unknown: Annotated[OnUnknown, Field(strict=False)] = Field(
        default=OnUnknown.DOWN, description="what a check that could not be made counts as"
    )

    def thing(self) -> AuditSpec:
        """As the domain has it; only what was given is kept, so that defaults stay those of the program."""
        given: Given = getattr(self, "parameters")  # noqa: B009 - every kind of check has its own
        kind: str = getattr(self, "kind")  # noqa: B009 - as above
        fields = type(given).model_fields.items()
        parameters = {f.alias or name: getattr(given, name) for name, f in fields if name in given.model_fields_set}
        return AuditSpec(self.name, kind, parameters, tuple(self.after), self.within, self.unknown)


class TcpAuditGiven(CheckGiven):
    """Does somebody listen there?"""

    kind: Literal["tcp"]
    parameters: TcpGiven


class HttpAuditGiven(CheckGiven):
    """Does it answer over HTTP, and say what it should?"""

    kind: Literal["http"]
    parameters: HttpGiven


class PingAuditGiven(CheckGiven):
    """Does it answer to an echo request?"""

    kind: Literal["ping"]
    parameters: PingGiven


class StreamAuditGiven(CheckGiven):
    """Is there a picture, with sound?"""

    kind: Literal["stream"]
    parameters: StreamGiven


class ThroughputAuditGiven(CheckGiven):
    """How much gets through?"""

    kind: Literal["throughput"]
    parameters: ThroughputGiven


class ConfigAuditGiven(CheckGiven):
    """Is the device as we left it?"""

    kind: Literal["config"]
    parameters: ConfigGiven = ConfigGiven()


AuditGiven = Annotated[
    TcpAuditGiven | HttpAuditGiven | PingAuditGiven | StreamAuditGiven | ThroughputAuditGiven | ConfigAuditGiven,
    Field(discriminator="kind"),
]
PARAMETERS: dict[str, type[Given]] = {
    "tcp": TcpGiven,
    "http": HttpGiven,
    "ping": PingGiven,
    "stream": StreamGiven,
    "throughput": ThroughputGiven,
    "config": ConfigGiven,
}
"""Kind -> the shape of its parameters."""


class AuditShown(Shown):
    """One check that a service definition asks for."""

    name: str
    kind: str
    parameters: dict[str, Any]
    after: list[str]
    within: float
    unknown: OnUnknown


def audit_shown(a: AuditSpec) -> AuditShown:
    """A check of a definition."""
    return AuditShown(
        name=a.name, kind=a.kind, parameters=dict(a.parameters), after=list(a.after), within=a.within_us / 1e6,
        unknown=a.unknown,
    )  # fmt: skip


class AuditScheduleGiven(Given):
    """When services are audited by themselves: by an interval, by a calendar, or by both."""

    every: Length | None = Field(default=None, description="after the audit before; a minute to 366 days; null: not so")
    weekly: Annotated[str, Field(max_length=500)] = Field(
        default="", description="by the platform's clock on the wall; empty: not so",
        examples=["daily 03:00", "mon,thu 03:00; sat 12:30"],
    )  # fmt: skip

    def thing(self) -> AuditSchedule:
        """As the domain has it."""
        return AuditSchedule(self.every, self.weekly)


class AuditScheduleShown(Shown):
    """When services are audited by themselves; the interval in seconds."""

    every: float | None
    weekly: str


def audit_schedule_shown(s: AuditSchedule) -> AuditScheduleShown:
    """When services are audited by themselves."""
    return AuditScheduleShown(every=None if s.every_us is None else s.every_us / SECOND, weekly=s.weekly)
