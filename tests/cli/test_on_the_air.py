# SPDX-License-Identifier: Apache-2.0
"""What operators do while bookings run, at the command line of a whole server: engine, script hosts, devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from preroll.api import create_app
from preroll.app import App
from preroll.bootstrap.standing import standing
from preroll.cli import connect
from preroll.client import Client
from preroll.domain.permission import LOCAL
from preroll.drivers.sim import FileWorld
from preroll.settings import Settings
from tests.cli.conftest import Preroll
from tests.client.conftest import Direct

BUNDLE = """
kind: resource
name: {name}
address: {{device: {name}, world: {world}}}
---
"""
PROFILE = """
kind: profile_definition
name: Encoding
parameters:
  - {name: bitrate, type: number, minimum: 0, default: 0}
---
kind: profile_instance
name: HD
definition: Encoding
values: {bitrate: 8}
states: {STANDBY: {bitrate: 1}}
"""
ENCODERS = ("enc-1", "enc-2", "enc-3")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A server that stands in this process; commands reach it."""
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    with capture_logs(), standing(Settings(data=tmp_path / "data", script_hosts=1)) as parts:
        transport = Direct(create_app(parts.app, stopping=lambda: True))
        monkeypatch.setattr(connect, "Client", partial(Client, transport=transport))
        yield parts.app


@pytest.fixture
def devices(server: App, preroll: Preroll, tmp_path: Path) -> FileWorld:
    """Three encoders, whose values can be looked at."""
    world = FileWorld(tmp_path / "world")
    text = "".join(BUNDLE.format(name=name, world=world.root) for name in ENCODERS) + PROFILE
    (tmp_path / "bundle.yaml").write_text(text)
    assert preroll("apply", str(tmp_path / "bundle.yaml")).code == 0
    return world


def until(app: App, preroll: Preroll, name: str, event: str, state: str = "done") -> None:
    """Wait for an event of a booking."""
    cursor = ""
    while True:
        shown = preroll("booking", "show", name, "--json").json
        if (event, state) in {(e["event"], e["state"]) for e in shown["events"]}:
            return
        asyncio.run(app.views.wait(LOCAL, cursor, 1.0))
        cursor = asyncio.run(app.views.tail(LOCAL))


def on_the_air(app: App, preroll: Preroll, *nodes: str) -> None:
    """An orchestrated list that runs now."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    times = ("--start", start.isoformat(), "--end", (start + timedelta(hours=1)).isoformat())
    chosen = [word for node in nodes for word in ("--node", node, "--profile", f"{node.partition('=')[0]}=HD")]
    made = preroll("booking", "create", "List", "--orchestrated", *times, *chosen)
    assert made.code == 0, made.err
    assert preroll("booking", "confirm", "List").code == 0
    until(app, preroll, "List", "START")


def test_a_list_is_loaded_swapped_added_to_and_finished(server: App, preroll: Preroll, devices: FileWorld):
    on_the_air(server, preroll, "a=enc-1")
    assert devices.values("enc-1") == {"bitrate": 8}
    refused = preroll("booking", "swap", "List", "a", "--resource", "enc-2")
    assert (refused.code, "apply now" in refused.err) == (3, True)
    assert preroll("booking", "swap", "List", "a", "--resource", "enc-2", "--apply-now").code == 0
    until(server, preroll, "List", "CHANGE")
    assert (devices.values("enc-2"), devices.values("enc-1")) == ({"bitrate": 8}, {"bitrate": 0})
    added = preroll("booking", "add", "List", "b", "--resource", "enc-3", "--profile", "HD", "--apply-now")
    assert added.code == 0, added.err
    until(server, preroll, "List", "CHANGE")
    assert devices.values("enc-3") == {"bitrate": 8}
    assert preroll("booking", "remove", "List", "a", "--apply-now").code == 0
    until(server, preroll, "List", "CHANGE")
    assert devices.values("enc-2") == {"bitrate": 0}
    assert preroll("booking", "finish", "List").code == 0
    until(server, preroll, "List", "STOP_BOOKING_WITH_POSTROLL")
    assert devices.values("enc-3") == {"bitrate": 0}
    assert "state       Completed\n" in preroll("booking", "show", "List").out


def test_a_profile_is_applied_and_what_it_changed_is_printed(server: App, preroll: Preroll, devices: FileWorld):
    done = preroll("resource", "apply", "enc-1", "HD", "--state", "STANDBY", "--why", "a line test")
    assert done.code == 0, done.err
    assert "outcome   done\n" in done.out
    assert done.out.splitlines()[-1].split() == ["bitrate", "1"]
    assert devices.values("enc-1") == {"bitrate": 1}
    again = preroll("resource", "apply", "enc-1", "HD", "--state", "STANDBY")
    assert "nothing had to be changed" in again.out
    steps = preroll("runs", preroll("resource", "apply", "enc-1", "HD", "--json").json["id"])
    assert "load:enc-1" in steps.out
    assert steps.out.splitlines()[2].split()[:2] == ["load:enc-1", "enc-1"], "a step names its resource"


def test_a_booking_that_has_the_resource_is_told_and_force_goes_on(server: App, preroll: Preroll, devices: FileWorld):
    on_the_air(server, preroll, "a=enc-1")
    refused = preroll("resource", "apply", "enc-1", "HD", "--value", "bitrate=3")
    assert (refused.code, refused.out) == (3, "")
    assert "enc-1: held by List" in refused.err
    assert "with force" in refused.err
    assert preroll("resource", "apply", "enc-1", "HD", "--value", "bitrate=3", "--force").code == 0
    assert devices.values("enc-1") == {"bitrate": 3}


def test_a_device_that_is_down_is_told(server: App, preroll: Preroll, devices: FileWorld):
    devices.fault("enc-1", "refuses")
    refused = preroll("resource", "apply", "enc-1", "HD")
    assert refused.code == 3
    assert "not applied: load:enc-1 on enc-1" in refused.err
    assert "outcome   failed\n" in refused.out


def test_what_is_wrong_is_told_and_nothing_runs(server: App, preroll: Preroll, devices: FileWorld):
    wrong = preroll("resource", "apply", "enc-1", "HD", "--state", "NIGHT")
    assert (wrong.code, "HD has no values for NIGHT" in wrong.err) == (2, True)
    assert preroll("resource", "apply", "enc-9", "HD").code == 4
