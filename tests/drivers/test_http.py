# SPDX-License-Identifier: Apache-2.0
"""What the HTTP driver does beyond the conformance suite, against a real device on a real socket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preroll.drivers.http.driver import HttpDriver, http
from preroll.drivers.http.values import flat, instant, nested, stamp
from preroll.sdk import (
    AuthFailed,
    Busy,
    DeviceError,
    InvalidValue,
    RefusedByDevice,
    TimedOut,
    Unreachable,
    load,
)
from preroll.testing import HttpDevice, ManualClock
from tests.drivers.patience import ANSWERS, SILENCE, hasten, wait

INITIAL = {"profile": {"kbit": 800, "codecs": ["h264", "aac"]}, "enabled": False}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def device(clock: ManualClock) -> Iterator[HttpDevice]:
    with HttpDevice(INITIAL, limits={"profile.kbit": {"maximum": 9000}}, now_us=clock.now_us) as device:
        yield device


@pytest.fixture
async def driver(device: HttpDevice, clock: ManualClock) -> AsyncIterator[HttpDriver]:
    driver = http("enc-1", {"url": device.url, "timeout": ANSWERS}, now_us=clock.now_us)
    assert isinstance(driver, HttpDriver)
    await driver.open()
    yield driver
    await driver.close()


async def test_nested_documents_are_flat_paths(driver: HttpDriver) -> None:
    assert await driver.read() == {"profile.kbit": 800, "profile.codecs": ["h264", "aac"], "enabled": False}


async def test_a_change_is_one_request_with_its_key(driver: HttpDriver, device: HttpDevice) -> None:
    await load(driver, {"profile.kbit": 900, "enabled": True}, key="7:1:0:a")
    sent = [request for request in device.requests if request[0] == "PATCH"]
    assert sent == [("PATCH", "/device/staged", "7:1:0:a")]
    assert device.values() == {"profile.kbit": 900, "profile.codecs": ["h264", "aac"], "enabled": True}


async def test_the_device_does_a_key_once(driver: HttpDriver, device: HttpDevice) -> None:
    plan = await driver.plan({"enabled": True})
    await driver.apply(plan, key="k")
    device.staging.tamper({"enabled": False})
    await driver.apply(plan, key="k")
    assert device.values()["enabled"] is False


async def test_undo_takes_away_what_was_not_there(driver: HttpDriver, device: HttpDevice) -> None:
    applied = await driver.apply(await driver.plan({"profile.tone": 1000}))
    assert device.values()["profile.tone"] == 1000
    await driver.rollback(applied)
    assert "profile.tone" not in device.values()


@pytest.mark.parametrize("kind", ["hang", "slow", "late", "drop"])
async def test_a_lost_answer_may_have_been_applied(driver: HttpDriver, device: HttpDevice, kind: str) -> None:
    plan = await driver.plan({"enabled": True})
    device.fault(kind, on="PATCH", seconds=3600)
    if kind in ("hang", "slow"):
        hasten(driver, driver, "_ask", lambda method, *_: method == "PATCH")
    with pytest.raises(TimedOut) as caught:
        await driver.apply(plan)
    assert caught.value.maybe_applied
    assert caught.value.device == "enc-1"


async def test_a_lost_answer_to_a_question_is_no_change(driver: HttpDriver, device: HttpDevice) -> None:
    device.fault("drop")
    with pytest.raises(Unreachable):
        await driver.read()
    device.fault("slow", seconds=3600)
    wait(driver, SILENCE)
    with pytest.raises(TimedOut) as caught:
        await driver.read()
    assert not caught.value.maybe_applied


async def test_what_the_device_says_is_passed_on(driver: HttpDriver, device: HttpDevice) -> None:
    device.fault("busy")
    with pytest.raises(Busy) as busy:
        await load(driver, {"enabled": True})
    assert busy.value.holder == "operator console"
    device.fault("auth")
    with pytest.raises(AuthFailed, match="who are you"):
        await driver.read()
    device.fault("refuse")
    with pytest.raises(RefusedByDevice, match="500: encoder board is not ready"):
        await load(driver, {"enabled": True})
    device.fault("none")
    with pytest.raises(InvalidValue) as invalid:
        await load(driver, {"profile.kbit": 10_000})
    assert (invalid.value.path, invalid.value.device) == ("profile.kbit", "enc-1")


async def test_another_device_at_the_address_is_an_error(device: HttpDevice) -> None:
    wrong = http("enc-1", {"url": device.root + "/nothing", "timeout": ANSWERS})
    with pytest.raises(RefusedByDevice, match="404"):
        await wrong.open()


@pytest.mark.parametrize("url", ["", "ftp://host/x", "http://[::1", "enc-1.example"])
def test_an_address_needs_a_web_address(url: str) -> None:
    with pytest.raises(InvalidValue, match=r"address\.url"):
        http("enc-1", {"url": url})


async def test_not_a_json_object_is_an_error(driver: HttpDriver, device: HttpDevice) -> None:
    device.fault("garbage")
    with pytest.raises(DeviceError, match="no JSON object"):
        await driver.read()


# Scheduled activation


def in_a_minute(clock: ManualClock) -> datetime:
    return datetime.fromtimestamp(clock.now_us() / 1e6, UTC) + timedelta(seconds=60)


async def test_the_device_keeps_the_time(driver: HttpDriver, device: HttpDevice, clock: ManualClock) -> None:
    at = in_a_minute(clock)
    applied = await driver.apply(await driver.plan({"enabled": True}), at=at)
    assert applied.token == f"{int(at.timestamp())}:0"
    assert device.staging.staged()["activation"]["mode"] == "activate_scheduled_absolute"
    await driver.close()
    await clock.advance(60)
    assert device.values()["enabled"] is True


@pytest.mark.parametrize(("off", "fine"), [(0.3, True), (-0.3, True), (0.8, False), (-0.8, False), (3600, False)])
async def test_a_wrong_clock_is_not_trusted(device: HttpDevice, clock: ManualClock, off: float, fine: bool) -> None:
    ours = ManualClock(clock.us - round(off * 1e6))
    driver = http("enc-1", {"url": device.url, "timeout": ANSWERS}, now_us=ours.now_us)
    await driver.open()
    plan = await driver.plan({"enabled": True})
    if fine:
        await driver.apply(plan, at=in_a_minute(ours))
    else:
        with pytest.raises(RefusedByDevice, match=re.escape(f"clock is off by {off:+.3f} s (limit 0.5 s)")):
            await driver.apply(plan, at=in_a_minute(ours))
    assert bool(device.staging.staged()["activation"]["mode"]) is fine
    await driver.close()


@pytest.mark.parametrize(("off", "fine"), [(0.0, True), (-1.2, True), (0.4, True), (-3.0, False), (30.0, False)])
async def test_without_a_clock_the_date_header_counts(clock: ManualClock, off: float, fine: bool) -> None:
    """The header has whole seconds: the device's 12:00:00 is anything up to 12:00:01."""
    with HttpDevice(INITIAL, now_us=clock.now_us, tells_time=False) as device:
        ours = ManualClock(clock.us - round(off * 1e6))
        driver = http("enc-1", {"url": device.url, "timeout": ANSWERS}, now_us=ours.now_us)
        await driver.open()
        plan = await driver.plan({"enabled": True})
        if fine:
            await driver.apply(plan, at=in_a_minute(ours))
        else:
            with pytest.raises(RefusedByDevice, match="clock is off"):
                await driver.apply(plan, at=in_a_minute(ours))
        await driver.close()


async def test_an_immediate_change_replaces_a_scheduled_one(
    driver: HttpDriver, device: HttpDevice, clock: ManualClock
) -> None:
    """An aborted booking: what was armed must not begin."""
    await driver.apply(await driver.plan({"enabled": True}), at=in_a_minute(clock))
    plan = await load(driver, {"enabled": False})
    assert [str(change) for change in plan.changes] == ["enabled: True -> False"]
    await clock.advance(120)
    assert device.values()["enabled"] is False


# Paths

leaves = st.sampled_from([None, True, 0, -7, "", "a.b", [1, 2]])
names = st.sampled_from("abcdef")
branches = st.dictionaries(names, leaves, min_size=1, max_size=3)
trees = st.dictionaries(names, leaves | branches | st.dictionaries(names, branches, min_size=1, max_size=2), max_size=4)


@given(trees)
def test_flat_and_nested_are_inverse(tree: dict[str, object]) -> None:
    paths = flat(tree)
    assert flat(nested(paths)) == paths
    assert None not in paths.values()


@given(st.integers(0, 4_000_000_000_000_000))
def test_instants_are_kept_to_the_microsecond(us: int) -> None:
    assert instant(stamp(us)) == us
