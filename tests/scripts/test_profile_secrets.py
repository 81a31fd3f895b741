# SPDX-License-Identifier: Apache-2.0
"""Secret parameters: the device gets them, and nothing that leaves the script host shows them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from preroll.ports.rows import RecordedStep, StepState
from preroll.ports.scripts import Equipment, Report
from preroll.sdk import DeviceError, Mismatch, Plan, Secret, Tolerance
from tests.scripts.devices import FileDevice
from tests.scripts.rig import Room

CANARY, OLDER = 'k3y/with "quotes"+é', "0lder-canary"
DIGEST = {"digest": Secret(CANARY).digest}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREROLL_SECRET_KEY", CANARY)


def secretive(room: Room, label: str = "a", reference: object = "env:KEY", **more: object) -> Equipment:
    """A resource of whose profile the key is a secret."""
    made = room.equipment(label, **more)  # type: ignore[arg-type]
    paths = {**made.paths, "key": "crypto.key"}
    return replace(made, values={**made.values, "key": reference}, paths=paths, secrets=("key",))


def told(room: Room, report: Report) -> str:
    """Everything that left the host."""
    return repr((report, room.ledger.begun, room.ledger.ended, room.ledger.lines))


def require_silence(text: str, *canaries: str) -> None:
    for canary in canaries or (CANARY,):
        encoded = base64.b64encode(canary.encode()).decode()
        for form in (canary, json.dumps(canary)[1:-1], repr(canary)[1:-1], quote(canary, safe=""), encoded):
            assert form not in text


async def run(room: Room, script: str, *equipment: Equipment, **changes: Any) -> Report:
    room.write("up.py", f"@lso\nasync def up(ctx):\n{script}")
    pool = await room.pool(**changes.pop("options", {}))
    return await room.report(pool, room.order("up", *equipment, **changes))


async def test_the_device_gets_it_and_the_journal_a_digest(room: Room) -> None:
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room))
    assert report.message == ""
    assert room.device("a").values() == {"profile.size": "1280x720", "crypto.key": CANARY}
    step = room.ledger.step("apply_profile:a")
    assert step.result == {"applied": {"profile.size": "1280x720", "crypto.key": DIGEST}}
    assert step.diff == (("profile.size", None, "1280x720"), ("crypto.key", None, DIGEST))
    require_silence(told(room, report))


async def test_an_old_value_is_no_less_a_secret(room: Room) -> None:
    device = room.device("a")
    device.note(what="apply", values={"crypto.key": OLDER})
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room))
    assert room.ledger.step("apply_profile:a").diff[1][1] == {"digest": Secret(OLDER).digest}
    require_silence(told(room, report), CANARY, OLDER)


async def test_what_is_read_back_is_compared_and_not_shown(room: Room) -> None:
    liar = secretive(room, lies={"crypto.key": OLDER})
    report = await run(room, "    await ctx.apply_profile('a')\n", liar)
    assert "crypto.key: expected <secret>, found <secret>" in report.message
    require_silence(told(room, report), CANARY, OLDER)


async def test_whatever_an_author_does_with_it_is_covered(room: Room) -> None:
    room.write(
        "up.py",
        """
        import base64, urllib.parse
        seen = {}
        @profile_load
        async def keep(ctx):
            seen.update(ctx.values)
            await ctx.load()
        @lso
        async def up(ctx):
            await ctx.apply_profile('a')
            secret = seen['key'].reveal()
            ctx.log.info(f'the key is {secret!r}', key=secret, deep={'keys': [secret], secret: 1})
            coded = base64.b64encode(secret.encode()).decode()
            ctx.log.warning(urllib.parse.quote(secret, safe=''), data=coded)
            await ctx.step('own', lambda _: {'key': secret, 'object': seen['key']}, repeatable=True)
            await ctx.step(f'step with {ctx.booking.name}', lambda _: [secret], repeatable=True)
            ctx.give('key', secret)
            ctx.give('object', seen['key'])
            ctx.set_property('note', f'uses {secret}')
            if ctx.previous == 'FAILED':
                raise RuntimeError(f'cannot use {secret}')
    """,
    )
    pool = await room.pool()
    good = await room.report(pool, room.order("up", secretive(room, load="keep")))
    assert good.returned == {"key": "<secret>", "object": DIGEST}
    assert good.properties == {"note": "uses <secret>"}
    assert room.ledger.step("own").result == {"key": "<secret>", "object": DIGEST}
    assert [line.text for line in room.ledger.lines] == ["the key is '<secret>'", "<secret>"]
    bad = await room.report(pool, room.order("up", secretive(room, load="keep"), previous="FAILED"))
    assert bad.message.startswith("RuntimeError: cannot use <secret>")
    require_silence(told(room, good) + told(room, bad))


async def test_a_profile_load_script_gets_a_secret_that_is_covered_when_it_gets_out(room: Room) -> None:
    room.write(
        "load.py",
        """
        @profile_load
        async def keep(ctx):
            ctx.log.info(str(ctx.values), desired=str(ctx.desired), plain=ctx.values['key'].reveal())
            ctx.give('key', ctx.values['key'].reveal())
            ctx.give('object', ctx.values['key'])
            await ctx.load()
            ctx.log.info(str(await ctx.driver.read()))
            raise GiveUp('cannot use ' + ctx.values['key'].reveal())
    """,
    )
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room, load="keep"))
    assert report.message == "apply_profile:a on a-1: cannot use <secret>"
    assert room.device("a").values()["crypto.key"] == CANARY
    require_silence(told(room, report))


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("hunter2", "values.key: is a secret, and no reference such as env:NAME, file:PATH, keyring:NAME or vault:"),
        ("env:NOBODY", "values.key: env:NOBODY needs PREROLL_SECRET_NOBODY in the environment"),
        (5, "values.key: is a secret, and no reference"),
    ],
)
async def test_a_reference_that_leads_nowhere_fails_the_step(room: Room, reference: object, reason: str) -> None:
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room, reference=reference))
    assert reason in report.message
    assert "hunter2" not in told(room, report)
    assert room.applies("a") == 0
    assert room.ledger.step("apply_profile:a").state is StepState.FAILED


async def test_an_lso_script_sees_the_reference(room: Room) -> None:
    report = await run(room, "    ctx.give('key', ctx.resources['a'].values['key'])\n", secretive(room))
    assert report.returned == {"key": "env:KEY"}


async def test_a_change_of_several_devices_keeps_digests(room: Room) -> None:
    report = await run(room, "    await ctx.change(values='profile')\n", secretive(room), secretive(room, "b"))
    assert report.message == ""
    assert room.device("b").values()["crypto.key"] == CANARY
    (first, *_) = room.ledger.step("change:START:plan").result["devices"]  # type: ignore[index]
    assert first["desired"]["crypto.key"] == DIGEST
    require_silence(told(room, report))


async def test_the_audit_of_a_configuration_compares_digests(room: Room) -> None:
    applied = {"profile.size": "1280x720", "crypto.key": DIGEST}
    room.device("a").note(what="apply", values={"profile.size": "1280x720", "crypto.key": CANARY})
    script = """
    from preroll.audits import Config
    ctx.give('now', (await ctx.audit(Config(), within=0, down='report')).state)
"""
    equipment = replace(secretive(room), applied=applied)
    assert (await run(room, script, equipment)).returned == {"now": "Up"}
    room.device("a").note(what="apply", values={"crypto.key": OLDER})
    pool = room.pools[0]
    report = await room.report(pool, room.order("up", equipment))
    assert report.returned == {"now": "Down"}
    require_silence(told(room, report), CANARY, OLDER)
    assert any("crypto.key: expected {'digest':" in str(line.data) for line in room.ledger.lines)


async def test_a_resumed_run_probes_with_the_secret(room: Room) -> None:
    room.device("a").note(what="apply", values={"profile.size": "1280x720", "crypto.key": CANARY})
    begun = (RecordedStep("apply_profile:a", StepState.BEGUN),)
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room), steps=begun)
    assert report.message == ""
    assert room.applies("a") == 1, "it was so already"
    assert room.ledger.step("apply_profile:a").result == {"applied": {"profile.size": "1280x720", "crypto.key": DIGEST}}


class Chatty(FileDevice):
    """Repeats in its errors what it was sent."""

    async def apply(self, plan: Plan, **_: Any) -> Any:  # type: ignore[override]
        raise DeviceError(f"400 Bad Request: {[c.new for c in plan.changes]}", device=self.name)

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        raise AssertionError("nothing was applied")

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        return {}


async def test_an_error_of_the_device_is_covered(room: Room, tmp_path: Path) -> None:
    options = {"drivers": {"file": "tests.scripts.test_profile_secrets:Chatty"}}
    report = await run(room, "    await ctx.apply_profile('a')\n", secretive(room), options=options)
    assert "400 Bad Request: ['1280x720', '<secret>']" in report.message
    require_silence(told(room, report))
