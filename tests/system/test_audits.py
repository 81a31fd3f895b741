# SPDX-License-Identifier: Apache-2.0
"""Audits of bookings: after START and on demand, what is known, and what the change log tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest

from preroll.app.audits import Audits
from preroll.audits import SHIPPED
from preroll.bootstrap.inline import Options, inline_set
from preroll.bootstrap.virtual import VirtualLoop, run_virtual
from preroll.domain.audit import AuditSpec, Configuration, Finding, OnUnknown, Status, Verdict
from preroll.domain.booking import State
from preroll.domain.boundaries import BoundaryState, Kind
from preroll.domain.errors import ActionNotPossible, Invalid
from preroll.domain.permission import LOCAL
from preroll.domain.window import DAY, SECOND
from preroll.sdk import AuditState
from tests.builders import NOON
from tests.system import lamps
from tests.system.stage import CONTRIBUTION, Cast, Stage, furnish

HOUR = 3_600
PICTURE = AuditSpec("picture", "lamp", {"name": "${Encoder.address.device} ${Encoder.values.bitrate}"})
DEVICES = AuditSpec("devices", "config")
UP, DOWN, UNKNOWN = AuditState.UP, AuditState.DOWN, AuditState.UNKNOWN
Act = Callable[[Stage], Awaitable[None]]


@pytest.fixture(autouse=True)
def _dark() -> Iterator[None]:
    lamps.LIT.clear()
    lamps.LOOKS.clear()
    yield
    lamps.LIT.clear()


def play(act: Act, *audits: AuditSpec, booked: bool = True) -> None:
    """Play on the inline set, with a definition that has these audits."""
    loop, cast = VirtualLoop(NOON - DAY), Cast()

    async def whole() -> None:
        options = Options(checks={**SHIPPED, "lamp": "tests.system.lamps:Lamp", "gone": "tests.system.lamps:Nobody"})
        async with inline_set(cast.scripts, options) as rig:
            stage = Stage(rig, cast)
            await furnish(stage.app)
            await stage.app.catalogue.apply(LOCAL, "default", [replace(CONTRIBUTION, audits=audits)])
            await act(stage)

    run_virtual(whole(), loop=loop)


async def known(stage: Stage, ident: str) -> Verdict | None:
    return (await stage.see(ident)).known


async def audits(stage: Stage, ident: str) -> Audits:
    return await stage.app.audits.of(LOCAL, ident)


async def told(stage: Stage, ident: str) -> list[tuple[str, str, str, str]]:
    return [
        (c.kind, c.before, c.after, c.why) for c in await stage.history(ident)
        if c.kind in ("booking.audit", "booking.configuration", "booking.audit_asked")
    ]  # fmt: skip


def test_after_start_both_verdicts_stand_and_the_evidence_is_kept() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["enc-1 8"] = lambda: UP
        news = await stage.book()
        await stage.to(-200)
        assert await known(stage, news) == Verdict(Status.PENDING, Configuration.UNKNOWN)
        await stage.to(1)
        assert await known(stage, news) == Verdict(Status.UP, Configuration.IN_SYNC)
        (round_,) = (await audits(stage, news)).rounds
        assert (round_.asked, round_.service_state, round_.status) == ("START", "START", Status.UP)
        picture, devices = round_.checks
        assert (picture.state, picture.what, picture.evidence) == (Finding.UP, "lamp enc-1 8", {"seen": "enc-1 8"})
        assert picture.at_us == NOON
        assert devices.expected == "2 values as they were left on Encoder"
        assert await told(stage, news) == [
            ("booking.audit", "Pending", "Up", ""), ("booking.configuration", "unknown", "in sync", ""),
        ]  # fmt: skip
        assert (await stage.runs(news))[-1].run.outcome == "ok"
        assert any("lamp enc-1 8: Up" in line for line in await stage.log(news))
        assert [b.kind for b in (await stage.see(news)).boundaries].count(Kind.AUDIT) == 0

    play(act, PICTURE, DEVICES)


def test_the_window_is_used_and_no_longer() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["enc-1 8"] = lambda: UP if stage.now >= NOON + 3 * SECOND else DOWN
        news = await stage.book()
        await stage.to(30)
        (round_,) = (await audits(stage, news)).rounds
        assert round_.status is Status.UP
        assert round_.ended_us is not None
        assert 3 * SECOND <= round_.ended_us - NOON < 5 * SECOND
        assert round_.checks[0].tries > 1

        lamps.LIT["enc-1 8"] = lambda: DOWN
        await stage.app.audits.ask(LOCAL, news)
        await stage.to(60)
        newest = (await audits(stage, news)).rounds[0]
        assert (newest.status, newest.asked) == (Status.DOWN, "asked by local")
        assert newest.ended_us is not None
        assert newest.ended_us - newest.began_us == 5 * SECOND

    play(act, PICTURE)


def test_up_then_down_then_up_is_told_with_its_reason() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["enc-1 8"] = lambda: UP
        news = await stage.book()
        await stage.to(10)
        stage.rig.devices.tamper("enc-1", {"video.bitrate": 3})
        lamps.LIT["enc-1 8"] = lambda: DOWN
        await stage.app.audits.ask(LOCAL, news)
        await stage.to(30)
        assert await known(stage, news) == Verdict(Status.DOWN, Configuration.OUT_OF_SYNC)
        lamps.LIT["enc-1 8"] = lambda: UP
        await stage.app.audits.ask(LOCAL, news)
        await stage.to(60)
        assert await known(stage, news) == Verdict(Status.UP, Configuration.OUT_OF_SYNC)
        why = "picture: Down: it is dark; devices: Down: Encoder: video.bitrate: expected 8, found 3"
        assert (await told(stage, news))[2:] == [
            ("booking.audit_asked", "", "", ""), ("booking.audit", "Up", "Down", why),
            ("booking.configuration", "in sync", "out of sync", why), ("booking.audit_asked", "", "", ""),
            ("booking.audit", "Down", "Up", "devices: Down: Encoder: video.bitrate: expected 8, found 3"),
        ]  # fmt: skip
        assert len((await audits(stage, news)).rounds) == 3
        assert await stage.state(news) is State.ACTIVE, "an audit moves nothing"

    play(act, PICTURE, DEVICES)


def test_an_event_makes_it_pending_again() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["enc-1 8"] = lambda: UP
        news = await stage.book()
        await stage.to(HOUR - 1)
        assert await known(stage, news) == Verdict(Status.UP, Configuration.UNKNOWN)
        await stage.to(HOUR)
        assert await known(stage, news) == Verdict(Status.PENDING, Configuration.UNKNOWN)
        await stage.to(2 * HOUR)
        assert await known(stage, news) is None, "an ended booking has no service"
        assert len((await audits(stage, news)).rounds) == 1, "and its rounds are kept"

    play(act, PICTURE)


def test_what_could_not_be_made_counts_as_the_policy_says() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UNKNOWN
        news = await stage.book()
        await stage.to(60)
        round_ = (await audits(stage, news)).rounds[0]
        assert {c.name: (c.state, c.message) for c in round_.checks} == {
            "dark": (Finding.UNKNOWN, "it is dark"),
            "kind": (Finding.UNKNOWN, "there is no kind of check laser (there are: tcp, http, ping, stream, "
                                      "throughput, config, lamp, gone)"),
            "class": (Finding.UNKNOWN, "tests.system.lamps:Nobody cannot be loaded: module 'tests.system.lamps' has "
                                       "no attribute 'Nobody'"),
            "colour": (Finding.UNKNOWN, "its parameters are wrong: colour: is no parameter"),
            "nowhere": (Finding.UNKNOWN, "its parameters are wrong: ${Encoder.properties.port}: there is no port "
                                         "(there is: nothing)"),
        }  # fmt: skip
        assert round_.status is Status.PENDING, "each may stay open"

    once = {"unknown": OnUnknown.PENDING, "within_us": 0}
    play(
        act,
        AuditSpec("dark", "lamp", {"name": "a"}, **once),
        AuditSpec("kind", "laser", **once),
        AuditSpec("class", "gone", **once),
        AuditSpec("colour", "lamp", {"colour": 1}, **once),
        AuditSpec("nowhere", "lamp", {"name": "${Encoder.properties.port}"}, **once),
    )


def test_by_default_what_could_not_be_made_is_down() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UNKNOWN
        news = await stage.book()
        await stage.to(60)
        assert await known(stage, news) == Verdict(Status.DOWN, Configuration.UNKNOWN)

    play(act, AuditSpec("dark", "lamp", {"name": "a"}))


def test_only_the_checks_of_the_event_are_made_and_all_when_somebody_asks() -> None:
    async def act(stage: Stage) -> None:
        for name in ("pre", "live", "asked"):
            lamps.LIT[name] = lambda: UP
        news = await stage.book()
        await stage.to(-1)
        assert lamps.LOOKS == ["pre"]
        await stage.to(1)
        assert lamps.LOOKS == ["pre", "live"]
        await stage.app.audits.ask(LOCAL, news)
        await stage.to(2)
        assert lamps.LOOKS == ["pre", "live", "pre", "live", "asked"]
        assert [[c.name for c in r.checks] for r in (await audits(stage, news)).rounds] == [
            ["pre", "live", "asked"], ["live"], ["pre"],
        ]  # fmt: skip

    play(
        act,
        AuditSpec("pre", "lamp", {"name": "pre"}, after=("START_BOOKING_WITH_PREROLL",)),
        AuditSpec("live", "lamp", {"name": "live"}),
        AuditSpec("asked", "lamp", {"name": "asked"}, after=()),
    )


def test_asking_twice_is_one_audit() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UP
        news = await stage.book()
        await stage.to(10)
        await stage.app.audits.ask(LOCAL, news)
        await stage.app.audits.ask(LOCAL, news)
        assert (await audits(stage, news)).waiting
        await stage.to(20)
        found = await audits(stage, news)
        assert (found.waiting, len(found.rounds)) == (False, 2)

    play(act, AuditSpec("a", "lamp", {"name": "a"}))


def test_a_booking_has_one_audit_at_a_time() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UP
        news = await stage.book()
        await stage.to(5)
        assert lamps.LOOKS == ["a"], "the one after START is under way"
        for _ in range(3):
            await stage.app.audits.ask(LOCAL, news)
        await stage.to(9)
        assert lamps.LOOKS == ["a"]
        await stage.to(15)
        assert lamps.LOOKS == ["a", "a"]
        assert (await audits(stage, news)).waiting
        await stage.to(60)
        found = await audits(stage, news)
        assert [(r.asked, r.began_us - NOON) for r in found.rounds] == [
            ("asked by local", 10 * SECOND), ("START", 0),
        ]  # fmt: skip
        assert not found.waiting

    play(act, AuditSpec("a", "lamp", {"name": "a", "takes": 10.0}))


def test_who_does_not_run_or_has_no_audits_is_not_audited() -> None:
    async def waiting(stage: Stage) -> None:
        news = await stage.book()
        with pytest.raises(ActionNotPossible, match="audit is not possible: the booking is waiting"):
            await stage.app.audits.ask(LOCAL, news)

    async def bare(stage: Stage) -> None:
        news = await stage.book(definition="Plain")
        await stage.to(10)
        with pytest.raises(ActionNotPossible, match="the service definition has no audits"):
            await stage.app.audits.ask(LOCAL, news)
        assert await known(stage, news) is None
        assert "audit" not in (await stage.see(news)).possible

    play(waiting, PICTURE)
    play(bare)


def test_a_failed_start_is_not_audited() -> None:
    async def act(stage: Stage) -> None:
        stage.rig.devices.fault("enc-1", "refuses")
        news = await stage.book()
        await stage.to(60)
        assert await stage.state(news) is State.FAILED_ACTIVE
        assert lamps.LOOKS == []
        await stage.app.audits.ask(LOCAL, news)
        await stage.to(90)
        assert await known(stage, news) == Verdict(Status.DOWN, Configuration.UNKNOWN), "on demand it is"

    play(act, PICTURE)


def test_a_retry_that_succeeds_is_audited() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["enc-1 8"] = lambda: UP
        news = await stage.book()
        await stage.to(-10)
        stage.rig.devices.fault("enc-1", "refuses")
        await stage.to(60)
        stage.rig.devices.clear("enc-1")
        await stage.retry(news)
        await stage.to(90)
        assert await stage.state(news) is State.ACTIVE
        assert await known(stage, news) == Verdict(Status.UP, Configuration.UNKNOWN)

    play(act, PICTURE)


def test_a_stuck_audit_holds_up_no_event_and_what_it_finds_too_late_is_history() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UP
        news = await stage.book(minutes=1)
        await stage.to(200)
        assert await stage.life(news) == [
            (-86_400, "Partial"), (-86_400, "Confirmed"), (-300, "Pre-roll"), (0, "Service Active"),
            (60, "Post-roll"),
        ]  # fmt: skip
        found = await audits(stage, news)
        assert found.rounds[0].ended_us is not None
        assert found.known == Verdict(Status.PENDING, Configuration.UNKNOWN)
        assert await told(stage, news) == []

    play(act, AuditSpec("a", "lamp", {"name": "a", "takes": 62.0}, within_us=10 * SECOND))


def test_an_audit_that_waited_beyond_its_stage_is_not_made() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UP
        limits = (await stage.app.platforms.get(LOCAL, "default")).config.limits
        await stage.configure(limits=replace(limits, simultaneous_lso=4))
        first = await stage.book("First", encoder="enc-1")
        second = await stage.book("Second", encoder="enc-2", minutes=1)
        await stage.to(150)
        assert await stage.state(second) is State.POST_ROLL
        assert lamps.LOOKS == ["a"], "a quarter of four is one, and that one was busy"
        assert await known(stage, first) == Verdict(Status.UP, Configuration.UNKNOWN)
        assert (await audits(stage, second)).rounds == ()
        assert not (await audits(stage, second)).waiting

    play(act, AuditSpec("a", "lamp", {"name": "a", "takes": 100.0}, within_us=100 * SECOND))


def test_a_killed_engine_makes_only_the_checks_that_are_missing() -> None:
    async def act(stage: Stage) -> None:
        for name in ("a", "b"):
            lamps.LIT[name] = lambda: UP
        news = await stage.book()
        await stage.to(15)
        assert lamps.LOOKS == ["a", "b"]
        await stage.rig.crash_and_restart()
        await stage.to(60)
        assert lamps.LOOKS == ["a", "b", "b"]
        assert await known(stage, news) == Verdict(Status.UP, Configuration.UNKNOWN)
        assert len((await audits(stage, news)).rounds) == 1

    play(
        act, AuditSpec("a", "lamp", {"name": "a", "takes": 10.0}), AuditSpec("b", "lamp", {"name": "b", "takes": 10.0})
    )


def test_references_and_names_are_checked_when_the_definition_is_stored() -> None:
    async def act(stage: Stage) -> None:
        wrong = replace(CONTRIBUTION, audits=(
            AuditSpec("a", "tcp", {"host": "${Encode.address.device}", "port": 1}, within_us=601 * SECOND),
            AuditSpec("a", "http", {"url": "http://${booking.name}/${booking.size}", "json": {"x": "${Encoder.rate}"}}),
        ))  # fmt: skip
        with pytest.raises(Invalid) as refused:
            await stage.app.catalogue.apply(LOCAL, "default", [wrong])
        assert [(m.where, m.what) for m in refused.value.mistakes] == [
            ("0.audits.0.name", "a stands twice"),
            ("0.audits.0.within", "is 601 s"),
            ("0.audits.0.parameters.host", "refers to Encode.address.device"),
            ("0.audits.1.name", "a stands twice"),
            ("0.audits.1.parameters.url", "refers to booking.size"),
            ("0.audits.1.parameters.json", "refers to Encoder.rate"),
        ]

    play(act)


def test_many_audits_run_beside_each_other_but_never_more_than_a_quarter_of_the_bound() -> None:
    async def act(stage: Stage) -> None:
        lamps.LIT["a"] = lambda: UP
        limits = (await stage.app.platforms.get(LOCAL, "default")).config.limits
        await stage.configure(limits=replace(limits, simultaneous_lso=8))
        encoders = ["enc-1", "enc-2", "enc-3"]
        news = [await stage.book(name, encoder=name) for name in encoders]
        await stage.to(1)
        assert len(lamps.LOOKS) == 2
        await stage.to(25)
        assert [(await known(stage, one)).status for one in news] == [Status.UP] * 3
        boundaries = [b for one in news for b in (await stage.see(one)).boundaries]
        assert BoundaryState.FAILED not in {b.state for b in boundaries}

    play(act, AuditSpec("a", "lamp", {"name": "a", "takes": 10.0}))
