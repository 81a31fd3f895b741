# SPDX-License-Identifier: Apache-2.0
"""Does somebody listen there?"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from dataclasses import dataclass
from typing import ClassVar

from preroll.audits.parameters import Host, Parameters, Port, Seconds
from preroll.sdk import Audit, AuditState, Scene

OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}
"""Errors of the probe, not of the service."""


def told(error: OSError) -> str:
    """An error in the system's words; asyncio's own name the address, which is known."""
    return os.strerror(error.errno) if error.errno else str(error)


@dataclass(frozen=True)
class Tcp(Parameters):
    """Connects and hangs up.

    Up with the time that it took; Down when nobody answers in ``patience`` seconds, or the connection is refused;
    Unknown when the name cannot be resolved, or this machine cannot connect at all.
    """

    kind: ClassVar = "tcp"
    host: Host
    port: Port
    patience: Seconds = 3.0

    @property
    def what(self) -> str:
        return f"tcp {self.host}:{self.port}"

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Connect once."""
        where, began = f"{self.host}:{self.port}", time.monotonic()
        try:
            async with asyncio.timeout(self.patience):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.close()
        except TimeoutError:
            return self._audit(AuditState.DOWN, {"where": where}, f"no connection in {self.patience:g} s")
        except socket.gaierror as error:
            why = f"{self.host} cannot be resolved: {error.strerror}"
            return self._audit(AuditState.UNKNOWN, {"where": where}, why)
        except OSError as error:
            state = AuditState.UNKNOWN if error.errno in OURS else AuditState.DOWN
            return self._audit(state, {"where": where}, told(error))
        seconds = round(time.monotonic() - began, 4)
        return self._audit(AuditState.UP, {"where": where, "seconds": seconds}, f"connected in {seconds * 1e3:g} ms")

    def _audit(self, state: AuditState, evidence: dict[str, object], found: str) -> Audit:
        return Audit(state, evidence, "" if state is AuditState.UP else found, self.what, "a connection", found)
