# SPDX-License-Identifier: Apache-2.0
"""Scripts in real host processes: what they get, and what is recorded."""

from __future__ import annotations

from preroll.domain.machine import Outcome
from preroll.ports.rows import Severity, StepState
from tests.scripts.rig import Room


async def test_an_async_script_configures_its_resources(room: Room) -> None:
    room.write(
        "up.py",
        """
        @lso
        async def up(ctx):
            \"\"\"Brings it up.\"\"\"
            for label in ctx.resources:
                await ctx.apply_combined(label)
            ctx.log.info("on the air", who=ctx.booking.name)
            ctx.give("count", len(ctx.resources))
            ctx.set_property("on_air", True)
        """,
    )
    pool = await room.pool()
    report = await room.report(pool, room.order("up", room.equipment("encoder"), room.equipment("decoder")))
    assert (report.outcome, report.message) == (Outcome.OK, "")
    assert report.returned == {"count": 2}
    assert report.properties == {"on_air": True}
    assert report.version == pool.installed()[0].version
    assert len(report.version) == 12
    assert pool.installed()[0].summary == "Brings it up."
    assert [s.name for s in room.ledger.begun] == ["apply_combined:encoder", "apply_combined:decoder"]
    assert {s.version for s in room.ledger.begun} == {report.version}
    end = room.ledger.step("apply_combined:encoder")
    assert end.state is StepState.DONE
    assert set(end.diff) == {("profile.size", None, "1280x720"), ("on", None, True)}
    line = room.ledger.lines[-1]
    assert (line.severity, line.text, line.data) == (Severity.INFO, "on the air", {"who": "Cup final"})
    assert room.device("encoder").values() == {"profile.size": "1280x720", "on": True}
    assert room.device("encoder").lines()[1]["key"] == "1:1:0:apply_combined:encoder"


async def test_a_plain_script_makes_the_same_calls(room: Room) -> None:
    room.write(
        "up.py",
        """
        import threading

        @lso
        def up(ctx):
            me = threading.get_ident()
            given = ctx.apply_profile("encoder")
            where = ctx.step("where", lambda key: [key, threading.get_ident() == me])
            ctx.give("all", [dict(given), where])
            ctx.log.warning("careful")

        @profile_load
        def mine(ctx):
            ctx.load()
            ctx.give("read", ctx.driver.read()["profile.size"])
        """,
    )
    pool = await room.pool()
    report = await room.report(pool, room.order("up", room.equipment("encoder", load="mine")))
    assert report.message == ""
    assert report.returned == {"all": [{"read": "1280x720"}, ["1:1:0:where", True]]}
    assert [line.text for line in room.ledger.lines] == ["careful"]
