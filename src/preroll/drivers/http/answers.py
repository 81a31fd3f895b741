# SPDX-License-Identifier: Apache-2.0
"""What an answer, or the lack of one, means: the one table from HTTP to the errors of a driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from preroll.sdk import AuthFailed, Busy, DeviceError, InvalidValue, RefusedByDevice, TimedOut, Unreachable


@contextmanager
def typed(device: str, request: str, *, changing: bool) -> Iterator[None]:
    """Turn what can go wrong on the way into a DeviceError. After a change was sent its fate is unknown."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise Unreachable(f"{request}: {_words(error)}", device=device) from error
    except (TimeoutError, httpx.TimeoutException) as error:
        raise TimedOut(f"{request}: no answer in time", device=device, maybe_applied=changing) from error
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        if changing:
            raise TimedOut(
                f"{request}: the answer got lost: {_words(error)}", device=device, maybe_applied=True
            ) from error
        raise Unreachable(f"{request}: {_words(error)}", device=device) from error
    except httpx.HTTPError as error:
        raise DeviceError(f"{request}: {_words(error)}", device=device) from error


def document(response: httpx.Response, device: str) -> dict[str, Any]:
    """The object that a good answer carries. Raises DeviceError when it is none."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DeviceError(f"the answer is no JSON object: {response.text[:80]!r}", device=device)
    return body


def require_ok(response: httpx.Response, device: str) -> None:
    """Raises the error that a bad status stands for."""
    if response.is_success:
        return
    said = _said(response)
    reason = str(said.get("error") or said.get("detail") or response.reason_phrase or "no reason given")
    match response.status_code:
        case 401 | 403:
            raise AuthFailed(reason, device=device)
        case 409 | 423:
            raise Busy(reason, device=device, holder=str(said.get("holder", "")))
        case 400 | 422:
            raise InvalidValue(str(said.get("path") or "?"), reason, device=device)
        case status:
            raise RefusedByDevice(f"{status}: {reason}", device=device)


def _said(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {"error": response.text[:200]}
    return body if isinstance(body, dict) else {"error": str(body)[:200]}


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
