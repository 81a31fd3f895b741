# SPDX-License-Identifier: Apache-2.0
"""What an address says of a device with SNMP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from preroll.drivers.snmp.objects import Object, objects
from preroll.sdk import InvalidValue, Secret

SECRETS = ("community", "auth_password", "priv_password")
"""The fields that hold a reference to a secret."""
AUTH = ("md5", "sha", "sha224", "sha256", "sha384", "sha512")
PRIV = ("des", "3des", "aes", "aes192", "aes256")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is, who we are there, and what its objects are."""

    host: str
    parameters: Mapping[str, Object]
    port: int = 161
    community: Secret | None = None
    """Version 2c; without it version 3 is spoken."""
    username: str = ""
    auth: str = "sha"
    auth_password: Secret | None = None
    priv: str = "aes"
    priv_password: Secret | None = None
    context: str = ""
    timeout: float = 2.0
    """Seconds for one try."""
    retries: int = 1
    """Further tries: UDP may lose a question or its answer."""
    variables: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Address:
        """Read a resource's address. Raises InvalidValue."""
        if unknown := given.keys() - set(cls.__slots__):
            raise InvalidValue(f"address.{min(unknown)}", "is not known to the snmp driver", device=name)
        if not isinstance(given.get("host"), str) or not given["host"]:
            raise InvalidValue("address.host", "is missing: where is the device?", device=name)
        for secret in SECRETS:
            if not isinstance(given.get(secret), Secret | None):
                raise InvalidValue(f"address.{secret}", "is no reference such as env:NAME or file:PATH", device=name)
        if not given.get("community") and not given.get("username"):
            raise InvalidValue("address.community", "is missing, and so is username: who are we?", device=name)
        for kind, known in (("auth", AUTH), ("priv", PRIV)):
            if given.get(kind, known[1]) not in known:
                raise InvalidValue(f"address.{kind}", f"is not one of {', '.join(known)}", device=name)
        declared = objects(given.get("parameters"), given.get("variables", {}), name)
        return cls(**{**given, "parameters": declared})

    @property
    def patience(self) -> float:
        """Seconds until a silent device is given up."""
        return self.timeout * (self.retries + 1)
