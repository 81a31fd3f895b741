# SPDX-License-Identifier: Apache-2.0
"""What the parts of the conformance suite stand on: an open driver, and tests that say what they need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from preroll.sdk import Driver
from preroll.testing.rig import Rig


class Promises:
    """A part of the suite; its subclasses hold the tests."""

    @pytest.fixture
    async def driver(self, rig: Rig) -> AsyncIterator[Driver]:
        """An open driver."""
        driver = rig.driver()
        await driver.open()
        yield driver
        await driver.close()
        await driver.close()

    async def _break(self, rig: Rig, fault: str) -> None:
        self._need_fault(rig, fault)
        await rig.break_(fault)

    def _need_fault(self, rig: Rig, fault: str) -> None:
        if fault not in rig.faults:
            pytest.skip(f"this rig cannot play: {fault}")

    def _need(self, driver: Driver, cap: str) -> None:
        if cap not in driver.caps:
            pytest.skip(f"this driver has no {cap}")
