# SPDX-License-Identifier: Apache-2.0
"""Where a NETCONF device is, and who we are there: read from the address, before anything is connected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from preroll.sdk import InvalidValue, Secret


@dataclass(frozen=True, slots=True)
class Account:
    """Where a device is, who we are, and how we know that it is the one."""

    host: str
    username: str
    port: int = 830
    password: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None
    """Opens the private key."""
    host_key: str = ""
    """``ssh-ed25519 AAAA...`` as in a known_hosts file; ``any`` trusts everybody; empty: the user's known_hosts."""
    timeout: float = 10.0
    """Seconds for one request, and for the whole greeting."""

    @classmethod
    def of(cls, name: str, fields: Mapping[str, Any]) -> Account:
        """Read the fields of a resource's address. Raises InvalidValue."""
        for field in ("host", "username"):
            if not isinstance(fields.get(field), str) or not fields[field]:
                raise InvalidValue(f"address.{field}", "is missing", device=name)
        port, timeout = fields.get("port", 830), fields.get("timeout", 10.0)
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            raise InvalidValue("address.port", f"is {port!r}, no port", device=name)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout <= 0:
            raise InvalidValue("address.timeout", f"is {timeout!r}, not a number of seconds", device=name)
        for field in ("password", "private_key", "passphrase"):
            if not isinstance(fields.get(field), Secret | None):
                raise InvalidValue(f"address.{field}", "is no reference such as env:NAME or file:PATH", device=name)
        if not fields.get("password") and not fields.get("private_key"):
            raise InvalidValue("address.password", "is missing, and so is private_key", device=name)
        return cls(**fields)
