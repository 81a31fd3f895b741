# SPDX-License-Identifier: Apache-2.0
"""The demo's world with its real FFmpeg: picture, lie, crash, recording; and its scripts, run for real."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from preroll.audits.stream import Expect, stream
from preroll.demo.world import World
from preroll.domain.machine import Outcome
from preroll.drivers.http import http
from preroll.ports.rows import LogLine, StepBegin, StepEnd, Verdict
from preroll.ports.scripts import BookingView, Equipment, Order, Report, ScriptKind
from preroll.scripts.inline import InlineRunner
from preroll.sdk import AuditState, CheckFailed, Driver, load

pytestmark = pytest.mark.timeout(400)
Open = Callable[[str], Awaitable[Driver]]
PICTURE = Expect(codec="h264", size="640x360", audio=True)


@pytest.fixture
async def world(ffmpeg: str, tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path, chains=1) as world:
        yield world


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.05)


def desired(world: World, definition: str, **more: object) -> dict[str, object]:
    instance = next(d for d in world.documents() if d["kind"] == "profile_instance" and d["definition"] == definition)
    return {**instance["values"], **more}


@pytest.fixture
async def opened(world: World) -> AsyncIterator[Open]:
    drivers: list[Driver] = []

    async def open_driver(name: str) -> Driver:
        driver = http(name, {"url": world.nodes[name].url, "timeout": 60})
        drivers.append(driver)
        await driver.open()
        return driver

    yield open_driver
    for driver in drivers:
        await driver.close()


async def test_a_picture_goes_all_the_way_and_is_recorded(
    world: World, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[stream.__module__], "GRACE", 60.0)  # a probe may begin late
    encoder, decoder, recorder = [await opened(name) for name in ("enc-1", "dec-1", "rec-1")]
    await load(decoder, desired(world, "Decoder"))
    await load(encoder, desired(world, "Encoder"))
    audit = await stream(world.monitor(1), PICTURE, patience=60)
    assert audit.state is AuditState.UP, audit

    await load(recorder, desired(world, "Recorder", enabled=True, record="evening"))
    before = await world.status("dec-1")
    await until(lambda: _grown(world, 60_000))
    after = await world.status("dec-1")
    assert after["pid"] == before["pid"], "arming the recorder does not interrupt the picture"
    await load(recorder, {"enabled": False})
    await until(lambda: _stopped(world, "rec-1"))
    (file,) = world.recorded("evening")
    played = await stream(str(file), PICTURE, seconds=60)
    assert played.state is AuditState.UP, played

    await world.fault("enc-1", "crash")
    await until(lambda: _stopped(world, "enc-1"))
    assert (await encoder.verify(desired(world, "Encoder"))) == [], "configured as it should be, and yet"
    await until(lambda: _restarted(world, "dec-1"))
    assert (await stream(world.monitor(1), PICTURE, patience=1)).state is AuditState.DOWN
    await world.fault("enc-1", "none")
    assert (await stream(world.monitor(1), PICTURE, patience=60)).state is AuditState.UP


async def _grown(world: World, size: int) -> bool:
    return sum((await world.status("rec-1"))["files"].values()) > size


async def _stopped(world: World, name: str) -> bool:
    return bool((await world.status(name))["process"] == "stopped")


async def _restarted(world: World, name: str) -> bool:
    return bool((await world.status(name))["restarts"])


async def test_a_lying_encoder_is_found_by_the_check_set(world: World, opened: Open) -> None:
    encoder = await opened("enc-1")
    await world.fault("enc-1", "lie")
    with pytest.raises(CheckFailed, match="enabled: expected True, found False"):
        await load(encoder, desired(world, "Encoder"))
    assert (await world.status("enc-1"))["process"] == "stopped"
    await world.fault("enc-1", "none")
    await load(encoder, desired(world, "Encoder"))


# The scripts


class Ledger:
    def __init__(self) -> None:
        self.steps: list[StepEnd] = []

    async def begin(self, step: StepBegin) -> Verdict:
        return Verdict.OK

    async def end(self, step: StepEnd) -> Verdict:
        self.steps.append(step)
        return Verdict.OK

    def log(self, line: LogLine) -> None:
        pass


def functions(world: World) -> Mapping[str, Callable[..., object]]:
    found: dict[str, Callable[..., object]] = {}
    for name in ("contribution", "recorder"):
        spec = importlib.util.spec_from_file_location(name, world.scripts / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        declared = [script for script in vars(module).values() if hasattr(script, "preroll_script")]
        found |= {script.preroll_script.name: script for script in declared}
    return found


def equipment(world: World, record: str) -> tuple[Equipment, ...]:
    documents = {(d["kind"], d["name"]): d for d in world.documents()}
    service = documents["service_definition", "Contribution"]
    chosen, found = world.choice(1, record), []
    for node in service["nodes"]:
        choice = chosen[node["label"]]
        resource = documents["resource", choice["resource"]]
        instance = documents["profile_instance", choice["profile"]]
        definition = documents["profile_definition", instance["definition"]]
        found.append(
            Equipment(
                node["label"], resource["name"], resource["name"], resource["driver"], resource["address"],
                profile=instance["name"], values={**instance["values"], **choice.get("values", {})},
                states=instance.get("states", {}), properties=resource.get("properties", {}),
                defaults={p["name"]: p["default"] for p in definition["parameters"] if "default" in p},
                load=definition.get("loads", {}).get("http", ""),
            )
        )  # fmt: skip
    return tuple(found)


class Stage:
    """Plays the scripts of one booking."""

    def __init__(self, world: World) -> None:
        self.ledger = Ledger()
        self.runner = InlineRunner(functions(world), {"http": http})
        self.equipment = equipment(world, "night")
        self.start_us = 0
        service = next(d for d in world.documents() if d["kind"] == "service_definition")
        self.actions: dict[str, str] = service["actions"]

    def begins_in(self, seconds: float) -> None:
        self.start_us = time.time_ns() // 1000 + round(seconds * 1e6)

    async def play(self, target: str, previous: str) -> Report:
        end = self.start_us + 60_000_000
        view = BookingView("b-1", "Night", "demo", self.start_us, end, 10_000_000, 0, "Confirmed")
        order = Order(
            f"run-{target}", f"1:1:0:{target}", ScriptKind.LSO, self.actions[target], "", "EVENT", target, previous,
            view, self.equipment, attempts=3, backoff_us=200_000,
        )  # fmt: skip
        return await self.runner.run(order, self.ledger, booking=1, fence_of=(1, 1))


@pytest.fixture
async def stage(world: World) -> AsyncIterator[Stage]:
    stage = Stage(world)
    yield stage
    await stage.runner.close()


async def test_the_scripts_take_it_on_the_air_and_off_again(world: World, stage: Stage) -> None:
    stage.begins_in(5)
    report = await stage.play("STANDBY", "STOP")
    assert report.outcome is Outcome.OK, report.message
    assert report.returned["picture"]["state"] == "Up"  # type: ignore[index]

    async def on_air() -> bool:
        began = bool((await world.active("rec-1"))["enabled"])
        assert not began or time.time_ns() // 1000 >= stage.start_us, "too early"
        return began

    await until(on_air)  # the device begins by itself
    stage.ledger.steps.clear()
    report = await stage.play("START", "STANDBY")
    assert report.outcome is Outcome.OK, report.message
    diffs = [step.diff for step in stage.ledger.steps]
    assert diffs == [(), (), (), ()], "three applies and a look at the picture: nothing was left to do"

    report = await stage.play("PAUSE", "START")
    assert report.outcome is Outcome.OK, report.message
    (played,) = report.returned["recording"].values()  # type: ignore[union-attr, attr-defined]
    assert (played["state"], played["size"]) == ("Up", "640x360")
    assert [file.name for file in world.recorded("night")] == ["night-1.ts"]

    report = await stage.play("STOP", "PAUSE")
    assert report.outcome is Outcome.OK, report.message
    for name in world.nodes:
        assert (await world.active(name))["enabled"] is False


async def test_an_abort_in_pre_roll_disarms_the_recorder(stage: Stage, opened: Open) -> None:
    stage.begins_in(3600)
    assert (await stage.play("STANDBY", "STOP")).outcome is Outcome.OK
    assert (await stage.play("STOP", "STANDBY")).outcome is Outcome.OK
    recorder = await opened("rec-1")
    assert (await recorder.plan({"enabled": False})).empty, "nothing is scheduled any more"


async def test_a_lying_encoder_fails_pre_roll_and_says_where(world: World, stage: Stage) -> None:
    stage.begins_in(60)
    await world.fault("enc-1", "lie")
    report = await stage.play("STANDBY", "STOP")
    assert report.outcome is Outcome.FAILED
    assert "enc-1" in report.message
    assert "enabled: expected True, found False" in report.message
