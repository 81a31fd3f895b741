# SPDX-License-Identifier: Apache-2.0
"""Errors as people read them: a page, or a message on the page that one is on, with what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from preroll.domain.errors import (
    Conflict,
    InUse,
    Invalid,
    Mistake,
    NotPermitted,
    NotReady,
    NotSignedIn,
    PrerollError,
    WouldFail,
)
from preroll.gate.statuses import HTTP_CODES, status_of
from preroll.web.appearance import wished
from preroll.web.frame import frame
from preroll.web.seal import SEALS
from preroll.web.templating import render

# fmt: off
TO_DO: Mapping[int, str] = {
    # status  what to do, where the error itself does not say it
    403: "An administrator can give you the role.",
    404: "It may have been deleted, or you may not see it. Go back, or begin at the first page.",
    409: "Look at the page again: something has changed since it was shown.",
    412: "Look at the page again, then repeat the change if it still makes sense.",
    413: "Send less at once.",
    422: "Correct what is listed, and send it again.",
    429: "Wait a moment, then try again.",
    500: "Try again. If it comes back, the server's log says more: report it with the log.",
    503: "Wait a moment, then try again. What runs goes on; nothing was changed.",
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong."""

    status: int
    title: str
    detail: str = ""
    to_do: str = ""
    listed: Sequence[str] = ()


def problem_of(error: PrerollError) -> Problem:
    """What is told of an error."""
    status, title = status_of(error)
    listed: list[str] = []
    match error:
        case NotPermitted(roles=roles) if roles:
            return Problem(status, title, f"It needs the role {' or '.join(roles)}.", TO_DO[status])
        case Invalid(mistakes=found) | NotReady(missing=found) | InUse(uses=found):
            listed = [_told(mistake) for mistake in found]
        case Conflict(clashes=clashes, ways=ways, losing=losing):
            listed = [*dict.fromkeys(map(str, clashes or losing)), *(f"way out: {way.text}" for way in ways)]
        case WouldFail(doomed=doomed, count=count):
            listed = [*map(str, doomed), *([f"and {count - len(doomed)} more"] if count > len(doomed) else [])]
    return Problem(status, title, str(error), error.hint or TO_DO.get(status, ""), listed)


def _told(mistake: Mistake) -> str:
    expected = f" (expected: {mistake.expected})" if mistake.expected else ""
    return f"{mistake.where} {mistake.what}{expected}"


def _of_transport(status: int, detail: str = "") -> Problem:
    title = HTTP_CODES.get(status, ("", "The request was refused"))[1]
    return Problem(status, title, detail, TO_DO.get(status, ""))


def is_partial(request: Request) -> bool:
    """Does htmx ask, for a part of a page?"""
    return request.headers.get("hx-request") == "true"


def answer(request: Request, problem: Problem) -> Response:
    """The problem: a message on the page that asked, or a page of its own."""
    sealed = {**SEALS, "Cache-Control": "no-store"}
    if is_partial(request):
        beside = {"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"}
        return HTMLResponse(render("_problem.html", {"problem": problem}), problem.status, {**sealed, **beside})
    told = render("problem.html", {"problem": problem, "wished": wished(request), "frame": None})
    return HTMLResponse(told, problem.status, sealed)


async def answer_around(request: Request, problem: Problem) -> Response:
    """The same, with the way to every other page around it, where who asks may go there."""
    if not is_partial(request):
        with suppress(Exception):  # nobody is signed in, or what is around it is what went wrong
            page = (await frame(request)).part("problem.html", problem.status, problem=problem, path="")
            page.headers.update(SEALS)
            return page
    return answer(request, problem)


def to_sign_in(request: Request) -> Response:
    """On to signing in, and back to where one was."""
    if is_partial(request):
        found = urlsplit(request.headers.get("hx-current-url", "/"))
        headers = {"HX-Redirect": _sign_in(found.path, found.query), **SEALS}
        return Response(status_code=401, headers=headers)
    if request.method not in ("GET", "HEAD") or "text/event-stream" in request.headers.get("accept", ""):
        return answer(request, Problem(401, "You are not signed in", to_do="Sign in, then repeat the change."))
    return RedirectResponse(_sign_in(request.url.path, request.url.query), 303, {"Cache-Control": "no-store"})


def _sign_in(path: str, query: str) -> str:
    where = f"{path}?{query}" if query else path
    return "/signin" if where == "/" else f"/signin?returns={quote(where, safe='')}"


def refused_at_the_gate(scope: Scope, error: NotPermitted | HTTPException) -> Response:
    """The answer to what does not pass a gate."""
    if isinstance(error, HTTPException):
        return answer(Request(scope), _of_transport(error.status_code, error.detail))
    return answer(Request(scope), problem_of(error))


def install(pages: FastAPI) -> None:
    """Answer every error in a way that helps."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, PrerollError)  # noqa: S101 - registered for this class
        return (
            to_sign_in(request) if isinstance(error, NotSignedIn) else await answer_around(request, problem_of(error))
        )

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
        listed = [f"{'.'.join(map(str, found['loc'][1:]))}: {found['msg']}" for found in error.errors()]
        title = "The address or the form cannot be read"
        return await answer_around(request, Problem(422, title, to_do=TO_DO[422], listed=listed))

    async def transport(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
        detail = error.detail if error.status_code == 413 else ""
        return await answer_around(request, _of_transport(error.status_code, detail))

    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # the browser left before it had sent all: nobody reads this

    async def unexpected(request: Request, _: Exception) -> Response:
        return await answer_around(request, _of_transport(500))

    pages.add_exception_handler(PrerollError, refused)
    pages.add_exception_handler(RequestValidationError, invalid)
    pages.add_exception_handler(HTTPException, transport)
    pages.add_exception_handler(ClientDisconnect, gone)
    pages.add_exception_handler(Exception, unexpected)
