# SPDX-License-Identifier: Apache-2.0
"""Created booking actions on the inline set: what they may fill, how they fail, and that nothing is left half done."""

from __future__ import annotations

import asyncio

import pytest

from preroll.app.bookings import Edit, NewBooking
from preroll.bootstrap.inline import inline_set
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import BoundaryState
from preroll.domain.created import PROPERTY
from preroll.domain.definition import CreatedAction, Node, ServiceDefinition
from preroll.domain.errors import ActionNotPossible, NotReady
from preroll.domain.permission import LOCAL
from preroll.domain.window import MINUTE, SECOND
from preroll.sdk import CreatedContext, Rejected, created_action, handle_exception
from tests.builders import ACTIONS, NOON
from tests.system.stage import Cast, Stage, furnish
from tests.system.test_action_table import api

__all__ = ["api"]

SEED = '{"Script": "Script:find||Wanted=enc-2;\n For=[RESERVATIONID]"}'


class Crew:
    """The scripts of two nodes, and what tests have them do."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], str]] = []
        self.fails: BaseException | None = None
        self.value: object = 9
        self.pause: asyncio.Event | None = None

    @property
    def scripts(self) -> dict[str, object]:
        @created_action(name="find")
        async def find(ctx: CreatedContext) -> None:
            """Choose the encoder that is wanted."""
            self.calls.append((ctx.node, dict(ctx.parameters), ctx.booking.id))
            if self.pause:
                await self.pause.wait()
            await ctx.step("reserve outside", lambda _: asyncio.sleep(0), repeatable=True)
            ctx.assign("Encoder", ctx.parameters["Wanted"])
            ctx.set_value("Encoder", "bitrate", self.value)

        @created_action(name="check")
        async def check(ctx: CreatedContext) -> None:
            """Say no if it has been told to."""
            self.calls.append((ctx.node, dict(ctx.parameters), ctx.booking.id))
            await ctx.step("reserve outside", lambda _: asyncio.sleep(0), repeatable=True)
            ctx.set_property("checked", True)
            if self.fails:
                raise self.fails

        return {"find": find, "check": check}


DEFINITION = ServiceDefinition(
    "Found",
    nodes=(
        Node("Encoder", profile="Encoding", default_profile="HD", order=1, hidden=True, properties={PROPERTY: SEED}),
        Node("Desk", optional=True, order=2, created_action=CreatedAction("check")),
    ),
    actions=ACTIONS,
)


@pytest.fixture
def crew() -> Crew:
    return Crew()


@pytest.fixture
async def stage(crew: Crew):
    cast = Cast()
    async with inline_set({**cast.scripts, **crew.scripts}) as rig:
        await furnish(rig.app)
        await rig.app.catalogue.apply(LOCAL, "default", [DEFINITION])
        yield Stage(rig, cast)


async def booked(stage: Stage, **more) -> str:
    timing = Timing(NOON, NOON + 60 * MINUTE, 5 * MINUTE, 5 * MINUTE)
    made = await stage.app.bookings.create(LOCAL, NewBooking("News", timing, definition="Found", **more))
    return made.booking.id


async def confirmed(stage: Stage, ident: str):
    said = await stage.confirm(ident)
    assert said.booking.entering == "Confirmed"
    await stage.rig.quiet()
    return await stage.see(ident)


async def test_an_action_fills_a_hidden_node_and_the_booking_is_confirmed(stage, crew):
    ident = await booked(stage)
    found = await confirmed(stage, ident)
    assert (found.booking.state, found.booking.entering) == (State.CONFIRMED, "")
    assert found.resources[found.booking.nodes["Encoder"].resource] == "enc-2"
    assert found.booking.nodes["Encoder"].values == {"bitrate": 9}
    assert found.booking.properties == {"checked": True}
    assert crew.calls == [("Encoder", {"Wanted": "enc-2", "For": ident}, ident), ("Desk", {}, ident)]
    assert [(r.run.event, r.run.outcome) for r in await stage.runs(ident)] == [("CREATED_BOOKING_ACTION", "ok")]
    await stage.to(0)
    assert (await stage.state(ident)) is State.ACTIVE
    assert stage.device("enc-2")["video.bitrate"] == 8


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Rejected("nobody is at the desk before nine"), "nobody is at the desk before nine"),
        (ValueError("no desk"), "the created booking action check of node Desk failed: ValueError: no desk"),
    ],
)
async def test_a_failing_action_makes_it_partial_and_its_message_is_told(stage, crew, error, told):
    crew.fails = error
    ident = await booked(stage)
    await stage.hold(ident)
    found = await confirmed(stage, ident)
    assert (found.booking.state, found.booking.entering) == (State.PARTIAL, "")
    assert found.confirming.state is BoundaryState.FAILED
    assert told in found.confirming.message
    assert (found.booking.nodes, found.booking.properties) == ({}, {}), "nothing of the patch is kept"
    crew.fails = None
    assert (await confirmed(stage, ident)).booking.state is State.CONFIRMED
    assert len(crew.calls) == 4, "on every confirm"


async def test_who_confirms_at_the_api_is_told_what_the_actions_said(stage, api, crew):
    crew.fails = Rejected("nobody is at the desk before nine")
    ident = await booked(stage)
    said = (await api.post(f"/api/v1/bookings/{ident}/confirm")).json()
    assert said["confirming"]["state"] == "failed", "not that they still run"
    assert "nobody is at the desk before nine" in said["confirming"]["message"]
    crew.fails = None
    said = (await api.post(f"/api/v1/bookings/{ident}/confirm")).json()
    assert (said["state"], said["confirming"]["state"]) == ("Confirmed", "done")
    changes = (await api.get(f"/api/v1/bookings/{ident}/changes")).json()
    ends = [change["after"] for change in changes if change["kind"] == "booking.created_actions"]
    assert ends == ["failed", "done"], "whoever follows is told of the end"


def test_the_seeds_handler_shows_the_message_of_the_exception():
    with pytest.raises(Rejected, match=r"^the desk is closed$"):
        handle_exception(None, RuntimeError("the desk is closed"))


async def test_a_patch_that_cannot_be_leaves_the_booking_as_it_was(stage, crew):
    taken = await stage.book("Sport", encoder="enc-2")
    ident = await booked(stage)
    await stage.hold(ident)
    found = await confirmed(stage, ident)
    assert found.booking.state is State.ON_HOLD
    assert "enc-2 is held by Sport" in found.confirming.message
    assert found.booking.nodes == {}
    crew.value = "much"
    await stage.cancel(taken)
    assert "nodes.Encoder.values.bitrate: is 'much'" in (await confirmed(stage, ident)).confirming.message


async def test_while_they_run_nobody_edits_and_a_cancel_stands(stage, crew):
    crew.pause = asyncio.Event()
    ident = await booked(stage)
    await stage.confirm(ident)
    await stage.rig.until(stage.now + SECOND)
    for action in (lambda: stage.edit(ident, name="Other"), lambda: stage.confirm(ident), lambda: stage.hold(ident)):
        with pytest.raises(ActionNotPossible, match="it is being confirmed"):
            await action()
    assert (await stage.see(ident)).confirming.state is BoundaryState.RUNNING
    await stage.cancel(ident)
    crew.pause.set()
    await stage.rig.quiet()
    assert (await stage.state(ident)) is State.CANCELED


async def test_what_is_missing_beside_the_nodes_is_told_before_anything_runs(stage, crew):
    ident = await booked(stage)
    await stage.to(2 * 3600)
    with pytest.raises(NotReady, match="on-air end has passed"):
        await stage.confirm(ident)
    assert crew.calls == []


async def test_a_script_that_is_not_installed_says_so(stage, crew):
    lost = ServiceDefinition("Lost", nodes=(Node("a", optional=True, created_action=CreatedAction("nowhere")),))
    await stage.app.catalogue.apply(LOCAL, "default", [lost])
    made = await stage.app.bookings.create(LOCAL, NewBooking("Lost", Timing(NOON, NOON + MINUTE), definition="Lost"))
    found = await confirmed(stage, made.booking.id)
    assert (found.booking.state, found.booking.entering) == (State.PARTIAL, "")
    assert "the script nowhere is not installed" in found.confirming.message


async def test_a_confirmed_one_that_leaves_quarantine_runs_them_again(stage, crew):
    ident = await booked(stage)
    await confirmed(stage, ident)
    rival = await stage.book("Cup final", encoder="enc-2", priority=5, force=True, confirm=False)
    assert await stage.state(ident) is State.QUARANTINED
    await stage.cancel(rival)
    await stage.leave_quarantine(ident)
    await stage.rig.quiet()
    assert await stage.state(ident) is State.CONFIRMED
    assert len(crew.calls) == 4


async def test_who_leaves_quarantine_at_the_api_is_told_what_the_actions_said(stage, api, crew):
    ident = await booked(stage)
    await confirmed(stage, ident)
    rival = await stage.book("Cup final", encoder="enc-2", priority=5, force=True, confirm=False)
    await stage.cancel(rival)
    path, key = f"/api/v1/bookings/{ident}/leave-quarantine", {"Idempotency-Key": "one"}
    refused = await api.post(path, headers={"Prefer": "wait=soon"})
    assert (refused.status_code, await stage.state(ident)) == (400, State.QUARANTINED), "bad input changes nothing"
    crew.pause = asyncio.Event()
    begun = await api.post(path, headers={**key, "Prefer": "wait=0"})
    assert (begun.status_code, begun.json()["confirming"]["state"]) == (202, "armed")
    crew.pause.set()
    ended = await api.post(path, headers=key)
    assert (ended.status_code, ended.headers["Idempotency-Replayed"]) == (200, "true")
    assert (ended.json()["state"], ended.json()["confirming"]["state"]) == ("Confirmed", "done")


async def test_a_forced_rival_while_they_run_keeps_it_from_being_confirmed(stage, crew):
    crew.pause = asyncio.Event()
    ident = await booked(stage, nodes={"Encoder": NodeChoice("enc-2")})
    await stage.confirm(ident)
    await stage.rig.until(stage.now + SECOND)
    await stage.book("Cup final", encoder="enc-2", priority=5, force=True, confirm=False)
    crew.pause.set()
    await stage.rig.quiet()
    found = await stage.see(ident)
    assert (found.booking.state, found.booking.entering) == (State.QUARANTINED, "")
    assert "enc-2 is held by Cup final" in found.confirming.message


async def test_one_that_takes_too_long_is_partial(stage, crew):
    crew.pause = asyncio.Event()
    found = await confirmed(stage, await booked(stage))
    assert found.booking.state is State.PARTIAL
    assert "not done after 120 s" in found.confirming.message, "60 s for each of two nodes"


POINTS = [
    *(f"{call}.{when}" for call in ("claim", "begin", "end", "settle") for when in ("before", "written", "committed")),
    "host.started", "host.begun", "host.ended", "host.finishing",
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_a_point_it_is_confirmed_once(stage, crew, point):
    ident = await booked(stage)
    stage.rig.crash_at(point)
    await stage.confirm(ident)
    await stage.rig.until(stage.now + SECOND)
    assert stage.rig.engine is None, f"{point} was not reached"
    await stage.rig.start()
    await stage.rig.quiet()
    found = await stage.see(ident)
    assert (found.booking.state, found.booking.entering) == (State.CONFIRMED, "")
    assert found.confirming.state is BoundaryState.DONE
    assert [c.after for c in await stage.history(ident) if c.kind == "booking.state"] == ["Confirmed"]
    (run,) = await stage.runs(ident)
    assert sorted((s.name, s.state) for s in run.steps) == [
        ("Desk: reserve outside", "done"), ("Encoder: reserve outside", "done"),
    ]  # fmt: skip


async def test_an_edit_keeps_the_nodes_that_were_found(stage, crew):
    ident = await booked(stage)
    await confirmed(stage, ident)
    await stage.app.bookings.edit(LOCAL, ident, None, Edit(name="Late news"))
    assert await stage.state(ident) is State.CONFIRMED
