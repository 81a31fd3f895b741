# SPDX-License-Identifier: Apache-2.0
"""Secrets by reference: an address or a profile names one, and only the script host reads it.

``env:NAME`` is the variable ``PREROLL_SECRET_NAME`` of the host's environment; ``file:PATH`` is a file in the folder of
secrets, without the line break at its end; ``keyring:NAME`` is what the system's keyring keeps for the service
``preroll``; ``vault:MOUNT/PATH#FIELD`` is a field of a secret in HashiCorp Vault. Nothing else can be named: who may
edit an address or a profile must not be able to send any variable, file or password of this machine to a device.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from preroll.scripts.keyring import from_keyring
from preroll.scripts.places import Nowhere, OutOfReach
from preroll.sdk import InvalidValue, Secret, Unreachable

if TYPE_CHECKING:
    from preroll.scripts.vault import Vault

PREFIX = "PREROLL_SECRET_"
"""What the names of variables that can be referenced begin with."""
MAX_BYTES = 64_000
"""A longer file is no secret but a mistake."""
KEPT = 10.0
"""Seconds for which the answer of a keyring or of Vault is kept, so that a burst of runs asks once."""
EXPECTED = "env:NAME, file:PATH, keyring:NAME or vault:MOUNT/PATH#FIELD"
_SCHEMES = ("env:", "file:", "keyring:", "vault:")


class Secrets:
    """The secrets of this machine, and of where it may look.

    Args:
        folder: where the files are; empty: none can be named.
        environ: the environment of the process.
        monotonic: seconds, for how long an answer is kept.
    """

    def __init__(
        self,
        folder: str = "",
        environ: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._environ, self._monotonic = folder, environ, monotonic
        self._kept: dict[str, tuple[float, Mapping[str, object]]] = {}
        """Place -> until when what is there is kept."""

    @cached_property
    def _vault(self) -> Vault:
        """Imported when it is asked: with an HTTP client every script host would take twice as long to start."""
        from preroll.scripts.vault import Vault

        return Vault(self._environ)

    async def resolve(self, device: str, address: Mapping[str, object]) -> dict[str, object]:
        """The address with each reference of its fields replaced by the Secret; fields of fields are left alone.

        Raises:
            InvalidValue: a reference names nothing. It tells the reference, never a secret.
            Unreachable: the keyring or Vault does not answer now.
        """
        return {
            field: await self._looked_up(device, f"address.{field}", value) if _is_reference(value) else value
            for field, value in address.items()
        }

    async def follow(self, device: str, names: Collection[str], values: Mapping[str, object]) -> dict[str, object]:
        """The values with the Secret in place of each reference; ``names`` are the parameters that have some.

        Raises:
            InvalidValue: one of them is no reference, or it names nothing.
            Unreachable: the keyring or Vault does not answer now.
        """
        return {
            name: await self._looked_up(device, f"values.{name}", value) if name in names else value
            for name, value in values.items()
        }

    async def value(self, reference: str) -> str:
        """The secret that a reference names; what is no reference is answered as it is.

        Raises:
            Nowhere: it names nothing. It tells the reference, never a secret.
            OutOfReach: the keyring or Vault does not answer now.
        """
        return await self._found(reference) if _is_reference(reference) else reference

    def forget(self) -> None:
        """Ask again for everything: a device has refused a secret."""
        self._kept.clear()

    async def _looked_up(self, device: str, where: str, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not _is_reference(value):
            raise InvalidValue(where, f"is a secret, and no reference such as {EXPECTED}", device=device)
        try:
            return Secret(await self._found(str(value)))
        except OutOfReach as error:
            raise Unreachable(f"{where}: {value} {error}", device=device) from None
        except Nowhere as error:
            raise InvalidValue(where, f"{value} {error}", device=device) from None

    async def _found(self, reference: str) -> str:
        scheme, _, name = reference.partition(":")
        match scheme:
            case "env":
                found: object = self._variable(name)
            case "file":
                found = self._file(name)
            case "keyring":
                found = (await self._kept_of(f"keyring:{name}"))[name]
            case _:
                found = await self._field(name)
        if not isinstance(found, str):
            raise Nowhere("is no text")
        if not found:
            raise Nowhere("is empty")
        return found

    async def _field(self, name: str) -> object:
        place, _, field = name.partition("#")
        mount, _, path = place.partition("/")
        if not (field and mount and path) or {"", ".", ".."} & set(place.split("/")):
            raise Nowhere("names no field of a secret: expected vault:MOUNT/PATH#FIELD")
        fields = await self._kept_of(f"vault:{place}")
        if field not in fields:
            raise Nowhere(f"has no field {field} (it has: {', '.join(sorted(fields)) or 'none'})")
        return fields[field]

    async def _kept_of(self, place: str) -> Mapping[str, object]:
        """What is there; of a short while ago, if it has been asked for then."""
        now = self._monotonic()
        self._kept = {known: kept for known, kept in self._kept.items() if kept[0] > now}
        if place in self._kept:
            return self._kept[place][1]
        scheme, _, name = place.partition(":")
        mount, _, path = name.partition("/")
        found = {name: await from_keyring(name)} if scheme == "keyring" else await self._vault.read(mount, path)
        self._kept[place] = (now + KEPT, found)
        return found

    def _variable(self, name: str) -> str:
        try:
            return self._environ[PREFIX + name]
        except KeyError:
            raise Nowhere(f"needs {PREFIX}{name} in the environment of the engine") from None

    def _file(self, name: str) -> str:
        folder = Path(self._folder)
        path = folder / name
        if not self._folder or ".." in path.parts or not path.is_relative_to(folder):
            raise Nowhere(f"is not in the folder of secrets ({self._folder or 'there is none'})")
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise Nowhere(f"has more than {MAX_BYTES} bytes")
            return content.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise Nowhere(f"cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise Nowhere("is no text") from None


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(_SCHEMES)
