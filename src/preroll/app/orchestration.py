# SPDX-License-Identifier: Apache-2.0
"""From a claimed boundary to a settled one: put the order together, have it run, say what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from operator import attrgetter

from preroll.app import confirming, deploying, overlays, service_drift
from preroll.app.equipment import as_deployed, equip, overlaid_equipment
from preroll.domain import auditing
from preroll.domain.audit import AuditSpec, Configuration, Finding, Verdict, judge, made_after
from preroll.domain.auditing import decide_audit, event_of
from preroll.domain.automation import decide_apply
from preroll.domain.booking import Booking, NodeChoice
from preroll.domain.boundaries import EXTERNAL, Boundary, Decision, Kind, Reason, Run, derive
from preroll.domain.config import Platform
from preroll.domain.created import actions_of, decide_created
from preroll.domain.decisions import decide
from preroll.domain.deployment import DEPLOYMENT
from preroll.domain.external import decide_external
from preroll.domain.free_list import states_of, values_in
from preroll.domain.inheritance import Profiles
from preroll.domain.machine import Outcome
from preroll.domain.resource import Resource
from preroll.domain.service import START, STOP
from preroll.ports.rows import Claimed, Judged, LogLine, Settlement, Severity, StepBegin, StepEnd
from preroll.ports.rows import Verdict as Word
from preroll.ports.scripts import BookingView, Equipment, InstalledScript, Order, Report, ScriptKind, ScriptRunner
from preroll.ports.store import Store, Tx

LOOK_US = 60_000_000
"""What one look of a check may take, on top of its window."""


_OWN_RULES: Mapping[Kind, Callable[[Judged], Decision]] = {
    Kind.APPLY: lambda judged: decide_apply(judged.booking),
    Kind.ORDER: lambda _: Run(DEPLOYMENT, "", ""),
    Kind.CHECK: lambda _: Run(DEPLOYMENT, "", ""),
    Kind.AUDIT: lambda judged: decide_audit(judged.boundary, judged.booking, judged.definition),
    Kind.CREATED: lambda judged: decide_created(judged.booking, judged.definition),
}
"""What kinds of boundaries ask for that neither the platform's table nor the clock has a say in."""

Which = Callable[[Booking], Mapping[str, NodeChoice]]
_ORDERS = frozenset({Kind.ORDER, Kind.CHECK})
_CHOSEN: Which = attrgetter("nodes")
_LEAVING: Which = attrgetter("leaving")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A platform's catalogue at one version, filled as it is needed."""

    version: int
    profiles: Profiles
    resources: dict[str, Resource]

    def serves(self, platform: Platform, idents: Iterable[str]) -> bool:
        """Is it new enough, and has it all of these?"""
        return self.version >= platform.catalogue_version and all(ident in self.resources for ident in idents)


class Orchestration:
    """Runs what boundaries ask for. Without a runner it can decide but not run.

    Args:
        store: where all is.
        runner: of scripts.
        turn: a lock of the loop that runs are performed on: what several need at once is read once.
    """

    def __init__(
        self,
        store: Store,
        runner: ScriptRunner | None,
        turn: AbstractAsyncContextManager[object] = nullcontext(),  # noqa: B008 - it holds nothing
    ) -> None:
        self._store, self._runner, self._turn = store, runner, turn
        self._shelves: dict[int, _Shelf] = {}
        self._wanted: dict[int, set[str]] = {}
        """Resources of a platform that runs wait for."""
        self._installed: Sequence[InstalledScript] | None = None
        self._names: frozenset[str] = frozenset()

    def decide(self, judged: Judged, now_us: int) -> Decision:
        """The rule with the scripts that are installed here; for ``Journal.claim``."""
        boundary, config = judged.boundary, judged.platform.config
        if own := _OWN_RULES.get(boundary.kind):
            return own(judged)
        if boundary.kind in EXTERNAL:
            return decide_external(boundary, judged.booking, judged.definition, config, now_us, self._scripts())
        return decide(
            boundary, judged.booking, judged.definition, config, now_us,
            scripts=self._scripts(), inactive=judged.inactive, name_taken_by=judged.name_taken_by,
        )  # fmt: skip

    def _scripts(self) -> frozenset[str] | None:
        if self._runner is None:
            return None
        installed = self._runner.installed()
        if installed is not self._installed:
            self._names = frozenset(script.name for script in installed if script.kind is ScriptKind.LSO)
            self._installed = installed
        return self._names

    async def perform(
        self, claimed: Claimed, stopped: Container[str] = (), instant: Callable[[], Awaitable[None]] | None = None
    ) -> Settlement | None:
        """Run a claimed boundary's script to its end.

        Args:
            claimed: what the journal handed out.
            stopped: runs that were told to stop; this one may be, before its script was started.
            instant: waits until the script may begin; what it needs is put together before. None: at once.

        Returns:
            How it ended, to be settled; None when another worker owns it now.
        """
        judged, kind = claimed.judged, claimed.judged.boundary.kind

        if kind in _ORDERS:
            return await self._deployed(claimed)
        order = await self._order(claimed)
        if kind is Kind.AUDIT:
            order = await self._audit(claimed, order)
        elif kind is Kind.CREATED:
            order = _created(claimed, order)
        if instant is not None:
            await instant()
        running = self._start(claimed, order)
        if claimed.run in stopped:
            self.cancel(claimed.run)
        report = await running
        if report.fenced:
            return None
        if kind is Kind.CREATED:
            report = await confirming.concluded(self._store, claimed, report, self._scripts())
        elif kind is Kind.AUDIT and judged.booking.carries:
            report = await self._store.write(lambda tx: _audited(tx, claimed, report))
        return self._told(claimed, _settlement(claimed, report))

    async def _deployed(self, claimed: Claimed) -> Settlement | None:
        """An order that was stopped still undoes what it has written: each of its rounds is stopped by itself."""
        report = await deploying.performed(self._store, claimed, lambda order: self._start(claimed, order))
        return None if report.fenced else self._told(claimed, _settlement(claimed, report))

    def _told(self, claimed: Claimed, settlement: Settlement) -> Settlement:
        """What ended a run badly is the last line of the action log too, whatever its script had said itself."""
        if settlement.outcome is Outcome.FAILED and settlement.message:
            line = LogLine(claimed.judged.booking.key, claimed.run, Severity.ERROR, settlement.message)
            self._store.journal.note(line)
        return settlement

    def _start(self, claimed: Claimed, order: Order) -> Awaitable[Report]:
        assert self._runner is not None  # noqa: S101 - bootstrap gives engines a runner
        fence = claimed.fence
        return self._runner.run(
            order, _Ledger(self._store), booking=claimed.judged.booking.key, fence_of=(fence.boundary, fence.epoch)
        )

    def cancel(self, run: str) -> None:
        """Stop a run: a down event of its booking is due, or its order was canceled."""
        if self._runner is not None:
            self._runner.cancel(run)

    async def _order(self, claimed: Claimed) -> Order:
        judged, decision = claimed.judged, claimed.decision
        assert isinstance(decision, Run)  # noqa: S101 - the journal hands out nothing else
        boundary, booking, platform = judged.boundary, judged.booking, judged.platform
        aside, limits = boundary.kind is Kind.START_FAILURE, platform.config.limits
        listed = booking.orchestrated and not aside
        if booking.overlays:
            up = decision.target == START
            equipment = await self._store.read(lambda tx: overlaid_equipment(tx, booking, up=up))
        else:
            equipment = await self._equipment(judged, _CHOSEN) if booking.nodes else []
        if listed and not booking.overlays and boundary.kind is not Kind.APPLY:
            equipment = [_brought(e, decision.target) for e in equipment]
        return Order(
            run=claimed.run,
            key_prefix=claimed.key_prefix,
            kind=ScriptKind.START_FAILURE if aside else ScriptKind.FREE_LIST if listed else ScriptKind.LSO,
            script=decision.script,
            version=claimed.version,
            event=boundary.event.name,
            target=decision.target,
            previous=decision.previous,
            booking=_view(judged),
            equipment=tuple(equipment),
            leaving=tuple(await self._leaving(judged)) if booking.leaving and not aside else (),
            steps=claimed.steps,
            timeout_us=limits.start_failure_us if aside else limits.lso_us,
            step_timeout_us=limits.step_us,
            attempts=limits.attempts,
            backoff_us=limits.backoff_us,
            grace_us=limits.grace_us,
            deadline_us=_deadline(boundary, booking),
            reason=(boundary.reason or "") if aside else "",
            detail=boundary.message if aside else "",
        )

    async def _audit(self, claimed: Claimed, order: Order) -> Order:
        """The order of a round of checks: each has its window, and knows how the devices were left."""
        judged, checks = claimed.judged, checks_of(claimed)
        left: dict[str, dict[str, object]] = {}
        if judged.booking.carries:
            left = {e.id: as_deployed(e, judged.booking.service_state) for e in order.equipment}
            above = await self._store.read(lambda tx: overlays.left_by(tx, judged.booking))
            left |= {ident: {**left.get(ident, {}), **values} for ident, values in above.items()}
        else:
            for resource, values in await self._store.read(lambda tx: tx.records.applied(judged.booking.key)):
                left.setdefault(resource, {}).update(values)
        longest = [check.within_us + LOOK_US for check in checks]
        return replace(
            order, kind=ScriptKind.AUDIT, checks=checks, attempts=1, timeout_us=sum(longest) + LOOK_US,
            step_timeout_us=max(longest, default=LOOK_US),
            equipment=tuple(replace(e, applied=left.get(e.id, {})) for e in order.equipment),
        )  # fmt: skip

    async def _leaving(self, judged: Judged) -> list[Equipment]:
        """What was taken out, with the values of its ended state: the defaults, and the profile's own on top."""
        ended = states_of(judged.booking, judged.platform.config).mapping.ended or STOP
        return [
            replace(e, values={**e.defaults, **e.states.get(ended, {})})
            for e in await self._equipment(judged, _LEAVING)
        ]

    async def _equipment(self, judged: Judged, which: Which) -> list[Equipment]:
        booking, definition = judged.booking, judged.definition
        shelf = await self._shelf(judged)
        if shelf.version != judged.platform.catalogue_version:
            booking = await self._store.read(lambda tx: tx.bookings.by_key(judged.booking.key))
        nodes, order = which(booking), [n.label for n in definition.ordered] if definition else []
        labels = [label for label in order if label in nodes]
        labels += [label for label in nodes if label not in labels]
        found = []
        for label in labels:
            choice = nodes[label]
            resource = shelf.resources.get(choice.resource or "")
            if resource is None:
                continue
            node = definition.node(label) if definition else None
            found.append(equip(label, resource, shelf.profiles.filled(node, choice)))
        return found

    async def _shelf(self, judged: Judged) -> _Shelf:
        """The catalogue as it is: newer than at the claim, it comes with what running bookings keep of the old one.

        For runs that begin together it is read together.
        """
        platform, held = judged.platform, judged.booking.held
        shelf = self._shelves.get(platform.key)
        if shelf is not None and shelf.serves(platform, held):
            return shelf
        wanted = self._wanted.setdefault(platform.key, set())
        wanted.update(held)
        async with self._turn:
            shelf = self._shelves.get(platform.key)
            if shelf is None or shelf.version < platform.catalogue_version:

                def load(tx: Tx) -> _Shelf:
                    version = tx.platforms.by_key(platform.key).catalogue_version
                    return _Shelf(version, tx.catalogue.profiles(platform.key), {})

                shelf = self._shelves[platform.key] = await self._store.read(load)
            lacking = wanted.union(held) - shelf.resources.keys()
            wanted.clear()
            if lacking:
                fetched = await self._store.read(lambda tx: tx.catalogue.resources(platform.key, ids=sorted(lacking)))
                shelf.resources.update((r.id, r) for r in fetched)
        return shelf


class _Ledger:
    """The journal as the script hosts see it."""

    def __init__(self, store: Store) -> None:
        self._journal = store.journal

    def begin(self, step: StepBegin) -> Awaitable[Word]:
        return self._journal.begin(step)

    def end(self, step: StepEnd) -> Awaitable[Word]:
        return self._journal.end(step)

    def log(self, line: LogLine) -> None:
        self._journal.note(line)


def _brought(e: Equipment, state: str) -> Equipment:
    """A resource of a free list, with the values that it gets in a state."""
    return replace(e, values=values_in(state, e.values, e.states, e.defaults))


def _view(judged: Judged) -> BookingView:
    booking, definition = judged.booking, judged.definition
    return BookingView(
        id=booking.id,
        name=booking.name,
        platform=judged.platform.name,
        start_us=booking.timing.start,
        end_us=booking.timing.end,
        pre_roll_us=booking.timing.pre_roll,
        post_roll_us=booking.timing.post_roll,
        state=booking.state.value,
        definition=definition.name if definition else "",
        definition_version=definition.version if definition else 0,
        properties=booking.properties,
    )


def _deadline(boundary: Boundary, booking: Booking) -> int | None:
    """When the next stage begins: by then this one should stand."""
    following = derive(booking.timing)[boundary.event.ordinal :]
    return following[0][1] if following else None


def checks_of(claimed: Claimed) -> tuple[AuditSpec, ...]:
    """The checks of an audit: all that can be made, or those of the event after which it is made."""
    judged, event = claimed.judged, event_of(claimed.judged.boundary)
    return made_after(auditing.checks_of(judged.booking, judged.definition), event)


def _created(claimed: Claimed, order: Order) -> Order:
    """The order of the created booking actions of a booking."""
    judged = claimed.judged
    actions = actions_of(judged.definition, judged.booking)
    limit = judged.platform.config.limits.created_us
    return replace(
        order, kind=ScriptKind.CREATED, version="", created=actions, timeout_us=limit * len(actions),
        step_timeout_us=limit, deadline_us=judged.booking.timing.held.start,
    )  # fmt: skip


def _audited(tx: Tx, claimed: Claimed, report: Report) -> Report:
    """What the audit of a service means for it, and for the orders that asked for it."""
    found = service_drift.concluded(tx, claimed, report, checks_of(claimed), _verdict(claimed, report))
    deploying.audited(tx, claimed)
    return found


def _verdict(claimed: Claimed, report: Report) -> Verdict:
    """What the checks of an audit say about the service."""
    states = report.returned.get("checks")
    found = {name: Finding(state) for name, state in states.items()} if isinstance(states, Mapping) else {}
    return judge(checks_of(claimed), found)


def _returned(claimed: Claimed, report: Report) -> Mapping[str, object]:
    """What is kept of a run; of an audit also what its checks say about the service."""
    boundary = claimed.judged.boundary
    if boundary.kind is not Kind.AUDIT:
        return report.returned
    verdict = _verdict(claimed, report)
    approved = bool(report.returned.get(service_drift.APPROVED))
    devices = Configuration.APPROVED if approved else verdict.configuration
    return {**report.returned, "asked": boundary.message, "status": verdict.status, "configuration": devices}


def _settlement(claimed: Claimed, report: Report) -> Settlement:
    message = report.message
    if report.cancelled and report.outcome is Outcome.FAILED:
        message = message or "stopped: the booking's down event is due"
    return Settlement(
        fence=claimed.fence,
        run=claimed.run,
        outcome=report.outcome,
        decision=claimed.decision,
        reason=report.reason or (Reason.LSO_FAILED if report.outcome is Outcome.FAILED else None),
        message=message,
        version=report.version,
        returned=_returned(claimed, report),
        properties=report.properties,
        unknown_steps=report.unknown_steps,
        left=report.left,
    )


def unexpected(claimed: Claimed, error: BaseException) -> Settlement:
    """The settlement of a run that the engine itself could not carry out."""
    return Settlement(
        fence=claimed.fence,
        run=claimed.run,
        outcome=Outcome.FAILED,
        decision=replace(claimed.decision),
        reason=Reason.UNEXPECTED,
        message=f"{type(error).__name__}: {error}",
        returned=_returned(claimed, Report(Outcome.FAILED)),
    )
