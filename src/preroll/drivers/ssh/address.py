# SPDX-License-Identifier: Apache-2.0
"""What an address says of a device with a command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from preroll.drivers.ssh.dialect import Dialect
from preroll.drivers.ssh.parameters import Parameter, parameters
from preroll.sdk import InvalidValue, Secret

SECRETS = ("password", "private_key", "passphrase", "enable")
"""The fields that hold a reference to a secret."""
ANY = "any"
"""As ``host_key``: whoever answers is believed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is, who we are there, and how it is spoken to."""

    host: str
    dialect: Dialect
    parameters: Mapping[str, Parameter]
    port: int = 22
    username: str = ""
    password: Secret | None = None
    private_key: Secret | None = None
    passphrase: Secret | None = None
    enable: Secret | None = None
    """Given when a command of ``prepare`` asks for a password."""
    host_key: str = ""
    """The device's public key as in a known_hosts file, or ``any``; empty: the user's known_hosts file."""
    timeout: float = 10.0
    """Seconds for the connection, and for each command."""
    variables: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Address:
        """Read a resource's address. Raises InvalidValue."""
        if unknown := given.keys() - set(cls.__slots__):
            raise InvalidValue(f"address.{min(unknown)}", "is not known to the ssh driver", device=name)
        if not isinstance(given.get("host"), str) or not given["host"]:
            raise InvalidValue("address.host", "is missing: where is the device?", device=name)
        for secret in SECRETS:
            if not isinstance(given.get(secret), Secret | None):
                raise InvalidValue(f"address.{secret}", "is no reference such as env:NAME or file:PATH", device=name)
        dialect = Dialect.of(given.get("dialect", "cisco"), name)
        declared = parameters(given.get("parameters"), given.get("variables", {}), name, quote=dialect.quote)
        return cls(**{**given, "dialect": dialect, "parameters": declared})
