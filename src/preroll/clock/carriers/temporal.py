# SPDX-License-Identifier: Apache-2.0
"""Runs carried by Temporal: a workflow for each, whose one activity runs it on a worker that reaches its devices.

The workflow's id is ``boundary/generation``. Temporal chooses the runner, notices that one is gone, and asks another;
what is due, who owns it and what is done stays in the journal. Nothing of a run is in Temporal but two numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, combinations
from weakref import WeakValueDictionary

import stamina
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from preroll.clock.carrier import reached
from preroll.clock.dispatcher import Dispatcher
from preroll.domain.errors import StoreUnavailable
from preroll.domain.reach import Labels, written
from preroll.ports.rows import Claimed, Fence
from preroll.ports.store import Journal
from preroll.telemetry import logger

log = logger(__name__)
LONGEST = timedelta(days=7)
"""Of one activity. What a script may take is the platform's limit, kept by its runner."""
AGAIN_S = 10.0
"""Seconds after which a run that nobody has adopted is submitted once more."""
MOST_LABELS = 6
"""Of a runner: it listens to a queue for each set of its labels, and of six there are 64."""
_again = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_initial=0.1, wait_max=2.0)
"""Until the server answers."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What Temporal gets to see of a run."""

    boundary: int
    generation: int
    queue: str
    silence: float
    """Seconds without a heartbeat after which the runner is taken for dead."""

    @property
    def ident(self) -> str:
        """The workflow's id."""
        return ident_of(self.boundary, self.generation)


def ident_of(boundary: int, generation: int) -> str:
    """The id of the workflow that carries a boundary's run."""
    return f"{boundary}/{generation}"


def queue_of(name: str, needs: Labels) -> str:
    """The task queue of runs that need a worker with these labels, such as ``preroll:site=north``."""
    return f"{name}:{written(needs)}" if needs else name


def queues_of(name: str, labels: Labels) -> Iterator[str]:
    """The queues of all runs that a worker with these labels can take."""
    ordered = sorted(labels)
    for some in chain.from_iterable(combinations(ordered, n) for n in range(len(ordered) + 1)):
        yield queue_of(name, frozenset(some))


@workflow.defn(name="preroll-run", sandboxed=False)
class CarriedRun:
    """Delivers a run to one runner after the other, until one says that it is over."""

    @workflow.run
    async def run(self, parcel: Parcel) -> str:
        """Returns the runner's word."""
        outcome: str = await workflow.execute_activity(
            "preroll-run",
            parcel,
            task_queue=parcel.queue,
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=timedelta(seconds=parcel.silence),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=2)
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return outcome


class Temporal:
    """The carrier: what a sender submits."""

    def __init__(self, client: Client, name: str, silence: float) -> None:
        self._client, self._name, self._silence = client, name, silence
        self._sent: dict[int, Parcel] = {}
        self._cancelling: set[asyncio.Task[None]] = set()

    async def submit(self, claimed: Claimed, instant: float = 0.0) -> None:
        """Have it delivered on its instant; returns when Temporal has taken it."""
        await reached(instant)
        boundary = claimed.judged.boundary
        queue = queue_of(self._name, claimed.needs)
        parcel = self._sent[boundary.key] = Parcel(boundary.key, boundary.generation, queue, self._silence)
        await self._post(parcel)

    def cancel(self, fence: Fence) -> None:
        """Ask for the workflow's cancellation; its activity hears of it with its next heartbeat."""
        task = asyncio.get_running_loop().create_task(self._cancel(ident_of(fence.boundary, fence.generation)))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def look_after(self, journal: Journal, sender: int) -> None:
        """Submit again what nobody has adopted for a while: Temporal may have lost it. Runs until it is cancelled."""
        waited: frozenset[int] = frozenset()
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                left = await journal.sent(sender)
            except StoreUnavailable:
                continue
            self._sent = {key: parcel for key, parcel in self._sent.items() if key in left}
            for key in sorted(left & waited & self._sent.keys()):
                await self._post(self._sent[key])
            waited = left

    async def _post(self, parcel: Parcel) -> None:
        try:
            await self._start(parcel)
        except RPCError as error:
            log.warning("Temporal does not answer; runs wait until it does", error=str(error))
            await _again(RPCError, self._start, parcel)

    async def _start(self, parcel: Parcel) -> None:
        await self._client.start_workflow(
            CarriedRun.run,
            parcel,
            id=parcel.ident,
            task_queue=self._name,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    async def _cancel(self, ident: str) -> None:
        try:
            await self._client.get_workflow_handle(ident).cancel()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                log.warning("a run could not be cancelled; it is tried again", error=str(error))


class Runner:
    """Takes what Temporal delivers, and has it run here."""

    def __init__(self, journal: Journal, dispatcher: Dispatcher, worker: int, silence: float) -> None:
        self._journal, self._dispatcher, self._worker, self._silence = journal, dispatcher, worker, silence
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        """Deliveries of a run adopt it one after the other: a second adoption turns the run of the first away."""

    @activity.defn(name="preroll-run")
    async def run(self, parcel: Parcel) -> str:
        """Run what was delivered to its end, with a heartbeat; a second delivery waits for the first one's run."""
        turn = self._turns.setdefault(parcel.boundary, asyncio.Lock())
        async with turn:
            task = self._dispatcher.under_way(parcel.boundary) or await self._adopted(parcel)
        while task is not None and not task.done():
            activity.heartbeat()
            try:
                await asyncio.wait([task], timeout=self._silence / 5)
            except asyncio.CancelledError:
                self._told_to_stop(parcel)
        return "over"

    def _told_to_stop(self, parcel: Parcel) -> None:
        """Stop the run if it is to be stopped. If only the delivery is, the run goes on: its lease is what counts."""
        why = activity.cancellation_details()
        if why is None or not why.cancel_requested:
            raise ApplicationError("the runner lets go of the delivery")
        self._dispatcher.cancel(Fence(parcel.boundary, 0))

    async def _adopted(self, parcel: Parcel) -> asyncio.Task[None] | None:
        adopted = await self._journal.adopt(self._worker, parcel.boundary, parcel.generation)
        if adopted.busy:
            raise ApplicationError("not for this runner now", next_retry_delay=timedelta(seconds=self._silence / 5))
        if adopted.claimed is None:
            return None
        return self._dispatcher.begin(adopted.claimed, adopted.now_us)


def listeners(client: Client, name: str, labels: Labels, runner: Runner, silence: float, room: int) -> list[Worker]:
    """Temporal's workers of one process: one for the workflows, one for each queue of runs that it can take."""
    beat = timedelta(seconds=silence / 5)
    carrying = Worker(
        client, task_queue=queue_of(name, frozenset()), workflows=[CarriedRun], activities=[runner.run],
        workflow_runner=UnsandboxedWorkflowRunner(), max_concurrent_activities=room,
        max_heartbeat_throttle_interval=beat,
    )  # fmt: skip
    return [
        carrying,
        *(
            Worker(
                client, task_queue=queue, activities=[runner.run], max_concurrent_activities=room,
                max_concurrent_activity_task_polls=2, max_heartbeat_throttle_interval=beat,
            )
            for queue in queues_of(name, labels)
            if queue != name
        ),
    ]  # fmt: skip
