# SPDX-License-Identifier: Apache-2.0
"""Errors as the TM Forum's ``Error`` (TMF630, 4.4)."""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from preroll.domain.errors import Invalid, KeyReused, NotPermitted, PrerollError, Stale
from preroll.gate.door import methods_at
from preroll.gate.statuses import HTTP_CODES, status_of
from preroll.telemetry import logger

log = logger(__name__)

HERE = {Invalid: 400, Stale: 409, KeyReused: 409}
"""Where the specifications want another status than our own API has."""


def install(door: FastAPI) -> None:
    """Answer every error so."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            return of_ours(cast(PrerollError, error))
        if error.status_code == 405:
            return of_http(HTTPException(405, error.detail, {"Allow": ", ".join(methods_at(request))}))
        return of_http(error)

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("a request failed unexpectedly", path=request.url.path, exc_info=error)
        return _answer(500, HTTP_CODES[500][0], HTTP_CODES[500][1], "the server's log says more")

    door.add_exception_handler(PrerollError, refused)
    door.add_exception_handler(HTTPException, refused)
    door.add_exception_handler(Exception, unexpected)


def refused_at_the_gate(_: Scope, error: NotPermitted | HTTPException) -> ASGIApp:
    """The answer to what does not reach a route."""
    return of_http(error) if isinstance(error, HTTPException) else of_ours(error)


def of_ours(error: PrerollError) -> JSONResponse:
    """A refusal."""
    status, title = status_of(error)
    status = next((code for kind, code in HERE.items() if isinstance(error, kind)), status)
    message = "; ".join(part for part in (str(error), error.hint) if part)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return _answer(status, error.code, title, message, headers)


def of_http(error: HTTPException) -> JSONResponse:
    """An error of the protocol."""
    code, title = HTTP_CODES.get(error.status_code, HTTP_CODES[400])
    return _answer(error.status_code, code, title, str(error.detail), dict(error.headers or {}))


def _answer(
    status: int, code: str, reason: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:  # fmt: skip
    body: dict[str, Any] = {
        "code": code, "reason": reason, "message": message, "status": str(status), "@type": "Error"
    }  # fmt: skip
    return JSONResponse(body, status, headers)
