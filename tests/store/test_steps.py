# SPDX-License-Identifier: Apache-2.0
"""Steps: durable before a device is touched, fenced, and never done twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from preroll.domain.boundaries import Kind
from preroll.domain.window import SECOND
from preroll.ports.rows import Fence, LogLine, Severity, StepState, Verdict
from preroll.store import journal_steps
from tests.store.world import LEASE, PRE_ROLL


async def test_a_step_is_recorded_when_it_begins_and_when_it_ends(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    assert await world.begin(run, "dial", resource="enc-1") is Verdict.OK
    step = (await world.steps(run.run))["dial"]
    assert (step.state, step.resource, step.began_us, step.ended_us) == (StepState.BEGUN, "enc-1", PRE_ROLL, None)
    world.clock.us += SECOND
    diff = (("video.bitrate", 5, 8.5), ("key", "sha256:1", "sha256:2"))
    assert await world.end(run, "dial", result={"port": [7]}, diff=diff) is Verdict.OK
    step = (await world.steps(run.run))["dial"]
    assert (step.state, step.ended_us, step.result, step.diff) == (
        StepState.DONE, PRE_ROLL + SECOND, {"port": [7]}, diff,
    )  # fmt: skip
    assert (step.attempts, step.epoch, step.error) == (1, 1, "")


async def test_a_name_is_used_once_in_a_run(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    assert await world.begin(run) is Verdict.OK
    assert await world.begin(run) is Verdict.DUPLICATE
    await world.end(run)
    assert await world.begin(run) is Verdict.DUPLICATE
    assert await world.begin(run, "another") is Verdict.OK


async def test_of_two_at_once_one_is_the_duplicate(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    verdicts = await asyncio.gather(*(world.begin(run) for _ in range(4)))
    assert sorted(verdicts) == [Verdict.DUPLICATE] * 3 + [Verdict.OK]


async def test_a_further_attempt_uses_the_name_again(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run)
    await world.end(run, state=StepState.FAILED, error="no answer")
    assert (await world.steps(run.run))["dial"].error == "no answer"
    assert await world.begin(run, attempt=2) is Verdict.OK
    assert await world.begin(run, attempt=2) is Verdict.DUPLICATE
    step = (await world.steps(run.run))["dial"]
    assert (step.state, step.attempts, step.error, step.ended_us) == (StepState.BEGUN, 2, "", None)


async def test_the_same_end_twice_is_the_same_end(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run)
    assert [await world.end(run, result=1) for _ in range(2)] == [Verdict.OK] * 2


async def test_runs_of_one_batch_keep_to_themselves(world):
    for i in range(6):
        await world.book(f"show {i}")
    runs = (await world.claim(PRE_ROLL)).runs
    await asyncio.gather(*(world.begin(run, name) for run in runs for name in ("a", "b")))
    await asyncio.gather(*(world.end(run, "a", result=run.run) for run in runs))
    for run in runs:
        steps = await world.steps(run.run)
        assert (steps["a"].result, steps["a"].state, steps["b"].state) == (run.run, StepState.DONE, StepState.BEGUN)


@pytest.fixture
async def zombie(world):
    """A run that another worker has taken over; its first owner does not know yet."""
    await world.book()
    run = await world.only(PRE_ROLL)
    await world.begin(run, "done")
    await world.end(run, "done", result=42)
    await world.begin(run, "open")
    heir = await world.enlist()
    taken = await world.only(PRE_ROLL + LEASE, worker=heir)
    return run, taken


async def test_an_older_epoch_is_fenced(world, zombie):
    run, taken = zombie
    assert await world.begin(run, "new") is Verdict.FENCED
    assert await world.end(run, "open") is Verdict.FENCED
    assert (await world.settle(run)).verdict is Verdict.FENCED
    assert (await world.steps(run.run))["open"].state is StepState.BEGUN
    assert await world.begin(taken, "new") is Verdict.OK


async def test_a_run_that_is_over_is_fenced(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    await world.settle(run)
    assert await world.begin(run) is Verdict.FENCED
    assert await world.end(run) is Verdict.FENCED
    unknown = replace(run, judged=replace(run.judged, boundary=replace(run.judged.boundary, key=4711)))
    assert await world.begin(unknown) is Verdict.FENCED
    assert (await world.settle(unknown)).verdict is Verdict.FENCED


async def test_without_the_fence_the_zombie_would_write(world, zombie, monkeypatch):
    """The control: it is the epoch that keeps it out."""
    run, _ = zombie
    monkeypatch.setattr(journal_steps, "_fences", unfenced)
    assert await world.begin(run, "new") is Verdict.OK


def unfenced(work, steps):
    asked = [(place, step.fence.boundary, step.name) for place, step in enumerate(steps)]
    return {row[0]: row for row in work.db.all(journal_steps._FENCE, asked)}


async def test_a_resumed_run_knows_what_was_done(world, zombie):
    run, taken = zombie
    assert taken.resumed
    recorded = {step.name: (step.state, step.result) for step in taken.steps}
    assert recorded == {"done": (StepState.DONE, 42), "open": (StepState.BEGUN, None)}
    assert await world.begin(taken, "open") is Verdict.OK, "what was under way may be begun again"
    assert await world.begin(taken, "open") is Verdict.DUPLICATE
    assert await world.begin(taken, "done") is Verdict.DUPLICATE, "what is done is done"
    step = (await world.steps(run.run))["open"]
    assert (step.epoch, step.attempts) == (2, 1)


async def test_a_probed_step_is_ended_without_being_begun_again(world, zombie):
    _, taken = zombie
    assert await world.end(taken, "open", result="was so already") is Verdict.OK
    assert await world.end(taken, "done", result="overwritten") is Verdict.DUPLICATE
    assert await world.end(taken, "never begun") is Verdict.FENCED
    steps = await world.steps(taken.run)
    assert (steps["done"].result, steps["open"].result) == (42, "was so already")


async def test_a_retried_event_knows_what_its_earlier_tries_did(world):
    made = await world.book()
    first = await world.only(PRE_ROLL)
    for name, state in (("a", StepState.DONE), ("b", StepState.FAILED)):
        await world.begin(first, name)
        await world.end(first, name, state, result=name)
    await world.fail(first)
    await world.retry(made, Kind.START_OF_PRE_ROLL)
    again = await world.only()
    assert (again.resumed, again.run == first.run, again.key_prefix[-2:]) == (False, False, ":1")
    assert {s.name: s.state for s in again.steps} == {"a": StepState.DONE, "b": StepState.FAILED}
    assert await world.begin(again, "b") is Verdict.OK
    assert (await world.steps(first.run))["b"].state is StepState.FAILED, "the first try keeps its own record"
    assert (await world.steps(again.run))["b"].state is StepState.BEGUN


async def test_odd_text_is_kept_as_far_as_a_database_can(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    odd = "a\0b \ud800 ☃"
    assert await world.begin(run, odd) is Verdict.OK
    assert await world.end(run, odd, StepState.FAILED, error=odd) is Verdict.OK
    (step,) = (await world.steps(run.run)).values()
    assert (step.name, step.error) == ("a\ufffdb ? ☃", "a\ufffdb ? ☃")


@pytest.mark.parametrize(
    "texts",
    [
        ["", "null", "NULL", " a ", "{}", "a,b", 'say "so"', "back\\slash", '{"a": "\\"b\\""}', "ä € 😀"],
        ["two\nlines", "\t", "\x01\x7f", "\\n", "'", "%s ?"],
    ],
)
async def test_every_text_comes_back_as_it_was_written(world, texts):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    for text in texts:
        world.store.journal.note(LogLine(made.key, run.run, Severity.INFO, text))
    await world.begin(run)
    assert [line.text for line in await world.store.read(lambda tx: tx.records.log(made.key))] == texts


async def test_the_action_log_keeps_its_order(world):
    made = await world.book()
    run = await world.only(PRE_ROLL)
    for i in range(5):
        world.store.journal.note(LogLine(made.key, run.run, Severity.INFO, f"line {i}", data={"i": i}))
    world.store.journal.note(LogLine(made.key, "", Severity.ERROR, "older", at_us=7))
    await world.begin(run)
    read = lambda **more: world.store.read(lambda tx: tx.records.log(made.key, **more))  # noqa: E731
    lines = await read()
    assert [line.text for line in lines] == ["line 0", "line 1", "line 2", "line 3", "line 4", "older"]
    assert [lines[0].at_us, lines[0].data, lines[5].at_us] == [PRE_ROLL, {"i": 0}, 7]
    assert [line.text for line in await read(limit=2)] == ["line 4", "older"]
    assert [line.text for line in await read(run=run.run, limit=1)] == ["line 4"]


async def test_a_fence_is_what_a_claim_hands_out(world):
    await world.book()
    run = await world.only(PRE_ROLL)
    assert run.fence == Fence(run.judged.boundary.key, 1)
