# SPDX-License-Identifier: Apache-2.0
"""What an author raises, and what a device answers.

ScriptError
├─ Retry(after)               try this step again later; counts as an attempt
├─ GiveUp(reason)             stop now; the run fails with this reason
├─ Rejected(message)          stop now; the message is shown to the person who asked
├─ AuditFailed(audit)         an audit is not Up; its window has passed (in ``preroll.sdk.audit``)
├─ ChangeFailed(stand)        a change of several devices did not come about (in ``preroll.sdk.change``)
└─ StepUnknown(step)          the step was under way in a crash and nothing tells whether it took effect
DeviceError(.retryable)
├─ Unreachable          yes   no connection
├─ TimedOut             yes   no answer in time; ``maybe_applied``: read before anything is sent again
├─ Busy(holder)         yes   somebody else has it locked
├─ CheckFailed          yes   the device said ok, and what is read back differs
├─ RefusedByDevice      no    the device said no
├─ Reverted             no    it was not confirmed in time: the device has taken it back
├─ InvalidValue(path)   no    the device cannot take this value
└─ AuthFailed           no    the credentials are wrong
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

_A_DAY = 86_400


class ScriptError(Exception):
    """Something that a script says about its own run."""


class Retry(ScriptError):
    """Try this step again, after so many seconds (0 to 86,400; left out: the back-off of the platform).

    Raises:
        TypeError: it is made of something else, such as ``Retry(5)``.
    """

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        number = isinstance(after, int | float) and not isinstance(after, bool) and 0 <= after <= _A_DAY
        if not isinstance(reason, str) or not (after is None or number):
            raise TypeError(
                f"Retry({reason!r}, after={after!r}): write Retry('why', after=seconds), from 0 to {_A_DAY} seconds"
            )
        super().__init__(reason or "try again")
        self.after = after


class GiveUp(ScriptError):
    """Stop: the run fails with this reason."""


class Rejected(ScriptError):
    """Stop: this message is shown to the person who asked."""


def handle_exception(context: object, error: BaseException) -> NoReturn:  # noqa: ARG001 - the seed's signature
    """Fail, and show this error's message to the person who asked (seed: ``AutomationScript.HandleException``).

    Raises:
        Rejected: with the message of the error.
    """
    raise Rejected(str(error) or type(error).__name__) from error


class StepUnknown(ScriptError):
    """A step was under way when its host died; it has no probe and is not declared repeatable."""

    def __init__(self, step: str) -> None:
        super().__init__(
            f"step {step} was under way in a crash, and nothing tells whether it took effect: "
            "look at the device, then retry or acknowledge"
        )
        self.step = step


class DeviceError(Exception):
    """A device did not do what it was asked."""

    retryable = False

    def __init__(self, message: str = "", *, device: str = "") -> None:
        super().__init__(message or type(self).__doc__ or type(self).__name__)
        self.device = device


class Unreachable(DeviceError):
    """There is no connection to the device."""

    retryable = True


class TimedOut(DeviceError):
    """The device did not answer in time."""

    retryable = True

    def __init__(self, message: str = "", *, device: str = "", maybe_applied: bool) -> None:
        super().__init__(message, device=device)
        self.maybe_applied = maybe_applied


class Busy(DeviceError):
    """Somebody else has the device locked."""

    retryable = True

    def __init__(self, message: str = "", *, device: str = "", holder: str = "") -> None:
        super().__init__(message, device=device)
        self.holder = holder


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value that is not as it was set."""

    path: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected!r}, found {self.found!r}"


class CheckFailed(DeviceError):
    """The device said ok, and what is read back differs."""

    retryable = True

    def __init__(self, mismatches: Sequence[Mismatch], *, device: str = "") -> None:
        self.mismatches = tuple(mismatches)
        super().__init__("check set failed: " + "; ".join(map(str, self.mismatches)), device=device)


class RefusedByDevice(DeviceError):
    """The device said no."""


class Reverted(DeviceError):
    """It was not confirmed in time: the device has taken it back."""

    def __init__(self, mismatches: Sequence[Mismatch] = (), *, device: str = "") -> None:
        self.mismatches = tuple(mismatches)
        found = "; ".join(map(str, self.mismatches))
        super().__init__("nothing to confirm, it has been reverted" + (f": {found}" if found else ""), device=device)


class InvalidValue(DeviceError):
    """The device cannot take this value."""

    def __init__(self, path: str, reason: str, *, device: str = "") -> None:
        super().__init__(f"{path}: {reason}", device=device)
        self.path, self.reason = path, reason


class AuthFailed(DeviceError):
    """The credentials are wrong."""
