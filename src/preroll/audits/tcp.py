# SPDX-License-Identifier: Apache-2.0
"""Does somebody listen there?"""

from __future__ import annotations

import asyncio
import errno
import socket
import time

from preroll.sdk import Audit, AuditState

_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
"""Errors of the probe, not of the service."""


async def tcp(host: str, port: int, *, patience: float = 3.0) -> Audit:
    """Connect and hang up.

    Returns:
        Up with the time that it took; Down when nobody answers in ``patience`` seconds, or the connection is refused;
        Unknown when the name cannot be resolved, or this machine cannot connect at all.
    """
    where, began = f"{host}:{port}", time.monotonic()
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
    except TimeoutError:
        return Audit(AuditState.DOWN, {"where": where}, f"no connection in {patience:g} s")
    except socket.gaierror as error:
        return Audit(AuditState.UNKNOWN, {"where": where}, f"{host} cannot be resolved: {error.strerror}")
    except OSError as error:
        state = AuditState.UNKNOWN if error.errno in _OURS else AuditState.DOWN
        return Audit(state, {"where": where}, error.strerror or str(error))
    return Audit(AuditState.UP, {"where": where, "seconds": round(time.monotonic() - began, 4)})
