# SPDX-License-Identifier: Apache-2.0
"""Staged and active values of a JSON device: the rules of its API without the network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

IMMEDIATE, SCHEDULED = "activate_immediate", "activate_scheduled_absolute"
IDLE = {"mode": None, "requested_time": None}


class Invalid(Exception):
    """The device cannot take this value."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Staging:
    """What a device holds. Safe to use from several threads.

    Args:
        initial: the values in force at first, nested.
        now_us: the device's clock.
        check: called with flat values before they are staged; raises Invalid.
        activated: called with the flat values that are in force from now on.
    """

    def __init__(
        self,
        initial: Mapping[str, Any],
        *,
        now_us: Callable[[], int],
        check: Callable[[Mapping[str, object]], None],
        activated: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._now_us, self._check, self._activated = now_us, check, activated
        self._active = deepcopy(dict(initial))
        self._staged = deepcopy(self._active)
        self._activation: Mapping[str, object] = IDLE
        self._due_us: int | None = None
        self._lock = threading.RLock()
        self.activations = 0
        """How often the values in force were replaced."""

    def active(self) -> dict[str, Any]:
        """The document of ``/active``."""
        with self._lock:
            self.settle()
            return {**deepcopy(self._active), "activation": IDLE}

    def staged(self) -> dict[str, Any]:
        """The document of ``/staged``."""
        with self._lock:
            self.settle()
            return {**deepcopy(self._staged), "activation": self._activation}

    def settle(self) -> None:
        """Do the activation that has become due."""
        with self._lock:
            if self._due_us is not None and self._due_us <= self._now_us():
                self._activate()

    def patch(self, body: Mapping[str, Any]) -> bool:
        """Stage and activate, whole or not at all; True when it is scheduled for later.

        Raises:
            Invalid: a value, or the activation, cannot be taken.
        """
        with self._lock:
            self.settle()
            values = {name: value for name, value in body.items() if name != "activation"}
            activation = body.get("activation", {})
            due_us = _due(activation)
            staged = merged(self._staged, values)
            self._check(flat(staged))
            self._staged = staged
            if "activation" not in body:
                return False
            self._activation, self._due_us = IDLE, None
            if activation.get("mode") == IMMEDIATE or (due_us is not None and due_us <= self._now_us()):
                self._activate()
            elif due_us is not None:
                self._activation, self._due_us = dict(activation), due_us
            return self._due_us is not None

    def tamper(self, values: Mapping[str, Any]) -> None:
        """Change values in force behind everybody's back, nested; null takes one away."""
        with self._lock:
            self._staged = merged(self._staged, values)
            self._active = merged(self._active, values)
            self._activated(flat(self._active))

    def _activate(self) -> None:
        self._active = deepcopy(self._staged)
        self._activation, self._due_us = IDLE, None
        self.activations += 1
        self._activated(flat(self._active))


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A document with a merge patch on it (RFC 7396)."""
    result = deepcopy(dict(document))
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Nested objects as ``a.b`` paths."""
    found: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _due(activation: object) -> int | None:
    if not isinstance(activation, Mapping):
        raise Invalid("activation", "is no object")
    match activation.get("mode"):
        case None | "activate_immediate":
            return None
        case "activate_scheduled_absolute":
            try:
                seconds, nanoseconds = map(int, str(activation.get("requested_time")).split(":"))
            except ValueError:
                raise Invalid("activation.requested_time", "is not seconds:nanoseconds") from None
            return seconds * 1_000_000 + nanoseconds // 1000
        case other:
            raise Invalid("activation.mode", f"{other!r} is not known")
