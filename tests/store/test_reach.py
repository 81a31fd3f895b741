# SPDX-License-Identifier: Apache-2.0
"""Which worker may have a run: it must reach all devices and have the script; and runs that a carrier brings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from preroll.domain.boundaries import BoundaryState, Kind, Reason, Refusal
from preroll.domain.reach import is_label, labels_of, read, written
from preroll.domain.window import MINUTE
from preroll.ports.rows import Verdict
from preroll.ports.store import Tx
from preroll.ports.workers import Role
from tests.store.world import LEASE, OFF_AIR, ON_AIR, PRE_ROLL, World, rule


async def worker(world: World, *labels: str, role: Role = Role.HERE) -> int:
    return await world.store.journal.enlist("w", "here", 1, "1.0", LEASE, frozenset(labels), role)


async def place(world: World, **where: str) -> None:
    """Give resources labels: ``enc_1="site=north"``."""

    def unit(tx: Tx) -> None:
        for name, text in where.items():
            resource = world.resources[name.replace("_", "-")]
            labels = dict(label.split("=") for label in text.split(",") if label)
            world.resources[resource.name] = tx.catalogue.put_resource(replace(resource, labels=labels))

    await world.store.write(unit)


async def claimed(world: World, by: int, at: int | None = None) -> list[str]:
    return sorted(run.judged.booking.name for run in (await world.claim(at, worker=by)).runs)


@pytest.mark.parametrize("text", ["site=north", "rack=12/a", "a=b.c_d-e"])
def test_a_label(text):
    assert is_label(text)
    assert read(written([text])) == {text}


@pytest.mark.parametrize("text", ["", "site", "site=", "=north", "site=a,b", "site=a b", "site=a=b", "-a=b", "a" * 70])
def test_no_label(text):
    assert not is_label(text)


def test_labels_have_one_text():
    assert written(labels_of({"site": "north", "rack": "1"})) == "rack=1,site=north"
    assert read("") == frozenset()


async def test_a_run_goes_where_its_devices_are_reached(world):
    await place(world, enc_1="site=north", enc_2="site=south")
    await world.book("north", on=["enc-1"])
    await world.book("south", on=["enc-2"])
    await world.book("anywhere", on=["mux"])
    await world.book("nothing at all")
    north, south, nowhere = await worker(world, "site=north"), await worker(world, "site=south"), await worker(world)
    assert await claimed(world, nowhere, PRE_ROLL) == ["anywhere", "nothing at all"]
    assert await claimed(world, south) == ["south"]
    assert await claimed(world, north) == ["north"]


async def test_all_devices_of_a_run_must_be_reached_from_one_place(world):
    await place(world, enc_1="site=north,rack=1", enc_2="site=south")
    await world.book("both", on=["enc-1", "enc-2"])
    for labels in (["site=north", "rack=1"], ["site=south"], ["site=north", "site=south"]):
        assert await claimed(world, await worker(world, *labels), PRE_ROLL) == []
    assert await claimed(world, await worker(world, "site=north", "rack=1", "site=south")) == ["both"]


async def test_what_nobody_reaches_holds_up_nobody(world):
    await place(world, enc_1="site=far")
    for number in range(5):
        await world.book(f"far {number}", on=["enc-1"])
    await world.book("near", on=["mux"])
    here = await worker(world)
    claims = await world.claim(PRE_ROLL, worker=here, limit=1)
    assert [run.judged.booking.name for run in claims.runs] == ["near"]
    assert (await world.claim(PRE_ROLL, worker=here, limit=1)).more is False


async def test_a_label_counts_from_when_it_is_set(world):
    await world.book("show", on=["enc-1"])
    await place(world, enc_1="site=north")
    here = await worker(world)
    assert await claimed(world, here, PRE_ROLL) == []
    await place(world, enc_1="")
    assert await claimed(world, here) == ["show"]


async def test_what_needs_no_script_needs_no_place(world):
    await place(world, enc_1="site=north")
    bare = await world.unscripted()
    made = await world.book(on=["enc-1"], definition=bare.key)
    await world.claim(PRE_ROLL, worker=await worker(world))
    assert (await world.boundary(made, Kind.START_OF_PRE_ROLL)).state is BoundaryState.DONE


async def test_a_lost_run_waits_for_who_reaches_it(world):
    await place(world, enc_1="site=north")
    await world.book("north", on=["enc-1"])
    assert await claimed(world, await worker(world, "site=north"), PRE_ROLL) == ["north"]
    late = PRE_ROLL + LEASE
    assert await claimed(world, await worker(world), late) == []
    assert await claimed(world, await worker(world, "site=north")) == ["north"]


async def test_a_retry_of_what_is_over_goes_where_its_devices_are(world):
    await place(world, enc_1="site=north")
    made = await world.book("north", on=["enc-1"])
    north, here = await worker(world, "site=north"), await worker(world)
    for instant in (PRE_ROLL, ON_AIR, OFF_AIR):
        (run,) = (await world.claim(instant, worker=north)).runs
        await world.settle(run)
    (last,) = (await world.claim(OFF_AIR + 5 * MINUTE, worker=north)).runs
    await world.fail(last)
    await world.retry(made, Kind.END_OF_POST_ROLL)
    assert await claimed(world, here) == []
    assert await claimed(world, north) == ["north"]


# ---------------------------------------------------------------------- scripts


def lacking(script: str) -> object:
    """The rule of a worker that has no such script."""

    def decide(judged: object, now_us: int) -> object:
        decision = rule(judged, now_us)  # type: ignore[arg-type]
        missing = getattr(decision, "script", "") == script
        return Refusal(Reason.SCRIPT_MISSING, f"{script} is not installed", script) if missing else decision

    return decide


async def test_a_script_that_only_another_has_is_left_to_it(world):
    made = await world.book()
    journal, other = world.store.journal, await worker(world)
    await journal.offer(world.worker, {"tidy": "1"})
    await journal.offer(other, {"warm-up": "1"})
    world.clock.us = PRE_ROLL
    await journal.renew(other, LEASE)
    claims = await journal.claim(world.worker, LEASE, lacking("warm-up"), 100)
    assert (claims.runs, claims.settled, claims.more) == ((), 0, False)
    assert (await world.boundary(made, Kind.START_OF_PRE_ROLL)).state is BoundaryState.ARMED
    assert await claimed(world, other) == ["News"]


async def test_a_script_that_nobody_has_is_missing(world):
    made = await world.book()
    await world.store.journal.offer(world.worker, {"tidy": "1"})
    world.clock.us = PRE_ROLL
    await world.store.journal.claim(world.worker, LEASE, lacking("warm-up"), 100)
    boundary = await world.boundary(made, Kind.START_OF_PRE_ROLL)
    assert (boundary.state, boundary.reason) == (BoundaryState.FAILED, Reason.SCRIPT_MISSING)


async def begun_with(world: World, version: str) -> None:
    await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run, "a", version=version)


async def test_a_run_goes_on_in_the_version_with_which_it_began(world):
    await begun_with(world, "old")
    old, new = await worker(world), await worker(world)
    await world.store.journal.offer(old, {"warm-up": "old"})
    await world.store.journal.offer(new, {"warm-up": "new"})
    world.clock.us = PRE_ROLL + LEASE
    await world.store.journal.renew(old, LEASE)
    assert await claimed(world, new) == []
    assert (await world.only(worker=old)).version == "old"


async def test_a_version_that_no_live_worker_has_is_taken_over_all_the_same(world):
    """It fails with ScriptChanged, in plain sight, instead of waiting for ever."""
    await begun_with(world, "old")
    gone, new = await worker(world), await worker(world)
    await world.store.journal.offer(gone, {"warm-up": "old"})
    await world.store.journal.offer(new, {"warm-up": "new"})
    await world.store.journal.retire(gone)
    assert (await world.only(PRE_ROLL + LEASE, worker=new)).version == "old"


# ---------------------------------------------------------------------- carriers


async def sent(world: World, *labels: str) -> tuple[int, int, object]:
    """A sender that has claimed a run, and a runner."""
    await world.book("show", on=["enc-1"])
    runner = await worker(world, *labels, role=Role.RUNNER)
    world.clock.us = PRE_ROLL
    await world.store.journal.renew(runner, LEASE)
    sender = await worker(world, role=Role.SENDER)
    return sender, runner, await world.only(worker=sender)


async def test_a_sender_claims_what_a_runner_reaches(world):
    await place(world, enc_1="site=north", enc_2="site=south")
    await world.book("unreached", on=["enc-2"])
    _, _, run = await sent(world, "site=north")
    assert (run.judged.booking.name, run.needs) == ("show", {"site=north"})


async def test_a_sender_asks_for_one_runner_that_reaches_all(world):
    await place(world, enc_1="site=north", enc_2="site=south")
    await world.book("both", on=["enc-1", "enc-2"])
    for site in ("north", "south"):
        await worker(world, f"site={site}", role=Role.RUNNER)
    world.clock.us = PRE_ROLL - LEASE // 2
    sender = await worker(world, role=Role.SENDER)
    assert await claimed(world, sender, PRE_ROLL) == []


async def test_what_was_sent_is_adopted_from_a_living_sender(world):
    sender, runner, run = await sent(world)
    key, journal = run.judged.boundary.key, world.store.journal
    assert await journal.sent(sender) == {key}
    adopted = (await journal.adopt(runner, key, 1)).claimed
    assert (adopted.run, adopted.epoch, adopted.resumed) == (run.run, 2, True)
    assert await journal.sent(sender) == frozenset()
    assert (await world.settle(run)).verdict is Verdict.FENCED
    assert (await world.settle(adopted)).verdict is Verdict.OK


async def test_who_runs_and_lives_is_left_alone(world):
    _, runner, run = await sent(world)
    key, journal, other = run.judged.boundary.key, world.store.journal, await worker(world, role=Role.RUNNER)
    first = await journal.adopt(runner, key, 1)
    again = await journal.adopt(other, key, 1)
    assert (again.claimed, again.busy) == (None, True)
    assert await world.begin(first.claimed) is Verdict.OK
    world.clock.us += LEASE
    taken = (await journal.adopt(other, key, 1)).claimed
    assert taken.epoch == 3
    assert await world.begin(first.claimed, "later") is Verdict.FENCED


async def test_an_adoption_whose_answer_was_lost_is_asked_again(world):
    _, runner, run = await sent(world)
    key, journal = run.judged.boundary.key, world.store.journal
    first, second = [(await journal.adopt(runner, key, 1)).claimed for _ in range(2)]
    assert (first.epoch, second.epoch) == (2, 3)


async def test_what_is_over_or_was_moved_is_not_adopted(world):
    _, runner, run = await sent(world)
    key, journal = run.judged.boundary.key, world.store.journal
    assert await journal.adopt(runner, key, 2) == await journal.adopt(runner, 4711, 1)
    adopted = await journal.adopt(runner, key, 1)
    await world.settle(adopted.claimed)
    late = await journal.adopt(runner, key, 1)
    assert (late.claimed, late.busy) == (None, False)


async def test_a_runner_without_the_script_lets_another_have_it(world):
    _, runner, run = await sent(world)
    journal, other = world.store.journal, await worker(world, role=Role.RUNNER)
    await journal.offer(runner, {"tidy": "1"})
    await journal.offer(other, {"warm-up": "1"})
    assert (await journal.adopt(runner, run.judged.boundary.key, 1)).busy
    assert (await journal.adopt(other, run.judged.boundary.key, 1)).claimed


async def test_every_claim_names_the_runs_of_runners_that_must_stop(world):
    sender, runner, run = await sent(world)
    await world.settle((await world.store.journal.adopt(runner, run.judged.boundary.key, 1)).claimed)
    up = await world.only(ON_AIR, worker=sender)
    await world.store.journal.adopt(runner, up.judged.boundary.key, 1)
    await world.store.journal.renew(runner, 100 * MINUTE)
    claims = await world.claim(OFF_AIR, worker=sender)
    assert [(fence.boundary, fence.epoch) for fence in claims.cancel] == [(up.judged.boundary.key, 2)]


# ---------------------------------------------------------------------- what is seen


async def fleet(world: World, at: int) -> tuple[list[tuple[bool, int]], list[tuple[frozenset[str], int]]]:
    world.clock.us = at

    def query(tx: Tx) -> tuple[list[tuple[bool, int]], list[tuple[frozenset[str], int]]]:
        return [(w.alive, w.running) for w in tx.workers.known()], [(u.labels, u.count) for u in tx.workers.unreached()]

    return await world.store.read(query)


async def test_workers_are_listed_while_they_live_or_have_left_something(world):
    await world.book()
    await worker(world)
    assert await fleet(world, PRE_ROLL - 60 * MINUTE) != ([], [])
    await world.only(PRE_ROLL)
    assert (await fleet(world, PRE_ROLL))[0] == [(True, 1)]
    assert (await fleet(world, PRE_ROLL + LEASE))[0] == [(False, 1)]


@pytest.mark.parametrize(("labels", "missing"), [((), 2), (("site=north",), 1), (("site=north", "site=south"), 0)])
async def test_what_nobody_reaches_is_told(world, labels: Collection[str], missing: int):
    await place(world, enc_1="site=north", enc_2="site=south", card_a="site=south")
    await worker(world, *labels)
    _, unreached = await fleet(world, world.clock.us)
    assert len(unreached) == missing
    assert (frozenset({"site=south"}), 2) in unreached or missing == 0
