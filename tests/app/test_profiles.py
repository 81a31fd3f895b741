# SPDX-License-Identifier: Apache-2.0
"""Profiles of bookings: inherited, of a state, copied or read at each event; played in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.app.bookings import NewBooking
from preroll.app.equipment import as_deployed, equip
from preroll.app.orchestration import Orchestration
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.boundaries import Run
from preroll.domain.bundle import Bundle
from preroll.domain.definition import Node
from preroll.domain.errors import ActionNotPossible, Conflict, InUse, Invalid
from preroll.domain.inheritance import Profiles
from preroll.domain.machine import Outcome
from preroll.domain.parameter import Parameter, ParameterKind, ValueType
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileBy, ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.domain.window import MINUTE, Window
from preroll.ports.rows import Claimed, Judged
from preroll.ports.scripts import Order, Report
from tests.builders import NOON
from tests.system.stage import CONTRIBUTION, HD

REFERENCE, VALUE = ProfileBy.REFERENCE, ProfileBy.VALUE
RATE = ProfileDefinition("Link", (Parameter("rate", ValueType.NUMBER, kinds=(ParameterKind.CAPACITY,), default=0),))
LINK = Resource("link", concurrency=9, capacities={"rate": 10})
MILLION = 1_000_000


async def put(stage, *documents, force: bool = False) -> None:
    await stage.app.catalogue.apply(LOCAL, "default", documents, force=force)


async def feed(stage, name: str, by: ProfileBy | None, profile: str = "Feed", *, orchestrated: bool = False) -> str:
    """A booking of the link with a profile; its id."""
    nodes = {"L": NodeChoice("link", profile, {}, by)}
    new = NewBooking(name, Timing(NOON, NOON + 60 * MINUTE), nodes=nodes, orchestrated=orchestrated)
    return (await stage.app.bookings.create(LOCAL, new)).booking.id


async def held(stage) -> dict[str, int]:
    """Booking -> what it holds of the link's rate."""
    (link,) = [r for r in await stage.app.catalogue.resources(LOCAL, "default") if r.name == "link"]
    found = await stage.rig.store.read(lambda tx: tx.reservations.usages([link], Window(0, None)))
    return {u.name: u.amount for u in found[link.key] if u.dimension}


async def test_what_is_inherited_is_what_is_applied(stage):
    low = ProfileInstance("HD low", "Encoding", {"bitrate": 3}, parent="HD", variants={"START": "HD start"})
    start = ProfileInstance("HD start", "Encoding", {"bitrate": 5}, parent="HD low")
    await put(stage, low, start)
    news = await stage.book(confirm=False)
    await stage.edit(news, nodes={"Encoder": NodeChoice("enc-1", "HD low")})
    await stage.confirm(news)
    await stage.to(-299)
    assert stage.device() == {"video.bitrate": 1, "video.input": "SDI 1"}, "STANDBY as HD says"
    await stage.to(1)
    assert stage.device() == {"video.bitrate": 5, "video.input": "SDI 1"}, "START as the linked one says"


async def test_an_heir_needs_what_it_inherits(stage):
    base = ProfileInstance("Base", "Link", {"rate": 4})
    await put(stage, RATE, LINK, base, ProfileInstance("Feed", "Link", parent="Base"))
    await feed(stage, "A", None)
    await feed(stage, "B", None)
    await put(stage, replace(base, values={"rate": 5}))
    assert await held(stage) == {"A": 5 * MILLION, "B": 5 * MILLION}
    with pytest.raises(Conflict) as refused:
        await put(stage, replace(base, values={"rate": 6}))
    assert [(line.name, line.amount) for line in refused.value.losing] == [("B", 2)]
    for rate in (0, 3, 2):
        await put(stage, replace(base, values={"rate": rate}))
        assert await held(stage) == ({"A": rate * MILLION, "B": rate * MILLION} if rate else {})


async def test_who_was_confirmed_and_lacks_a_mandatory_value_now_is_partial_again(stage):
    """In two steps, as whatever a change of the catalogue costs (SPEC 3.1, demote; SPEC 6, with force)."""
    rate = replace(RATE.parameters[0], default=None, mandatory=True)
    await put(stage, replace(RATE, parameters=(rate,)), LINK, ProfileInstance("Feed", "Link", {"rate": 3}))
    confirmed, copied, waits = [
        await feed(stage, name, by, orchestrated=True)
        for name, by in (("R", REFERENCE), ("V", VALUE), ("P", REFERENCE))
    ]
    for ident in (confirmed, copied):
        await stage.confirm(ident)
    taken = ProfileInstance("Feed", "Link", {})
    with pytest.raises(
        Conflict, match=r"R \(Confirmed\) would lose nodes.L.values.rate, which is mandatory"
    ) as refused:
        await put(stage, taken)
    assert [(one.name, one.becomes) for one in refused.value.losing] == [("R", "Partial")]
    assert refused.value.hint == "with force it is saved, and partial: R"
    assert (await stage.see(confirmed)).booking.state is State.CONFIRMED
    await put(stage, taken, force=True)
    states = [(await stage.see(ident)).booking.state for ident in (confirmed, copied, waits)]
    assert states == [State.PARTIAL, State.CONFIRMED, State.PARTIAL]
    told = (await stage.history(confirmed))[-1]
    assert (told.kind, told.after, told.cause) == ("booking.state", "Partial", "the catalogue was changed")
    assert "nodes.L.values.rate: is missing" in told.why
    await stage.to(1)
    assert (await stage.state(confirmed), await stage.runs(confirmed)) == (State.PARTIAL, []), "its time passes it by"
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 3}))
    await stage.confirm(confirmed)


async def test_a_copied_profile_needs_what_it_needed(stage):
    await put(stage, RATE, LINK, ProfileInstance("Feed", "Link", {"rate": 4}))
    by_value, by_reference = await feed(stage, "V", VALUE), await feed(stage, "R", REFERENCE)
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 6}))
    assert await held(stage) == {"V": 4 * MILLION, "R": 6 * MILLION}
    await put(stage, ProfileDefinition("Link", (replace(RATE.parameters[0], default=1),)))
    assert await held(stage) == {"V": 4 * MILLION, "R": 6 * MILLION}
    with pytest.raises(Conflict) as refused:
        await put(stage, ProfileInstance("Feed", "Link", {"rate": 7}))
    assert [(line.name, line.amount) for line in refused.value.losing] == [("V", 1)], "the rule, not the way, decides"
    await stage.edit(by_value, nodes={"L": NodeChoice("link", "Feed", {}, VALUE)}, name="V, renamed")
    assert (await held(stage))["V, renamed"] == 4 * MILLION, "the copy stays as long as the profile does"
    with pytest.raises(Conflict):
        await stage.edit(by_value, nodes={"L": NodeChoice("link", "Feed", {"rate": 5})})
    await stage.cancel(by_reference)
    await stage.edit(by_value, nodes={"L": NodeChoice("link", "Feed")})
    assert await held(stage) == {"V, renamed": 6 * MILLION}


async def test_the_node_says_whether_its_profile_is_copied(stage):
    node = Node("Encoder", profile="Encoding", default_profile="HD", profile_by=VALUE)
    await put(stage, replace(CONTRIBUTION, nodes=(node,)))
    copied = await stage.book("Copied")
    read = await stage.book("Read", confirm=False, encoder="enc-2")
    await stage.edit(read, nodes={"Encoder": NodeChoice("enc-2", None, {}, REFERENCE)})
    await stage.confirm(read)
    await put(stage, replace(HD, values={"bitrate": 4, "input": "SDI 2"}, states={}))
    await stage.to(1)
    assert stage.device("enc-1") == {"video.bitrate": 8, "video.input": "SDI 1"}
    assert stage.device("enc-2") == {"video.bitrate": 4, "video.input": "SDI 2"}
    assert [await stage.state(ident) for ident in (copied, read)] == [State.ACTIVE, State.ACTIVE]


async def test_a_change_by_reference_reaches_who_waits_at_its_next_event_and_who_runs_not(stage):
    runs, waits = await stage.book("Runs"), await stage.book("Waits", start=NOON + 60 * MINUTE, encoder="enc-2")
    await stage.to(60)
    await put(stage, replace(HD, values={"bitrate": 4, "input": "SDI 2"}, states={"PAUSE": {"bitrate": 3}}))
    (told,) = [c for c in await stage.history(runs) if c.kind == "booking.profile_kept"]
    assert told.why == "it runs and keeps HD as it was; apply-now brings the change"
    assert not [c for c in await stage.history(waits) if c.kind == "booking.profile_kept"]
    await stage.to(3600)
    assert stage.device("enc-1") == {"video.bitrate": 2, "video.input": "SDI 1"}, "PAUSE as it was when it began"
    await stage.to(3601)
    assert stage.device("enc-2") == {"video.bitrate": 4, "video.input": "SDI 2"}


async def test_what_runs_holds_what_it_held(stage):
    await put(stage, RATE, LINK, ProfileInstance("Feed", "Link", {"rate": 4}))
    ident = await feed(stage, "A", None)
    await stage.confirm(ident)
    await stage.to(60)
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 11}))
    assert await held(stage) == {"A": 4 * MILLION}
    assert (await stage.see(ident)).lot is None
    await stage.retime(ident, end=NOON + 90 * MINUTE)
    assert await held(stage) == {"A": 4 * MILLION}, "an extension asks for what it has"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (ProfileInstance("HD", "Encoding", parent="HD"), "0.parent"),
        (ProfileInstance("X", "Encoding", variants={"START": "Nobody"}), "0.variants.START"),
        (ProfileDefinition("P", (Parameter("p", ValueType.NUMBER, step=-1),)), "0.parameters.0.step"),
        (ProfileDefinition("P", (Parameter("p", secret=True, default="hunter2"),)), "0.parameters.0.default"),
    ],
)
async def test_a_mistake_in_a_profile_is_refused(stage, document, where):
    with pytest.raises(Invalid) as refused:
        await put(stage, document)
    assert [m.where for m in refused.value.mistakes] == [where]
    assert "hunter2" not in str(refused.value)


async def test_what_others_derive_from_is_in_use(stage):
    base, heir = ProfileInstance("Base", "Encoding"), ProfileInstance("Heir", "Encoding", parent="Base")
    await put(stage, Bundle("b"), base)
    await put(stage, heir)
    with pytest.raises(InUse, match="profile instance Base: is used by profile instance Heir"):
        await stage.app.catalogue.apply(LOCAL, "default", [Bundle("b")], prune=True)


async def test_apply_now_brings_the_change_to_who_runs(stage):
    ident = await stage.book()
    await stage.to(60)
    with pytest.raises(ActionNotPossible, match="no profile of it has changed since it began"):
        await stage.app.bookings.apply_now(LOCAL, ident, None)
    await put(stage, replace(HD, values={"bitrate": 4, "input": "SDI 2"}, states={}))
    assert stage.device() == {"video.bitrate": 8, "video.input": "SDI 1"}
    await stage.app.bookings.apply_now(LOCAL, ident, None, "the feed has moved")
    await stage.to(70)
    assert stage.device() == {"video.bitrate": 4, "video.input": "SDI 2"}
    assert [c.why for c in await stage.history(ident) if c.kind == "booking.profile_applied"] == ["the feed has moved"]
    await stage.to(4000)
    assert await stage.state(ident) is State.COMPLETED


async def test_apply_now_is_refused_when_there_is_not_enough(stage):
    await put(stage, RATE, LINK, ProfileInstance("Feed", "Link", {"rate": 4}))
    ident = await feed(stage, "A", None)
    await stage.confirm(ident)
    await stage.to(60)
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 11}))
    with pytest.raises(Conflict):
        await stage.app.bookings.apply_now(LOCAL, ident, None)
    assert await held(stage) == {"A": 4 * MILLION}
    await put(stage, ProfileInstance("Feed", "Link", {"rate": 9}))
    await stage.app.bookings.apply_now(LOCAL, ident, None)
    assert await held(stage) == {"A": 9 * MILLION}


class Listener:
    """A script runner that keeps the order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def installed(self) -> list[object]:
        return []

    async def run(self, order: Order, ledger: object, *, booking: int, fence_of: tuple[int, int]) -> Report:
        self.orders.append(order)
        return Report(Outcome.OK, fenced=True)


async def test_a_change_between_the_claim_and_the_run_comes_too_late(stage):
    ident = await stage.book()
    before = await stage.app.platforms.get(LOCAL, "default")
    await stage.to(60)
    seen = await stage.see(ident)
    judged = Judged(seen.boundaries[1], seen.booking, seen.definition, before)
    await put(stage, replace(HD, values={"bitrate": 4, "input": "SDI 2"}, states={}))
    listener = Listener()
    claimed = Claimed(judged, Run("on-air", "START", "STANDBY"), 1, "run")
    assert await Orchestration(stage.rig.store, listener).perform(claimed) is None
    (equipment,) = listener.orders[0].equipment
    assert equipment.values == {"bitrate": 8, "input": "SDI 1"}
    assert equipment.states == HD.states


def test_a_profile_that_sets_nothing_brings_the_defaults_and_they_are_what_an_audit_expects():
    tone = Parameter("tone", default="off", path="audio.tone")
    shelf = Profiles([ProfileDefinition("Line", (tone, Parameter("gain")))], [ProfileInstance("Plain", "Line")])
    equipment = equip("line", LINK, shelf.filled(None, NodeChoice(LINK.id, "Plain")))
    assert equipment.values == {"tone": "off"}
    assert as_deployed(equipment, "START") == {"audio.tone": "off"}
