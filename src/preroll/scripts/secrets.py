# SPDX-License-Identifier: Apache-2.0
"""Secrets by reference: an address or a profile names one, and only the script host reads it.

``env:NAME`` is the variable ``PREROLL_SECRET_NAME`` of the host's environment; ``file:PATH`` is a file in the folder of
secrets, without the line break at its end. Nothing else can be named: who may edit an address or a profile must not be
able to send any variable or file of this machine to a device.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from preroll.sdk import InvalidValue, Secret

PREFIX = "PREROLL_SECRET_"
"""What the names of variables that can be referenced begin with."""
MAX_BYTES = 64_000
"""A longer file is no secret but a mistake."""


class Secrets:
    """The secrets of this machine.

    Args:
        folder: where the files are; empty: none can be named.
        environ: the environment of the process.
    """

    def __init__(self, folder: str = "", environ: Mapping[str, str] = os.environ) -> None:
        self._folder, self._environ = folder, environ

    def resolve(self, device: str, address: Mapping[str, object]) -> dict[str, object]:
        """The address with each reference of its fields replaced by the Secret; fields of fields are left alone.

        Raises:
            InvalidValue: a reference names nothing. It tells the reference, never a secret.
        """
        return {
            field: self._looked_up(device, f"address.{field}", value) if _is_reference(value) else value
            for field, value in address.items()
        }

    def follow(self, device: str, names: Collection[str], values: Mapping[str, object]) -> dict[str, object]:
        """The values with the Secret in place of each reference; ``names`` are the parameters that have some.

        Raises:
            InvalidValue: one of them is no reference, or it names nothing.
        """
        return {
            name: self._looked_up(device, f"values.{name}", value) if name in names else value
            for name, value in values.items()
        }

    def _looked_up(self, device: str, where: str, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not _is_reference(value):
            raise InvalidValue(where, "is a secret, and no reference such as env:NAME or file:PATH", device=device)
        scheme, _, name = str(value).partition(":")
        try:
            found = self._variable(name) if scheme == "env" else self._file(name)
            if not found:
                raise LookupError("is empty")
        except LookupError as error:
            raise InvalidValue(where, f"{value} {error.args[0]}", device=device) from None
        return Secret(found)

    def _variable(self, name: str) -> str:
        try:
            return self._environ[PREFIX + name]
        except KeyError:
            raise LookupError(f"needs {PREFIX}{name} in the environment of the engine") from None

    def _file(self, name: str) -> str:
        folder = Path(self._folder)
        path = folder / name
        if not self._folder or ".." in path.parts or not path.is_relative_to(folder):
            raise LookupError(f"is not in the folder of secrets ({self._folder or 'there is none'})")
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise LookupError(f"has more than {MAX_BYTES} bytes")
            return content.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            raise LookupError(f"cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise LookupError("is no text") from None


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("env:", "file:"))
