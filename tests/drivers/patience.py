# SPDX-License-Identifier: Apache-2.0
"""How long a driver waits in the tests: long for an answer that comes, short only where none can come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from preroll.sdk import Driver

ANSWERS = 60.0
"""Seconds for an answer that comes: they do not run out, however slow the machine is."""
SILENCE = 0.3
"""Seconds for an answer that is known not to come."""


def wait(driver: Any, seconds: float) -> None:
    """From now on a driver waits so long for an answer, in the session that it has and in those to come."""
    address = driver._address
    if hasattr(address, "account"):
        driver._address = replace(address, account=replace(address.account, timeout=seconds))
    else:
        driver._address = replace(address, timeout=seconds)
    if shell := getattr(driver, "_shell", None):
        shell._address = driver._address
    if wire := getattr(driver, "_wire", None):
        wire._address, wire._target.timeout = driver._address, seconds
    if session := getattr(driver, "_open", None):
        session._manager.timeout = seconds


def hasten(driver: Any, owner: Any, name: str, silent: Callable[..., bool] = lambda *_: True) -> None:
    """A method of a driver, or of its session, waits briefly for those requests whose answers are known not to come.

    Args:
        owner: the driver or its session.
        silent: whether there is no answer to a request, by the method's arguments.
    """
    call = getattr(owner, name)

    async def asked(*args: Any, **fields: Any) -> Any:
        wait(driver, SILENCE if silent(*args) else ANSWERS)
        try:
            return await call(*args, **fields)
        finally:
            wait(driver, ANSWERS)

    setattr(owner, name, asked)


class Made(list[Any]):
    """The drivers that a rig has made; all of them wait as their device lets them."""

    seconds = ANSWERS

    def one(self, driver: Driver) -> Driver:
        """One more."""
        self.append(driver)
        wait(driver, self.seconds)
        return driver

    def wait(self, seconds: float) -> None:
        """All wait so long from now on, and those that are yet to be made."""
        self.seconds = seconds
        for driver in self:
            wait(driver, seconds)
