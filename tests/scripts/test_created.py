# SPDX-License-Identifier: Apache-2.0
"""Created booking actions in a real host: async and plain, one after the other, the first failure stops them."""

from __future__ import annotations

import pytest

from preroll.domain.boundaries import Reason
from preroll.domain.created import NodeAction
from preroll.domain.machine import Outcome
from preroll.ports.scripts import ScriptKind
from tests.scripts.rig import Room

SCRIPTS = """
from preroll.sdk import Rejected, created_action, handle_exception, lso

@created_action
async def choose(ctx):
    \"\"\"Take what is named.\"\"\"
    ctx.assign(ctx.node, ctx.parameters["name"])
    ctx.set_value(ctx.node, "rate", await ctx.step("ask", lambda key: 7, repeatable=True))
    ctx.log.info("chosen", node=ctx.node)

@created_action
def refuse(ctx):
    try:
        ctx.step("ask", lambda key: key, repeatable=True)
        raise RuntimeError("the hall is closed on Mondays")
    except RuntimeError as error:
        handle_exception(ctx, error)

@lso
async def on_air(ctx):
    pass
"""


async def ran(room: Room, *actions: NodeAction):
    room.write("created.py", SCRIPTS)
    order = room.order("created booking actions", kind=ScriptKind.CREATED, created=actions)
    return await room.report(await room.pool(), order)


async def test_each_node_says_what_it_wants(room: Room) -> None:
    report = await ran(room, NodeAction("a", "choose", {"name": "ENC 1"}), NodeAction("b", "choose", {"name": "ENC 2"}))
    assert report.outcome is Outcome.OK, report.message
    wanted = {"a": {"resource": "ENC 1", "values": {"rate": 7}}, "b": {"resource": "ENC 2", "values": {"rate": 7}}}
    assert report.returned["patch"] == wanted
    assert list(report.returned["versions"]) == ["choose"]  # type: ignore[call-overload]
    assert [s.name for s in room.ledger.ended] == ["a: ask", "b: ask"]


@pytest.mark.parametrize(
    ("script", "told", "reason"),
    [
        ("refuse", "the hall is closed on Mondays", Reason.LSO_FAILED),
        ("nowhere", "the script nowhere is not installed", Reason.SCRIPT_MISSING),
        ("on_air", "the script on_air is an LSO script, not a created booking action", Reason.SCRIPT_MISSING),
    ],
)
async def test_the_first_that_fails_stops_the_others(room: Room, script: str, told: str, reason: Reason) -> None:
    report = await ran(room, NodeAction("a", script, {}), NodeAction("b", "choose", {"name": "ENC 2"}))
    assert (report.outcome, report.message, report.reason) == (Outcome.FAILED, told, reason)
    assert "b: ask" not in [s.name for s in room.ledger.ended]


async def test_a_resumed_run_wants_the_versions_that_it_began_with(room: Room) -> None:
    """Of every action together: they are in one run."""
    actions = NodeAction("a", "choose", {"name": "ENC 1"}), NodeAction("b", "choose", {"name": "ENC 2"})
    report = await ran(room, *actions)
    (began,) = {step.version for step in room.ledger.begun}
    assert began == report.version != ""
    room.write("created.py", SCRIPTS + "# changed\n")
    order = room.order("created booking actions", kind=ScriptKind.CREATED, created=actions, version=began)
    changed = await room.report(await room.pool(), order)
    assert changed.outcome is Outcome.FAILED
    assert changed.message.startswith(f"ScriptChanged: the run began with version {began} of created booking actions")
