# SPDX-License-Identifier: Apache-2.0
"""Each shipped template is written, passes the check, and does what it says in a real script host."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from preroll.cli.exits import REFUSED, USAGE
from preroll.cli.scripts import TEMPLATES, written
from preroll.domain.created import NodeAction
from preroll.domain.machine import Outcome
from preroll.ports.scripts import ScriptKind
from tests.cli.conftest import Preroll
from tests.scripts.rig import Room


@pytest.fixture
async def room(tmp_path: Path):
    folder, devices = tmp_path / "scripts", tmp_path / "devices"
    folder.mkdir()
    devices.mkdir()
    room = Room(folder, devices)
    for template in TEMPLATES:
        (folder / f"my_{template.replace('-', '_')}.py").write_text(
            written(template, f"my_{template.replace('-', '_')}")
        )
    yield room
    for pool in room.pools:
        await pool.close(0.0)


def test_all_are_written_and_pass_the_check(preroll: Preroll, tmp_path: Path):
    where = ("--data", str(tmp_path))
    for number, template in enumerate(TEMPLATES):
        made = preroll("scripts", "new", f"script_{number}", "--template", template, *where)
        assert made.code == 0, made.err
        assert f"script_{number}.py was written" in made.out
    assert preroll("scripts", "check", *where).code == 0
    found = {s["name"]: s["kind"] for s in preroll("scripts", "list", "--json", *where).json["installed"]}
    kinds = ("lso", "profile_load", "start_failure", "created_action")
    assert found == {f"script_{number}": kind for number, kind in enumerate(kinds)}
    text = (tmp_path / "scripts" / "script_0.py").read_text()
    assert "script_name" not in text
    assert "SPDX" not in text, "it belongs to its author"


def test_what_is_there_is_left_alone(preroll: Preroll, tmp_path: Path):
    file = tmp_path / "scripts" / "mine.py"
    file.parent.mkdir()
    file.write_text("# mine")
    refused = preroll("scripts", "new", "mine", "--data", str(tmp_path))
    assert refused.code == REFUSED
    assert "was left alone" in refused.err
    assert file.read_text() == "# mine"


@pytest.mark.parametrize("name", ["two words", "../up", "class", "9lives", ""])
def test_a_name_that_cannot_be_is_refused(preroll: Preroll, tmp_path: Path, name: str):
    assert preroll("scripts", "new", name, "--data", str(tmp_path)).code == USAGE
    assert list(tmp_path.iterdir()) == []


async def test_the_lso_goes_up_but_not_from_failed(room: Room):
    pool = await room.pool()
    order = room.order("my_lso", room.equipment("a"), room.equipment("b"))
    assert (await room.report(pool, order)).outcome is Outcome.OK
    assert room.device("a").values() == {"profile.size": "1280x720", "on": True}
    refused = await room.report(pool, room.order("my_lso", room.equipment("c"), previous="FAILED"))
    assert refused.message == "the event before has failed: put the devices right, then acknowledge it"
    assert room.applies("c") == 0


@pytest.mark.parametrize("previous", ["START", "FAILED"])
async def test_the_lso_always_goes_down_the_last_one_first(room: Room, previous: str):
    bare = replace(room.equipment("x"), profile="", values={}, states={}, defaults={})
    missing = replace(room.equipment("b"), driver="nothing")
    order = room.order("my_lso", room.equipment("a"), missing, bare, target="STOP", previous=previous)
    report = await room.report(await room.pool(), order)
    assert (report.outcome, report.message) == (Outcome.FAILED, "not down: b")
    assert [s.name for s in room.ledger.ended] == ["apply_defaults:b", "apply_defaults:a"]
    assert room.device("a").values() == {"profile.size": "0x0"}


async def test_the_profile_load_loads_and_tells(room: Room):
    room.write("up.py", """
        @lso
        async def up(ctx):
            ctx.give("given", dict(await ctx.apply_profile("a")))
    """)  # fmt: skip
    report = await room.report(await room.pool(), room.order("up", room.equipment("a", load="my_profile_load")))
    assert (report.outcome, report.returned) == (Outcome.OK, {"given": {"loaded": ["size"]}})
    assert room.device("a").values() == {"profile.size": "1280x720"}


async def test_the_start_failure_script_writes_a_line(room: Room, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FAILURE_REPORT_URL", raising=False)
    monkeypatch.delenv("FAILURE_REPORT_FILE", raising=False)
    report = await room.report(await room.pool(), failure(room))
    assert report.outcome is Outcome.OK, report.message
    (line,) = (room.folder.parent / "failures.jsonl").read_text().splitlines()
    told = json.loads(line)
    assert (told["name"], told["reason"], told["detail"]) == ("Cup final", "LsoFailed", "no signal")
    assert told["resources"] == ["a-1"]


async def test_the_start_failure_script_posts_it(room: Room, monkeypatch: pytest.MonkeyPatch, far_end: FarEnd):
    monkeypatch.setenv("FAILURE_REPORT_URL", far_end.url)
    monkeypatch.setenv("FAILURE_REPORT_TOKEN", "s3cret")
    report = await room.report(await room.pool(), failure(room))
    assert report.outcome is Outcome.OK, report.message
    first, second = far_end.got
    assert first == second, "answered with 503, it is sent again under the same key"
    assert (first["Authorization"], first["body"]["reason"]) == ("Bearer s3cret", "LsoFailed")
    assert first["Idempotency-Key"].endswith(":send the report")
    assert "s3cret" not in repr((room.ledger.ended, room.ledger.lines))


async def test_the_created_action_refuses_or_fills_in(room: Room):
    pool = await room.pool()
    actions = (NodeAction("a", "my_created_action", {"prefix": "TV"}),)
    refused = await room.report(pool, room.order("created", kind=ScriptKind.CREATED, created=actions))
    assert "set the property customer" in refused.message
    order = room.order("created", kind=ScriptKind.CREATED, created=actions, properties={"customer": "ACME"})
    report = await room.report(pool, order)
    assert report.properties == {"reference": "TV-ACME-b-1"}


def failure(room: Room):
    return room.order(
        "my_start_failure", room.equipment("a"), kind=ScriptKind.START_FAILURE, reason="LsoFailed", detail="no signal"
    )


class FarEnd(HTTPServer):
    """Answers the first report with 503, the others with 204."""

    got: list[dict]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/reports"


def test_one_may_say_script_too(preroll: Preroll, tmp_path: Path):
    assert preroll("script", "new", "studio", "--data", str(tmp_path), "--template", "start-failure").code == 0
    assert (tmp_path / "scripts" / "studio.py").is_file()


class _Taking(BaseHTTPRequestHandler):
    server: FarEnd

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kept = {name: self.headers[name] for name in ("Authorization", "Idempotency-Key")}
        self.server.got.append({**kept, "body": body})
        self.send_response(503 if len(self.server.got) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    with FarEnd(("127.0.0.1", 0), _Taking) as server:
        server.got = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(60)
