# SPDX-License-Identifier: Apache-2.0
"""What follows from the audits of services: differences accepted or approved, alarms, and audits by a schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from preroll.app.service_audits import Approved
from preroll.domain.audit import AuditSpec, Configuration, OnUnknown, Status
from preroll.domain.audit_schedule import AuditSchedule
from preroll.domain.config import PlatformConfig
from preroll.domain.differences import AlarmKind, Gap
from preroll.domain.errors import ActionNotPossible, Invalid, NotPermitted
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import DAY, HOUR, MINUTE, SECOND
from preroll.drivers.sim import FaultKind
from tests.system.stage import CONFIG
from tests.system.test_orders import LINE, OFF, ON, Office, rate

K = OrderKind
EVE = Actor("eve", frozenset({"operator"}))
DRIFTED = {"video.input": "SDI 7"}


class Watched(Office):
    """An office that looks at what its audits find."""

    async def audit(self, service: str):
        """Audit it now, and tell what is known of it."""
        await self.stage.rig.until(self.stage.now + SECOND)
        await self.services.audit(LOCAL, service)
        await self.stage.rig.quiet()
        return await self.see(service)

    async def drifted(self, **values: object) -> str:
        """A line of which a device was changed behind its back, as an audit has found it."""
        service = await self.line()
        self.stage.rig.devices.tamper("enc-1", values or DRIFTED)
        await self.audit(service)
        return service

    async def approve(self, service: str, until: int, **changes: object):
        seen = await self.see(service)
        approved = replace(Approved(seen.drift.hash, "agreed with the site", until), **changes)
        return await self.stage.app.service_audits.approve(EVE, service, None, approved)

    async def accept(self, service: str, drift: str = ""):
        seen = await self.see(service)
        return await self.stage.app.service_audits.accept(EVE, service, None, drift or seen.drift.hash, "as agreed")

    async def facts(self, service: str, *kinds: str) -> list[tuple[str, str, str]]:
        return [
            (c.kind.removeprefix("service."), c.before, c.after)
            for c in await self.services.history(LOCAL, service) if c.kind in kinds
        ]  # fmt: skip

    async def alarms(self, service: str) -> list[tuple[str, str, str]]:
        return await self.facts(service, "service.alarm", "service.alarm_cleared")


@pytest.fixture
async def office(stage) -> Watched:
    await stage.app.catalogue.apply(LOCAL, "default", [LINE])
    for name in ("enc-1", "enc-2", "enc-3"):
        stage.rig.devices.introduce(name, dict(OFF))
    return Watched(stage)


async def night(stage):
    return [(one.service.name, one.alarm.kind) for one in (await stage.app.nights.of(LOCAL, "default")).needing.alarmed]


async def test_a_difference_raises_an_alarm_until_it_is_gone(office, stage):
    service = await office.drifted()
    seen = await office.see(service)
    (one,) = seen.drift.known
    assert (one.difference.node, one.difference.path, one.difference.gap) == ("A", "video.input", Gap.CHANGED)
    assert (one.difference.expected, one.difference.found) == ("SDI 1", "SDI 7")
    assert [(a.kind, "video.input is 'SDI 7'" in a.what) for a in seen.alarms] == [(AlarmKind.DRIFT, True)]
    assert await night(stage) == [("Line to B", AlarmKind.DRIFT)]
    again = await office.audit(service)
    assert again.drift.known[0].since_us == one.since_us
    await office.change(K.REDEPLOY, service)
    seen = await office.see(service)
    assert (seen.known.configuration, seen.drift.known, seen.alarms) == (Configuration.IN_SYNC, (), ())
    assert await office.alarms(service) == [("alarm", "", "drift"), ("alarm_cleared", "drift", "")]
    assert await night(stage) == []


@pytest.mark.parametrize(
    "asked",
    [(), (AuditSpec("up", "tcp", {"host": "localhost", "port": 1}, (), 0, OnUnknown.PENDING),)],
    ids=["no audits", "no look at devices"],
)
async def test_devices_are_read_whatever_the_definition_asks_for(office, stage, asked):
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, audits=asked)])
    service = await office.line()
    assert await rounds(office, service) == [], "its order asks for no audit"
    assert (await office.see(service)).known.configuration is Configuration.UNKNOWN
    stage.rig.devices.tamper("enc-1", DRIFTED)
    done = await office.change(K.VALIDATE, service)
    assert done.order.state is OrderState.COMPLETED
    seen = await office.see(service)
    assert [(one.difference.node, one.difference.found) for one in seen.drift.known] == [("A", "SDI 7")]
    assert [a.kind for a in seen.alarms if a.kind is AlarmKind.DRIFT] == [AlarmKind.DRIFT]
    assert [c.name for c in (await office.services.audits(LOCAL, service)).rounds[0].checks][-1] == "config"
    await office.accept(service)
    assert (await office.audit(service)).known.configuration is Configuration.IN_SYNC
    await scheduled(stage, AuditSchedule(every_us=HOUR))
    assert (await office.see(service)).next_audit_us is not None


async def test_a_definition_says_how_its_devices_are_looked_at(office, stage):
    mine = AuditSpec("devices", "config", {"ignore": ["video.input"]}, ())
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, audits=(mine,))])
    service = await office.line()
    stage.rig.devices.tamper("enc-1", DRIFTED)
    assert (await office.audit(service)).known.configuration is Configuration.IN_SYNC
    assert [c.name for c in (await office.services.audits(LOCAL, service)).rounds[0].checks] == ["devices"]


async def test_what_the_devices_have_is_accepted_as_a_new_revision_without_touching_them(office, stage):
    service = await office.drifted()
    accepted = await office.accept(service)
    await stage.rig.quiet()
    s = accepted.service
    assert (s.state, s.desired, s.deployed, s.last_good) == (Provisioned.DEPLOYED, 2, 2, 2)
    assert accepted.revisions[1].nodes["A"].values == {"input": "SDI 7"}
    assert office.device("enc-1") == {**ON, **DRIFTED}
    seen = await office.see(service)
    assert (seen.known.configuration, seen.alarms, seen.drift.hash) == (Configuration.IN_SYNC, (), "")
    told = [c for c in await office.services.history(LOCAL, service) if c.kind == "service.accepted"]
    assert [(c.actor, "as agreed" in c.why, c.cause) for c in told] == [("eve", True, "accept actual")]
    await office.change(K.REDEPLOY, service)
    assert office.device("enc-1") == {**ON, **DRIFTED}
    await office.change(K.REDEPLOY, service, revision=1)
    assert office.device("enc-1") == ON


async def test_a_value_of_the_service_state_is_accepted_in_a_copy_of_the_profile(office):
    service = await office.drifted(**{"video.bitrate": 12})
    accepted = await office.accept(service)
    kept = accepted.carrier.nodes["A"].kept
    assert kept.states["START"]["bitrate"] == 12
    await office.change(K.REDEPLOY, service)
    assert office.device("enc-1")["video.bitrate"] == 12
    await office.change(K.MODIFY, service, nodes={"A": {"values": {"input": "SDI 4"}}})
    assert office.device("enc-1") == {"video.bitrate": 12, "video.input": "SDI 4"}
    assert (await office.see(service)).known.configuration is Configuration.IN_SYNC


async def test_a_failed_modify_is_left_by_accepting_what_the_devices_have(office, stage):
    service = await office.line()
    stage.rig.devices.fault("enc-2", FaultKind.VANISHES)
    failed = await office.change(K.MODIFY, service, nodes={"A": {"values": {"input": "SDI 2"}}})
    assert failed.order.state is OrderState.FAILED_DEPLOY
    stage.rig.devices.clear("enc-2")
    stage.rig.devices.tamper("enc-1", DRIFTED)
    await office.audit(service)
    accepted = await office.accept(service)
    assert (accepted.service.state, accepted.service.deployed) == (Provisioned.DEPLOYED, 3)


async def test_what_cannot_be_taken_is_told_value_by_value_and_nothing_changes(office):
    service = await office.drifted(**{"video.bitrate": -4, "video.input": "SDI 7"})
    before = await office.see(service)
    with pytest.raises(Invalid) as refused:
        await office.accept(service)
    assert [m.where for m in refused.value.mistakes] == ["differences.A.video.bitrate"]
    assert (await office.see(service)) == before


async def test_only_what_was_seen_is_accepted_or_approved(office, stage):
    service = await office.line()
    with pytest.raises(ActionNotPossible, match="no audit has found a difference"):
        await office.accept(service, "any")
    stage.rig.devices.tamper("enc-1", DRIFTED)
    seen = await office.audit(service)
    stage.rig.devices.tamper("enc-1", {"video.input": "SDI 8"})
    await office.audit(service)
    for action in (
        office.accept(service, seen.drift.hash),
        office.approve(service, stage.now + DAY, drift=seen.drift.hash),
    ):
        with pytest.raises(ActionNotPossible, match="other differences were seen"):
            await action
    nobody = Actor("vic", frozenset({"viewer"}))
    with pytest.raises(NotPermitted):
        await stage.app.service_audits.accept(nobody, service, None, seen.drift.hash, "because")
    with pytest.raises(Invalid, match="reason"):
        await stage.app.service_audits.accept(EVE, service, None, seen.drift.hash, " ")
    for until in (stage.now, stage.now + 400 * DAY):
        with pytest.raises(Invalid, match="until"):
            await office.approve(service, until)
    with pytest.raises(Invalid, match="only"):
        await office.approve(service, stage.now + DAY, only=(("B", "video.input"),))


async def test_an_approved_difference_alarms_nobody_until_its_end(office, stage):
    service = await office.drifted()
    approved = await office.approve(service, stage.now + 2 * HOUR)
    assert (approved.known.configuration, approved.alarms) == (Configuration.APPROVED, ())
    assert approved.drift.known[0].allowance.by == "eve"
    again = await office.audit(service)
    assert (again.known.configuration, again.alarms) == (Configuration.APPROVED, ())
    await stage.rig.until(stage.now + 2 * HOUR)
    assert await stage.app.service_watch.sweep() is False
    ended = await office.see(service)
    assert (ended.known.configuration, [a.kind for a in ended.alarms]) == (Configuration.OUT_OF_SYNC, ["drift"])
    assert ended.drift.known[0].allowance is None
    assert [kind for kind, *_ in await office.alarms(service)] == ["alarm", "alarm_cleared", "alarm"]
    assert len(await office.facts(service, "service.approval_ended")) == 1
    await stage.app.service_watch.sweep()
    assert len(await office.facts(service, "service.approval_ended")) == 1


async def test_an_approval_ends_with_the_difference_it_was_given_for_and_with_a_change_of_the_service(office, stage):
    service = await office.drifted()
    await office.approve(service, stage.now + DAY)
    stage.rig.devices.tamper("enc-1", {"video.input": "SDI 8"})
    other = await office.audit(service)
    assert (other.known.configuration, other.drift.known[0].allowance) == (Configuration.OUT_OF_SYNC, None)
    await office.approve(service, stage.now + DAY)
    await office.change(K.MODIFY, service, nodes=rate(9, "B"))
    stage.rig.devices.tamper("enc-1", {"video.input": "SDI 8"})
    after = await office.audit(service)
    assert (after.known.configuration, after.drift.known[0].allowance) == (Configuration.OUT_OF_SYNC, None)
    await office.approve(service, stage.now + DAY)
    back = await stage.app.service_audits.disapprove(EVE, service, None, "not agreed after all")
    assert (back.known.configuration, [a.kind for a in back.alarms]) == (Configuration.OUT_OF_SYNC, ["drift"])
    with pytest.raises(ActionNotPossible):
        await stage.app.service_audits.disapprove(EVE, service, None, "")


async def test_some_differences_approved_leave_the_alarm_for_the_others(office, stage):
    service = await office.drifted(**{"video.input": "SDI 7", "video.bitrate": 3})
    some = await office.approve(service, stage.now + DAY, only=(("A", "video.input"),))
    assert some.known.configuration is Configuration.OUT_OF_SYNC
    assert "video.bitrate" in some.alarms[0].what
    assert "video.input" not in some.alarms[0].what


async def test_what_is_extra_and_what_is_missing_is_told_apart(office, stage):
    strict = (AuditSpec("config", "config", {"only": ["video."]}, unknown=OnUnknown.PENDING),)
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, audits=strict)])
    service = await office.drifted(**{"video.gain": 3})
    seen = await office.see(service)
    assert [(k.difference.path, k.difference.gap, k.difference.found) for k in seen.drift.known] == [
        ("video.gain", Gap.EXTRA, 3)
    ]
    with pytest.raises(Invalid, match=r"video\.gain: is no parameter"):
        await office.accept(service)


async def scheduled(stage, schedule: AuditSchedule, **changes: object) -> None:
    (home,) = await stage.app.platforms.list(LOCAL)
    config: PlatformConfig = replace(CONFIG, service_audits=schedule, **changes)
    await stage.app.platforms.put(LOCAL, replace(home, config=config))
    await stage.app.service_watch.sweep()


async def rounds(office, service: str) -> list[tuple[int, str]]:
    return [(r.began_us, r.asked) for r in (await office.services.audits(LOCAL, service)).rounds]


async def test_services_are_audited_by_an_interval_and_found_bad_and_good_again(office, stage):
    service = await office.line()
    first = (await rounds(office, service))[0][0]
    await scheduled(stage, AuditSchedule(every_us=HOUR))
    seen = await office.see(service)
    assert (seen.next_audit_us, seen.auditing) == (first + HOUR, False)
    stage.rig.devices.tamper("enc-1", DRIFTED)
    await stage.rig.until(first + HOUR)
    await stage.rig.quiet()
    assert (await rounds(office, service))[0] == (first + HOUR, "planned: every 1h")
    assert [a.kind for a in (await office.see(service)).alarms] == ["drift"]
    stage.rig.devices.tamper("enc-1", ON)
    await stage.app.service_watch.sweep()
    await stage.rig.until(first + 2 * HOUR)
    await stage.rig.quiet()
    assert (await office.see(service)).alarms == ()
    assert await office.alarms(service) == [("alarm", "", "drift"), ("alarm_cleared", "drift", "")]


async def test_an_audit_that_somebody_asks_for_does_not_wait_for_the_schedule(office, stage):
    service = await office.line()
    await scheduled(stage, AuditSchedule(every_us=DAY))
    seen = await office.audit(service)
    assert seen.known.configuration is Configuration.IN_SYNC
    assert len(await rounds(office, service)) == 2
    assert seen.next_audit_us is None
    await stage.app.service_watch.sweep()
    assert (await office.see(service)).next_audit_us == (await rounds(office, service))[0][0] + DAY


async def test_a_calendar_is_that_of_the_platform_and_a_definition_has_its_own(office, stage):
    (home,) = await stage.app.platforms.list(LOCAL)
    await stage.app.platforms.put(LOCAL, replace(home, zone="Europe/Brussels"))
    service = await office.line()
    await scheduled(stage, AuditSchedule(weekly="daily 03:30"))
    planned = (await office.see(service)).next_audit_us
    assert planned is not None
    assert datetime.fromtimestamp(planned / SECOND, ZoneInfo("Europe/Brussels")).strftime("%H:%M") == "03:30"
    await scheduled(stage, AuditSchedule())
    assert (await office.see(service)).next_audit_us is None
    own = replace(LINE, service_audits=AuditSchedule(every_us=MINUTE))
    await stage.app.catalogue.apply(LOCAL, "default", [own])
    await office.change(K.DECOMMISSION, service)
    other = await office.line()
    await stage.app.service_watch.sweep()
    assert (await office.see(other)).next_audit_us is not None
    await office.change(K.DECOMMISSION, other)
    await stage.rig.until(stage.now + HOUR)
    assert (await office.see(other)).next_audit_us is None
    assert len(await rounds(office, other)) == 1


async def test_overdue_audits_are_made_once_after_an_outage(office, stage):
    service = await office.line()
    await scheduled(stage, AuditSchedule(every_us=HOUR))
    stage.rig.crash_at("claim.before", 1)
    await stage.rig.until(stage.now + 10 * HOUR)
    if stage.rig.engine is None:
        await stage.rig.start()
    stage.rig.crash_at("nowhere")
    await stage.rig.until(stage.now + MINUTE)
    await stage.rig.quiet()
    assert len(await rounds(office, service)) == 2


async def test_a_verdict_always_belongs_to_what_is_deployed(office, stage):
    """Invariant 10: an audit that a change overtakes says nothing of the service, and raises no alarm."""
    service = await office.line()
    stage.rig.devices.tamper("enc-1", DRIFTED)
    stage.rig.devices.fault("enc-1", FaultKind.SLOW, on="verify", seconds=5)
    await stage.rig.until(stage.now + SECOND)
    await office.services.audit(LOCAL, service)
    await stage.rig.until(stage.now + SECOND)
    stage.rig.devices.clear("enc-1")
    ident = await office.make(OrderItem("it", K.REDEPLOY, service))
    await office.orders.schedule(LOCAL, ident, None)
    await office.end(ident)
    seen = await office.see(service)
    assert seen.known.configuration is not Configuration.OUT_OF_SYNC
    assert (seen.alarms, seen.drift.known) == ((), ())
    await stage.rig.until(stage.now + MINUTE)
    assert (await office.see(service)).known.configuration is Configuration.IN_SYNC


async def test_a_service_that_its_checks_find_down_alarms_and_is_told(office, stage):
    down = (AuditSpec("port", "tcp", {"host": "127.0.0.1", "port": 9}, within_us=0),)
    await stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, audits=down)])
    service = await office.line()
    seen = await office.audit(service)
    assert seen.known.status is Status.DOWN
    assert [(a.kind, "port" in a.what) for a in seen.alarms] == [(AlarmKind.DOWN, True)]
    await office.change(K.DECOMMISSION, service)
    assert (await office.alarms(service))[-1] == ("alarm_cleared", "down", "")
