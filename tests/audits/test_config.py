# SPDX-License-Identifier: Apache-2.0
"""The config audit: a simulated device that is changed behind our back, lost, or lies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from preroll.audits import Config
from preroll.domain.errors import Invalid
from preroll.drivers.sim import FaultKind, World, sim_in
from preroll.sdk import AuditState, Driver, load

LEFT: Mapping[str, object] = {"profile.rate": 8, "profile.on": True}


class Stage:
    """A Scene with simulated devices."""

    def __init__(self, *labels: str) -> None:
        self.world = World()
        self.left: dict[str, Mapping[str, object]] = dict.fromkeys(labels, LEFT)

    def nodes(self) -> tuple[str, ...]:
        return tuple(self.left)

    def applied(self, label: str) -> Mapping[str, object]:
        return self.left[label]

    @asynccontextmanager
    async def driver(self, label: str) -> AsyncIterator[Driver]:
        driver = sim_in(self.world)(label, {})
        await driver.open()
        try:
            yield driver
        finally:
            await driver.close()

    async def apply(self, label: str, values: Mapping[str, object]) -> None:
        async with self.driver(label) as driver:
            await load(driver, values)


@pytest.fixture
async def stage() -> Stage:
    stage = Stage("pe1", "pe2")
    for label in stage.nodes():
        await stage.apply(label, LEFT)
    return stage


async def test_as_we_left_it(stage: Stage) -> None:
    audit = await Config().look(stage)
    assert audit.state is AuditState.UP, audit
    assert (audit.expected, audit.found) == ("4 values as they were left on pe1, pe2", "no difference")


async def test_what_somebody_changed_is_named(stage: Stage) -> None:
    await stage.apply("pe2", {"profile.rate": 4})
    audit = await Config().look(stage)
    assert audit.state is AuditState.DOWN
    assert audit.message == "pe2: profile.rate: expected 8, found 4"
    assert audit.evidence["differences"] == [{"node": "pe2", "path": "profile.rate", "expected": 8, "found": 4}]
    assert (await Config(node="pe1").look(stage)).state is AuditState.UP
    assert (await Config(ignore=("profile.rate",)).look(stage)).state is AuditState.UP
    assert (await Config(tolerance=0.5).look(stage)).state is AuditState.UP
    assert (await Config(node="pe2", values={"profile.rate": 4}).look(stage)).state is AuditState.UP


async def test_who_cannot_be_read_is_unknown_but_never_hides_a_difference(stage: Stage) -> None:
    stage.world.fault("pe1", FaultKind.VANISHES)
    audit = await Config().look(stage)
    assert audit.state is AuditState.UNKNOWN
    assert audit.message.startswith("pe1 cannot be read: ")
    await stage.apply("pe2", {"profile.rate": 4})
    assert (await Config().look(stage)).state is AuditState.DOWN


async def test_nothing_was_applied(stage: Stage) -> None:
    stage.left["pe1"] = {}
    audit = await Config(node="pe1").look(stage)
    assert (audit.state, audit.message) == (AuditState.UNKNOWN, "nothing was applied to pe1 for this booking")
    assert (await Config().look()).state is AuditState.UNKNOWN


def test_values_belong_to_a_node() -> None:
    given: Any = {"a": 1}
    with pytest.raises(Invalid, match="node: is missing"):
        Config(values=given)
