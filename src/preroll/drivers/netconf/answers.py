# SPDX-License-Identifier: Apache-2.0
"""What an answer, or the lack of one, means: the one table from NETCONF and SSH to the errors of a driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ncclient import NCClientError
from ncclient.operations import RPCError, TimeoutExpiredError
from ncclient.transport.errors import (
    AuthenticationError,
    NetconfFramingError,
    SessionCloseError,
    SessionError,
    SSHUnknownHostError,
    TransportError,
)
from paramiko import SSHException

from preroll.sdk import AuthFailed, Busy, DeviceError, InvalidValue, RefusedByDevice, TimedOut, Unreachable

# RFC 6241, appendix A
BUSY = frozenset({"in-use", "lock-denied", "resource-denied"})
WRONG = frozenset(
    {
        "invalid-value", "too-big", "missing-attribute", "bad-attribute", "unknown-attribute", "missing-element",
        "bad-element", "unknown-element", "unknown-namespace",
    }
)  # fmt: skip
# RFC 7950, 15: these come with operation-failed, data-missing or bad-attribute
WRONG_BY_MODEL = frozenset(
    {
        "data-not-unique", "too-many-elements", "too-few-elements", "must-violation", "instance-required",
        "missing-choice", "missing-instance",
    }
)  # fmt: skip
_HOLDER = re.compile(r"session-id>\s*(\d+)\s*<")


class Garbled(NCClientError):  # type: ignore[misc]
    """The device sent something that is no XML."""


@contextmanager
def typed(device: str, request: str, *, changing: bool) -> Iterator[None]:
    """Turn what can go wrong on the way into a DeviceError.

    Args:
        changing: the request changes what is in force, so after it was sent its fate is unknown.
    """
    try:
        yield
    except RPCError as error:
        raise said_no(error, device, request) from error
    except (AuthenticationError, SSHUnknownHostError) as error:
        raise AuthFailed(f"{request}: {_words(error)}", device=device) from error
    except (TimeoutError, TimeoutExpiredError) as error:
        raise TimedOut(f"{request}: no answer in time", device=device, maybe_applied=changing) from error
    except (Garbled, NetconfFramingError) as error:
        raise DeviceError(f"{request}: {_words(error)}", device=device) from error
    except SessionError as error:  # no greeting
        raise TimedOut(f"{request}: {_words(error)}", device=device, maybe_applied=False) from error
    except (SessionCloseError, OSError, EOFError, SSHException) as error:
        if changing:
            lost = f"{request}: the session was lost before the answer"
            raise TimedOut(lost, device=device, maybe_applied=True) from error
        raise Unreachable(f"{request}: {_words(error)}", device=device) from error
    except TransportError as error:
        raise Unreachable(f"{request}: {_words(error)}", device=device) from error
    except NCClientError as error:
        raise RefusedByDevice(f"{request}: {_words(error)}", device=device) from error


def said_no(error: Any, device: str, request: str) -> DeviceError:
    """The error that an ``<rpc-error>`` stands for; of several the first that is no warning."""
    several = getattr(error, "errors", None) or [error]
    first = next((e for e in several if e.severity != "warning"), several[0])
    tag = (first.tag or "").strip()
    reason = " ".join((first.message or "no reason given").split())
    if tag in BUSY:
        found = _HOLDER.search(first.info or "")
        holder = f"session {found[1]}" if found else ""
        return Busy(f"{request}: {reason}{f' ({holder})' if holder else ''}", device=device, holder=holder)
    if tag in WRONG or (first.app_tag or "").strip() in WRONG_BY_MODEL:
        return InvalidValue((first.path or "").strip() or "?", reason, device=device)
    if tag == "access-denied":
        return AuthFailed(f"{request}: {reason}", device=device)
    return RefusedByDevice(f"{request}: {tag or 'error'}: {reason}", device=device)


def _words(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
