# SPDX-License-Identifier: Apache-2.0
"""A round of checks in a real host: references are resolved there, and every check is a step."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from preroll.audits import SHIPPED
from preroll.domain.audit import AuditSpec
from preroll.domain.machine import Outcome
from preroll.ports.rows import RecordedStep, StepState
from preroll.ports.scripts import BookingView, Equipment, Order, ScriptKind
from preroll.scripts.references import Dangling, resolved
from tests.scripts.rig import Room

VIEW = BookingView("b-1", "Cup final", "tv", 0, None, 0, 0, "Service Active", properties={"room": {"floor": 2}})
ENCODER = Equipment(
    "enc.1", "r-1", "ENC 1", "sim", {"host": "10.0.0.1", "port": 80}, values={"rate": 5, "size": "a"},
    states={"START": {"rate": 8}}, properties={"rack": "B2"},
)  # fmt: skip
ORDER = Order("run", "1:1:0", ScriptKind.AUDIT, "audits", "", "AUDIT", "START", "START", VIEW, (ENCODER,))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${enc.1.address.port}", 80), ("udp://${enc.1.address.host}:${enc.1.address.port}", "udp://10.0.0.1:80"),
        ("${enc.1.values.rate}", 8), ("${enc.1.values.size}", "a"), ("${enc.1.properties.rack}", "B2"),
        ("${booking.name}", "Cup final"), ("${booking.properties.room}", {"floor": 2}), ("plain", "plain"), (5, 5),
        ({"a": ["${booking.id}", True]}, {"a": ["b-1", True]}),
    ],
)  # fmt: skip
def test_references_take_the_place_of_what_they_name(value: Any, expected: object) -> None:
    assert resolved(value, ORDER) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("${enc.1.values.gain}", "${enc.1.values.gain}: there is no gain (there is: rate, size)"),
        ("${dec.address.port}", "no node with a resource has that (they are: enc.1)"),
        ("${booking.properties.floor}", "there is no floor (there is: room)"),
        ("room ${booking.properties.room}", "${booking.properties.room} is no single value"),
    ],
)
def test_a_reference_that_leads_nowhere_says_where_it_could(value: str, words: str) -> None:
    with pytest.raises(Dangling) as wrong:
        resolved(value, ORDER)
    assert words in str(wrong.value)


async def test_a_round_in_a_real_host(room: Room) -> None:
    await room.device("enc").open()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        equipment = room.equipment("enc")
        equipment = replace(
            equipment, address={**equipment.address, "port": port}, applied={"profile.size": "1280x720"}
        )
        port_check = {"host": "127.0.0.1", "port": "${enc.address.port}", "patience": 50}
        checks = (
            AuditSpec("port", "tcp", port_check, within_us=0),
            AuditSpec("done before", "tcp", port_check, within_us=0),
            AuditSpec("devices", "config", within_us=0),
            AuditSpec("wrong", "ping", {"host": "127.0.0.1", "count": 0}, within_us=0),
        )
        before = {
            "state": "Down",
            "what": "w",
            "expected": "e",
            "found": "f",
            "message": "m",
            "evidence": {},
            "tries": 9,
        }
        order = room.order(
            "audits", equipment, kind=ScriptKind.AUDIT, checks=checks, attempts=1,
            steps=(RecordedStep("done before", StepState.DONE, before),),
        )  # fmt: skip
        report = await room.report(await room.pool(checks=SHIPPED), order)
    assert (report.outcome, report.reason) == (Outcome.OK, None)
    states = {"port": "Up", "done before": "Down", "devices": "Down", "wrong": "Unknown"}
    assert report.returned["checks"] == states
    assert str(report.returned["message"]).split("; ")[0] == "done before: Down: m"
    assert "wrong: Unknown: its parameters are wrong: count: is '0'" in str(report.returned["message"])
    steps = {s.name: s.result for s in room.ledger.ended}
    assert list(steps) == ["port", "devices", "wrong"]
    assert steps["devices"]["message"] == "enc: profile.size: expected '1280x720', found None"  # type: ignore[index]
