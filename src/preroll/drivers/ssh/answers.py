# SPDX-License-Identifier: Apache-2.0
"""What an answer means: the one table from the words of a command line to the errors of a driver."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preroll.drivers.ssh.dialect import Dialect
from preroll.drivers.ssh.parameters import Line
from preroll.sdk import AuthFailed, Busy, InvalidValue, RefusedByDevice

SAID_NO = (AuthFailed, Busy, InvalidValue, RefusedByDevice)
"""The device answered, and the session is as good as before."""


def require_accepted(dialect: Dialect, device: str, line: Line, answer: str, status: str = "") -> None:
    """Raises the error that an answer stands for. A status, where the device tells one, decides whether it is one."""
    if status == "0":
        return
    if said := _said(dialect.denied, answer):
        raise AuthFailed(f"{line.text!r}: {said}", device=device)
    if said := _said(dialect.busy, answer):
        raise Busy(f"{line.text!r}: {said}", device=device)
    if (said := _said(dialect.invalid, answer)) and line.path:
        raise InvalidValue(line.path, f"{line.text!r}: {said}", device=device)
    if said := said or _said(dialect.refused, answer) or (status and f"{answer.strip()[-200:]} (status {status})"):
        raise RefusedByDevice(f"{line.text!r}: {said}", device=device)


def _said(patterns: Sequence[str], answer: str) -> str:
    """The line that matches one of the patterns; empty when there is none."""
    for pattern in patterns:
        for line in answer.splitlines():
            if re.search(pattern, line, re.IGNORECASE):
                return line.strip()
    return ""
