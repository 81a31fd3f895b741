# SPDX-License-Identifier: Apache-2.0
"""Errors as programs read them: problems (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from preroll.api.fields import Shown, maybe_when, when
from preroll.api.known import known_fields, known_kinds
from preroll.domain.errors import (
    Clash,
    Conflict,
    Doomed,
    InUse,
    Invalid,
    Losing,
    Mistake,
    NotPermitted,
    NotReady,
    NotSignedIn,
    PrerollError,
    SignInLocked,
    Stale,
    TransitionNotAllowed,
    Way,
    WouldFail,
)
from preroll.domain.near import told
from preroll.gate.door import methods_at
from preroll.gate.statuses import HTTP_CODES, PROBLEMS, status_of

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class FieldProblem(Shown):
    """One thing wrong in the input."""

    where: str = Field(description="the field, as a dotted path", examples=["nodes.encoder.resource"])
    detail: str = Field(examples=["there is no resource ENC 9"])
    expected: str = Field(default="", examples=["the id or name of a resource"])


class ClashProblem(Shown):
    """One resource that is not free."""

    resource: str
    rival: str = Field(description="id of the booking that holds it")
    rival_name: str
    start: datetime
    end: datetime | None
    limit: float
    asked: float
    left: float
    dimension: str
    why: str
    opens: datetime | None = Field(default=None, description="it is closed then, and opens again at this time")
    nodes: Sequence[str] = Field(default=(), description="labels of the nodes that ask for it, of a refused booking")


class WayProblem(Shown):
    """One way out of a conflict."""

    text: str = Field(examples=["take ENC 2 for encoder"])
    node: str = Field(description="label of the node that takes another resource")
    resource: str = Field(description="name of that resource")
    start: datetime | None = Field(description="on-air start at which all that was asked for is free")
    rival: str = Field(description="id of the booking that would have to yield")


class LosingProblem(Shown):
    """What one booking would lose if the request were forced; the one to be saved may be among them."""

    booking: str
    name: str
    state: str
    resource: str = Field(description="empty: what it would lose is no resource")
    dimension: str = Field(description="empty: its place among those that hold the resource at once")
    amount: float
    start: datetime
    end: datetime | None
    type: str = Field(description="of conflict, or MissingValue", examples=["CapacityOverflow"])
    what: str = Field(examples=["LINK 1: 2 of bandwidth to Cup final"])
    runs: bool = Field(description="it loses nothing, and would be marked in conflict")
    reason: str = Field(description="what brings it about", examples=["CapacityDowngraded"])
    becomes: str = Field(description="its state then; of one that runs, the same as now", examples=["Quarantined"])


class DoomedProblem(Shown):
    """One event of a booking that would fail."""

    booking: str
    name: str
    state: str
    event: str = Field(examples=["START"])
    what: str = Field(examples=["STANDBY -> START is not allowed"])


class Problem(Shown):
    """What went wrong, for people and for programs (RFC 9457)."""

    type: str = Field(examples=["urn:preroll:problem:conflict"])
    title: str
    status: int
    detail: str
    code: str = Field(description="a stable word for programs", examples=["conflict"])
    hint: str = Field(default="", description="what to do next")
    errors: list[FieldProblem] = Field(default=[], description="every mistake in the input, or all that is missing")
    clashes: list[ClashProblem] = Field(default=[], description="who holds what, for code conflict")
    ways: list[WayProblem] = Field(default=[], description="what would solve it, best first, for code conflict")
    losing: list[LosingProblem] = Field(
        default=[], description="who would lose what if it were sent with `force`, for code conflict; first the first"
    )
    doomed: list[DoomedProblem] = Field(
        default=[], description="events that would fail if it were sent with `force`, for code would_fail"
    )
    possible: list[str] = Field(default=[], description="what the state admits, for code transition_not_allowed")
    roles: list[str] = Field(default=[], description="the roles that would do, for code not_permitted")
    seen: int | None = Field(default=None, description="the revision that the request was made on, for code stale")
    revision: int | None = Field(default=None, description="the revision that is stored, for code stale")


def problem_of(error: PrerollError) -> Problem:
    """The problem that tells of an error."""
    status, title = status_of(error)
    more: dict[str, Any] = {}
    match error:
        case Invalid(mistakes=mistakes) | NotReady(missing=mistakes):
            more["errors"] = _fields(mistakes)
        case Conflict(clashes=clashes, ways=ways, losing=losing):
            more["losing"] = [losing_shown(one) for one in losing]
            more["ways"] = [_way(w) for w in ways]
            more["clashes"] = [clash_shown(c) for c in clashes]
        case WouldFail(doomed=doomed):
            more["doomed"] = [_doomed(one) for one in doomed]
        case InUse(uses=found):
            more["errors"] = _fields(found)
        case TransitionNotAllowed(possible=possible):
            more["possible"] = list(possible)
        case NotPermitted(roles=roles):
            more["roles"] = list(roles)
        case Stale(seen=seen, stored=stored):
            more |= {"seen": seen, "revision": stored}
    return Problem(
        type=_urn(error.code), title=title, status=status, detail=str(error), code=error.code, hint=error.hint, **more
    )


def _headers(error: PrerollError) -> dict[str, str]:
    """What goes with a problem: when to try again, or how to sign in (RFC 6750)."""
    match error:
        case NotSignedIn():
            return {"WWW-Authenticate": 'Bearer realm="preroll"'}
        case SignInLocked(seconds=seconds):
            return {"Retry-After": str(seconds)}
        case _:
            return {"Retry-After": str(RETRY_AFTER_S)} if status_of(error)[0] == 503 else {}


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response; empty members are left out."""
    body = problem.model_dump_json(exclude_defaults=True)
    return Response(body, problem.status, dict(headers or {}), media_type=MEDIA_TYPE)


def http_problem(status: int, detail: str = "", hint: str = "") -> Problem:
    """A problem that the transport itself has."""
    code, title = HTTP_CODES.get(status, ("http", "The request was refused"))
    return Problem(type=_urn(code), title=title, status=status, detail=detail or title, code=code, hint=hint)


def refused_at_the_gate(_: Scope, error: NotPermitted | HTTPException) -> Response:
    """The answer to what does not pass a gate."""
    if isinstance(error, HTTPException):
        return answer(http_problem(error.status_code, error.detail))
    return answer(problem_of(error))


def install(api: FastAPI) -> None:
    """Answer every error with a problem."""

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, PrerollError)  # noqa: S101 - registered for this class
        return answer(problem_of(error), _headers(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
        if broken := next((e for e in error.errors() if e["type"] == "json_invalid"), None):
            reason = broken.get("ctx", {}).get("error", "")
            return answer(http_problem(400, f"the body is not JSON: {reason} at character {broken['loc'][-1]}"))
        return answer(problem_of(Invalid([_mistake(one, _shape(request, one)) for one in error.errors()])))

    async def transport(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
        if error.status_code == 405:
            allowed = ", ".join(methods_at(request))
            return answer(http_problem(405, hint=f"it knows {allowed}"), {"Allow": allowed})
        known = error.status_code in (400, 413, 415)
        return answer(http_problem(error.status_code, error.detail if known else ""), error.headers)

    async def unexpected(_: Request, __: Exception) -> Response:
        hint = "the server's log says more; report it, with the log, if it comes back"
        return answer(http_problem(500, hint=hint))

    api.add_exception_handler(PrerollError, refused)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, transport)
    api.add_exception_handler(Exception, unexpected)


# fmt: off
_WORDS: Mapping[str, tuple[str, str]] = {
    # pydantic's type   what                       expected
    "missing":         ("is missing",              "a value"),
    "model_attributes_type": ("is not an object",  "a JSON object"),
}
# fmt: on
_KINDS = {
    "a valid boolean": "true or false",
    "a valid string": "text",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid list": "a list",
    "a valid tuple": "a list",
    "a valid dictionary": "an object",
}  # fmt: skip
"""What pydantic expects, in plain words."""
_LENGTHS = {"string_too_short": ("short", "min_length"), "string_too_long": ("long", "max_length")}
A_UUID = "an id as the lists show it, such as 01890a5d-ac96-774b-bcce-b302099a8057"


def _characters(bound: str, limit: int) -> str:
    return f"at {'least' if bound == 'min_length' else 'most'} {limit} character{'s' * (limit != 1)}"


def mistakes_of(errors: Iterable[Mapping[str, Any]], shape: object) -> list[Mistake]:
    """Validation errors in the words of the domain.

    Args:
        shape: the type that was expected.
    """
    return [_mistake(error, (shape, error["loc"])) for error in errors]


Expected = tuple[object, Sequence[object]]
"""A type, and the way from there to what was refused."""


def _shape(request: Request, error: Mapping[str, Any]) -> Expected:
    """What a route expected where something was refused: its body, or the one model of its query."""
    route, (source, *loc) = request.scope["route"], error["loc"]
    fields = [route.body_field] if source == "body" else route.dependant.query_params
    return (fields[0].field_info.annotation, loc) if fields else (dict[str, object], loc)


def _mistake(error: Mapping[str, Any], expected: Expected) -> Mistake:
    where, kind, text = _where(error["loc"]), error["type"], error["msg"]
    context = error.get("ctx", {})
    if kind.startswith("union_tag_"):
        tag, known = context.get("tag"), known_kinds(*expected)
        what = "is missing" if tag is None else f"is {_short(tag)}"
        return Mistake(f"{where}.{context['discriminator'].strip(chr(39))}", what, told(tag or "", known))
    if kind == "extra_forbidden":
        return Mistake(where, "is not a known field", told(str(error["loc"][-1]), known_fields(*expected)))
    if kind in _WORDS:
        return Mistake(where, *_WORDS[kind])
    if "what" in context:
        return Mistake(where, context["what"], context.get("expected", ""))
    if kind in _LENGTHS:
        word, bound = _LENGTHS[kind]
        limit = context[bound]
        empty = kind == "string_too_short" and not error.get("input")
        return Mistake(where, "is empty" if empty else f"is too {word}", _characters(bound, limit))
    if kind.startswith("uuid_"):
        return Mistake(where, f"is {_short(error.get('input'))}", A_UUID)
    if kind == "int_parsing":
        return Mistake(where, f"is {_short(error.get('input'))}", "a whole number")
    for opening in ("Input should be ", "Value should be "):
        if text.startswith(opening):
            wanted = text.removeprefix(opening)
            return Mistake(where, f"is {_short(error.get('input'))}", _KINDS.get(wanted, wanted))
    return Mistake(where, text[:1].lower() + text[1:])


def _where(loc: Sequence[object]) -> str:
    """``nodes.encoder.resource`` for the body; ``query.limit``, ``header.if-match`` and ``path.ident`` for the rest."""
    parts = list(loc[1:] if loc and loc[0] == "body" else loc)
    if len(parts) > 2 and parts[0] == "documents":
        del parts[2]  # the kind, by which the document's shape was chosen
        if len(parts) > 4 and parts[2] == "audits":
            del parts[4]  # and the kind of the check
    return ".".join(str(part) for part in parts if part != "[key]") or "body"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(mistakes: Iterable[Mistake]) -> list[FieldProblem]:
    return [FieldProblem(where=m.where, detail=m.what, expected=m.expected) for m in mistakes]


def _way(way: Way) -> WayProblem:
    return WayProblem(
        text=way.text, node=way.node, resource=way.resource, start=maybe_when(way.start_us), rival=way.rival
    )


def losing_shown(one: Losing) -> LosingProblem:
    """What one booking would lose."""
    return LosingProblem(
        booking=one.booking, name=one.name, state=one.state, resource=one.resource, dimension=one.dimension,
        amount=one.amount, start=when(one.start_us), end=maybe_when(one.end_us), type=one.kind, what=one.what,
        runs=one.runs, reason=one.reason, becomes=one.becomes,
    )  # fmt: skip


def _doomed(one: Doomed) -> DoomedProblem:
    return DoomedProblem(booking=one.booking, name=one.name, state=one.state, event=one.event, what=one.what)


def clash_shown(clash: Clash) -> ClashProblem:
    """One rule that keeps a resource from being held."""
    return ClashProblem(
        resource=clash.resource, rival=clash.rival, rival_name=clash.rival_name, start=when(clash.start_us),
        end=maybe_when(clash.end_us), limit=clash.limit, asked=clash.asked, left=clash.left,
        dimension=clash.dimension, why=clash.why, opens=maybe_when(clash.opens_us), nodes=clash.nodes,
    )  # fmt: skip


def _urn(code: str) -> str:
    return f"urn:preroll:problem:{code}"


def problem_response(status: int) -> dict[str, Any]:
    """The description of a problem's response."""
    titles = dict.fromkeys(
        [f"{title} (`{kind.code}`)" for kind, (found, title) in PROBLEMS.items() if found == status]
        or [f"{HTTP_CODES[status][1]} (`{HTTP_CODES[status][0]}`)"]
    )
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": "; ".join(titles), "content": {MEDIA_TYPE: schema}}


def can(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can answer problems of these statuses; who is judged must first be known."""
    known = sorted({*statuses, 401}) if 403 in statuses else statuses
    return {status: problem_response(status) for status in known}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI description in which every error is a problem."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    parts = Problem.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    schemas |= parts.pop("$defs") | {"Problem": parts}
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if "HTTPValidationError" in str(response):
                    operation["responses"][status] = problem_response(int(status))
    return document
