# SPDX-License-Identifier: Apache-2.0
"""What an error status means: the one table from SNMP (RFC 3416, RFC 3414) to the errors of a driver."""

from __future__ import annotations

from preroll.sdk import AuthFailed, Busy, DeviceError, InvalidValue, RefusedByDevice

INVALID = {"badValue", "wrongType", "wrongLength", "wrongEncoding", "wrongValue", "inconsistentValue"}
REFUSED = {
    "tooBig", "noSuchName", "readOnly", "genErr", "noAccess", "noCreation", "commitFailed", "undoFailed",
    "notWritable", "inconsistentName",
}  # fmt: skip
DENIED = {
    "UnknownUserName", "WrongDigest", "AuthenticationFailure", "AuthenticationError", "UnsupportedSecurityLevel",
    "DecryptionError", "UnknownCommunityName", "UnknownSecurityName", "NoAuthentication", "NoEncryption",
}  # fmt: skip
"""What the other end, or our own, says of the credentials."""


def error_of(status: str, path: str, device: str) -> DeviceError:
    """The error that a status of an answer stands for."""
    if status in INVALID:
        return InvalidValue(path, status, device=device)
    if status == "authorizationError":
        return AuthFailed(f"{path}: {status}", device=device)
    if status == "resourceUnavailable":
        return Busy(f"{path}: {status}", device=device)
    kind = RefusedByDevice if status in REFUSED else DeviceError
    return kind(f"{path}: {status}" if path else status, device=device)
