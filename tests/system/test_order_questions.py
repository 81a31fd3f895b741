# SPDX-License-Identifier: Apache-2.0
"""Orders of which nothing tells what a device has: they ask an operator, and go on by the answer, or fail in time."""

from __future__ import annotations

import pytest

from preroll.app.order_questions import Answer
from preroll.domain.deployment import Has
from preroll.domain.errors import ActionNotPossible, Invalid, NotPermitted
from preroll.domain.order import OrderItem, OrderKind, OrderPhase, OrderState
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import HOUR, MINUTE, SECOND
from preroll.drivers.sim import FaultKind
from preroll.tmf.hubs import EVENTS
from tests.system.test_orders import LINE, OFF, ON, Office

K, S = OrderKind, OrderState
EVE = Actor("eve", frozenset({"operator"}))
BOTH = {label: {"values": {"input": "SDI 2"}} for label in "AB"}
THE_SECOND_APPLY = 3
"""After the plan, and that of the first device."""
NEW = {**ON, "video.input": "SDI 2"}


class Asked(Office):
    """An office whose second device is lost when nobody can tell what it has."""

    async def asking(self) -> str:
        """A modify that asks what the second device has; its id."""
        self.service = await self.line()
        await self.stage.rig.until(self.stage.now + SECOND)
        return await self.left_open(K.MODIFY, self.service, nodes=BOTH)

    async def left_open(self, kind: OrderKind, service: str, **values: object) -> str:
        self.stage.rig.crash_at("host.applied", THE_SECOND_APPLY)
        ident = await self.make(OrderItem("it", kind, service, values=values))
        await self.orders.schedule(LOCAL, ident, None)
        await self.stage.rig.quiet()
        self.stage.rig.crash_at("nowhere")
        self.stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
        if self.stage.rig.engine is None:
            await self.stage.rig.start()
        await self.stage.rig.quiet()
        return ident

    async def answer(self, ident: str, answer: Answer, by: Actor = EVE):
        await self.stage.app.order_questions.answer(by, ident, None, answer)
        await self.stage.rig.quiet()
        return await self.orders.get(LOCAL, ident)


@pytest.fixture
async def office(stage) -> Asked:
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in ("enc-1", "enc-2", "enc-3"):
        stage.rig.devices.introduce(name, dict(OFF))
    return Asked(stage)


async def test_an_order_asks_what_a_device_has_that_nothing_tells_of(office, stage):
    ident = await office.asking()
    asking = await office.orders.get(LOCAL, ident)
    assert (asking.order.state, asking.phase) == (S.IN_PROGRESS, OrderPhase.AWAITING_OPERATOR), asking.order.why
    (question,) = asking.questions
    assert (question.node, question.device) == ("it/B", "enc-2")
    assert "has it the old or the new?" in asking.order.why
    assert asking.answer_by_us is not None
    assert stage.now < asking.answer_by_us <= stage.now + 15 * MINUTE
    possible = {one.name for one in asking.actions if one.possible}
    assert possible == {"answer", "clone"}
    with pytest.raises(ActionNotPossible, match="answer what it asks"):
        await office.orders.cancel(LOCAL, ident, None)
    told = [c for c in await office.orders.history(LOCAL, ident) if c.kind == "order.awaiting_operator"]
    assert [("enc-2" in c.why or "it/B" in c.why) for c in told] == [True]


async def test_a_wrong_answer_changes_nothing(office, stage):
    ident = await office.asking()
    before = await office.orders.get(LOCAL, ident)
    for answer, where in ((Answer(), "has.it/B"), (Answer({"it/A": Has.OLD, "it/B": Has.OLD}), "has.it/A")):
        with pytest.raises(Invalid) as refused:
            await office.answer(ident, answer)
        assert [m.where for m in refused.value.mistakes] == [where]
    with pytest.raises(NotPermitted):
        await office.answer(ident, Answer(every=Has.OLD), Actor("vic", frozenset({"viewer"})))
    assert (await office.orders.get(LOCAL, ident)).order == before.order


async def test_the_old_by_an_operators_word_is_left_alone_and_all_is_old(office, stage):
    ident = await office.asking()
    ended = await office.answer(ident, Answer({"it/B": Has.OLD}))
    assert (ended.order.state, ended.residue, ended.questions) == (S.FAILED_DEPLOY, {}, ())
    assert office.device("enc-1") == ON
    seen = await office.see(office.service)
    assert (seen.service.state, seen.service.deployed) == (Provisioned.FAIL_DEPLOY, 1)
    with pytest.raises(ActionNotPossible):
        await office.answer(ident, Answer(every=Has.OLD))
    outside = [
        told["state"]
        for change in await office.orders.history(LOCAL, ident)
        for event in EVENTS
        if event.name == "ServiceOrderStateChangeEvent" and (told := event.of(change))
    ]
    assert outside == ["inProgress", "pending", "inProgress", "failed"]


async def test_the_new_is_undone_when_the_device_is_there_again(office, stage):
    ident = await office.asking()
    again = await office.answer(ident, Answer(every=Has.NEW))
    assert again.phase is OrderPhase.AWAITING_OPERATOR, "it could not be undone, and is asked about once more"
    assert again.answer_by_us is not None
    stage.rig.devices.clear("enc-2")
    ended = await office.answer(ident, Answer(every=Has.NEW))
    assert (ended.order.state, ended.residue) == (S.FAILED_DEPLOY, {})
    assert office.device("enc-1") == office.device("enc-2") == ON


async def test_whom_nobody_answers_fails_in_time_and_lists_what_is_not_known(office, stage):
    ident = await office.asking()
    until = (await office.orders.get(LOCAL, ident)).answer_by_us
    await office.answer(ident, Answer(every=Has.NEW))
    assert (await office.orders.get(LOCAL, ident)).answer_by_us == until, "an answer does not put the end off"
    await stage.rig.until(until + SECOND)
    failed = await office.end(ident)
    assert (failed.order.state, set(failed.residue)) == (S.FAILED_DEPLOY, {"it/B"})
    assert "no operator has answered" in failed.order.why
    assert (await office.see(office.service)).service.deployed is None
    stage.rig.devices.clear("enc-2")
    await office.orders.retry(LOCAL, ident, None)
    done = await office.end(ident)
    assert (done.order.state, office.device("enc-1"), office.device("enc-2")) == (S.COMPLETED, NEW, NEW)


async def test_giving_up_fails_it_at_once(office, stage):
    ident = await office.asking()
    failed = await office.answer(ident, Answer(give_up=True))
    assert (failed.order.state, set(failed.residue)) == (S.FAILED_DEPLOY, {"it/B"})
    moves = [(c.actor, c.after) for c in await office.orders.history(LOCAL, ident) if c.kind == "order.state"]
    assert moves[-1] == ("eve", "Failed Deploy")
    await stage.rig.until(stage.now + HOUR)
    assert (await office.orders.get(LOCAL, ident)).order == failed.order


async def test_who_is_lost_before_its_question_is_settled_asks_all_the_same(office, stage):
    """The question is written down with the order, and the end of the run a moment later."""
    office.service = await office.line()
    await stage.rig.until(stage.now + SECOND)
    stage.rig.crash_at("host.applied", THE_SECOND_APPLY)
    ident = await office.make(OrderItem("it", K.MODIFY, office.service, values={"nodes": BOTH}))
    await office.orders.schedule(LOCAL, ident, None)
    await stage.rig.quiet()
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    stage.rig.crash_at("settle.before", 1)
    await stage.rig.start()
    await stage.rig.quiet()
    assert (await office.orders.get(LOCAL, ident)).phase is OrderPhase.AWAITING_OPERATOR
    stage.rig.crash_at("nowhere")
    if stage.rig.engine is None:
        await stage.rig.start()
    await stage.rig.until(stage.now + MINUTE)
    asking = await office.orders.get(LOCAL, ident)
    assert (asking.order.state, asking.phase) == (S.IN_PROGRESS, OrderPhase.AWAITING_OPERATOR), asking.order.why
    ended = await office.answer(ident, Answer({"it/B": Has.OLD}))
    assert (ended.order.state, ended.residue) == (S.FAILED_DEPLOY, {})


async def test_an_answer_survives_a_crash(office, stage):
    ident = await office.asking()
    stage.rig.crash_at("claim.committed", 1)
    await stage.app.order_questions.answer(EVE, ident, None, Answer(every=Has.OLD))
    await stage.rig.quiet()
    stage.rig.crash_at("nowhere")
    if stage.rig.engine is None:
        await stage.rig.start()
    ended = await office.end(ident)
    assert (ended.order.state, ended.residue, office.device("enc-1")) == (S.FAILED_DEPLOY, {}, ON)
