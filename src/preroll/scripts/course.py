# SPDX-License-Identifier: Apache-2.0
"""One change of several devices on its way: forward to its end, or back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace

from preroll.ports.rows import Severity
from preroll.ports.scripts import Order
from preroll.scripts.intents import COMMIT, REVERT, Intent, Past, Target, noted
from preroll.scripts.loading import APPLIED, Kit
from preroll.scripts.steps import Step, clean, message_of
from preroll.scripts.together import all_of, failures_of, undisturbed
from preroll.sdk import ChangeFailed, Check, CheckFailed, Driver, GiveUp, Reverted, Stand, load

RESERVE = 0.1
"""Part of the window that is kept for confirming."""
_AHEAD = ("apply", "verify", "audit", COMMIT)
"""Steps that are not taken again when there is only a way back."""
_SHOWN, _LONGEST = 5, 200
"""So many values of a device are named in a message, each in so many characters."""


class Course:
    """One change on its way: forward to its end, or back."""

    def __init__(self, intent: Intent, past: Past, kit: Kit, order: Order) -> None:
        self._intent, self._past, self._kit = intent, past, kit
        self._equipment = {e.id: e for e in order.equipment if not e.hands_off}
        self._hands_off = frozenset(e.id for e in order.equipment if e.hands_off)
        self._targets = tuple(t for t in intent.targets if t.resource in self._equipment)
        self._written = [t for t in self._targets if past.known(intent.step("apply", t.label))]
        """Devices that an apply may have touched."""
        self._applied = {t.label: past.applied(t, intent.step("apply", t.label)) for t in self._written}
        self._until = 0.0
        self._answers = order.answers

    @property
    def committed(self) -> bool:
        """Is there only a way forward?"""
        return self._past.done(self._intent.step(COMMIT))

    async def run(self, audits: Sequence[Check], within: float, audit: Callable[[Check, str], Awaitable[None]]) -> None:
        """Write, read back, look, decide, confirm."""
        try:
            await self._prove(audits, within, audit)
        except MemoryError:
            raise
        except (asyncio.CancelledError, Exception) as error:
            why = "the run was stopped" if isinstance(error, asyncio.CancelledError) else self._told(error)
            failure = await undisturbed(self._back(why))
            if isinstance(error, asyncio.CancelledError):
                raise
            raise failure from error
        await undisturbed(self._commit())

    async def _prove(
        self, audits: Sequence[Check], within: float, audit: Callable[[Check, str], Awaitable[None]]
    ) -> None:
        self._until = asyncio.get_running_loop().time() + self._intent.window * (1 - RESERVE)
        for group in self._intent.groups:
            await all_of(self._apply(target) for target in group if target.changes)
            await all_of(self._verify(target) for target in group if target.changes)
        for number, check in enumerate(audits, 1):
            self._require(within, f"the audit of {check.what} can be done")
            await audit(check, self._intent.step("audit", *([str(number)] if len(audits) > 1 else [])))
        self._require(0.0, "everything is verified")

    def _require(self, seconds: float, what: str) -> None:
        left = self._until - asyncio.get_running_loop().time()
        if left < seconds and any(t.reverts for t in self._written):
            raise GiveUp(f"the window of {self._intent.window:g} s would end before {what}: give it more (window=...)")

    async def _apply(self, target: Target) -> None:
        self._written.append(target)
        self._applied[target.label] = target.unseen
        first = True

        async def do(_: str) -> object:
            nonlocal first
            fresh, first = first, False
            async with self._use(target) as driver:
                revert_in = self._intent.window if target.reverts else None
                applied = await driver.apply(target.plan, revert_in=revert_in, key=target.key)
            if not fresh:  # what an earlier attempt has left half done is nothing to go back to
                applied = replace(target.unseen, pending=applied.pending, token=applied.token)
            self._applied[target.label] = applied
            return noted(applied)

        async def is_so() -> bool:
            async with self._use(target) as driver:
                return not await driver.verify({c.path: c.new for c in target.changes})

        await self._kit.steps.take(Step(
            self._intent.step("apply", target.label), do, is_so, resource=target.resource, where=target.where,
            diff=lambda: target.diff,
        ))  # fmt: skip

    async def _verify(self, target: Target) -> None:
        async def do(_: str) -> object:
            async with self._use(target) as driver:
                if mismatches := await driver.verify(target.desired):
                    raise CheckFailed(mismatches, device=target.where)
            return None

        await self._take("verify", target, do)

    # Forward

    async def _commit(self) -> None:
        await self._kit.steps.take(Step(self._intent.step(COMMIT), _nothing, repeatable=True))
        await self._forward()

    async def resume_forward(self) -> None:
        """Confirm what is not confirmed yet; what took itself back meanwhile is applied again.

        Raises:
            ChangeFailed: some device is not as decided.
        """
        if self._past.done(self._intent.step(Stand.NEW)):
            return
        self._say(Severity.WARNING, "was decided, and not brought to its end: only forward")
        self._leave_what_is_gone("to confirm")
        await self._forward(again=True)

    async def _forward(self, *, again: bool = False) -> None:
        failed = await failures_of({t: self._confirm(t, again=again) for t in self._targets})
        left = {t: f"{self._told(error)}; {_left_on(t, 'to confirm')}" for t, error in failed.items()}
        good = [t for t in self._targets if t not in failed]
        if left:
            raise self._residue("was decided, and could not be brought to its end", Stand.NEW, good, left)
        await self._conclude(Stand.NEW, Severity.INFO)

    async def _confirm(self, target: Target, *, again: bool) -> None:
        async def do(key: str) -> object:
            if self._is_told(target, Stand.NEW):
                return {APPLIED: target.desired}
            if target.changes:
                async with self._use(target) as driver:
                    await self._keep(driver, target, f"{key}:again", again=again)
            return {APPLIED: target.desired}

        await self._take("confirm", target, do)

    async def _keep(self, driver: Driver, target: Target, key: str, *, again: bool) -> None:
        try:
            await driver.confirm(self._applied.get(target.label, target.unseen))
        except Reverted as reverted:
            self._say(Severity.WARNING, f"{_name(target)} had taken it back by itself, and gets it again: {reverted}")
            await load(driver, target.desired, key=key)
            if target.lost:
                raise GiveUp(f"{', '.join(target.lost)} is a secret, and is not kept") from reverted
        else:
            if again:
                await load(driver, target.desired, key=key)

    # Back

    async def resume_back(self) -> None:
        """Undo what may have been written.

        Raises:
            ChangeFailed: some device is not as it was.
        """
        ahead = tuple(map(self._intent.step, _AHEAD))
        for name in self._past.under_way(self._intent):
            if name.startswith(ahead):
                await self._give_up(name)
        if self._past.done(self._intent.step(Stand.OLD)):
            return
        self._leave_what_is_gone("to undo")
        if not self._written:
            return
        failure = await self._back("it was broken off before it was decided")
        if failure.stand is not Stand.OLD:
            raise failure
        self._say(Severity.INFO, "starts anew")

    def _leave_what_is_gone(self, what: str) -> None:
        """A device that is no longer part of the booking may be somebody else's by now: it is told, and not touched."""
        for target in self._intent.targets:
            if target not in self._targets and self._past.known(self._intent.step("apply", target.label)):
                why = "is hands off" if target.resource in self._hands_off else "is no longer part of the booking"
                text = f"{_name(target)} {why}, and is left alone; {_left_on(target, what)}"
                self._say(Severity.WARNING, text)

    async def _give_up(self, name: str) -> None:
        async def never(_: str) -> object:
            raise GiveUp("broken off: the change goes back")

        with suppress(GiveUp):
            await self._kit.steps.take(Step(name, never, repeatable=True))

    async def _back(self, why: str) -> ChangeFailed:
        """Undo everywhere, in reverse; how that went."""
        if not self._written:
            return ChangeFailed(f"{self._intent.title}: {why}; nothing was written", Stand.OLD)
        self._say(Severity.WARNING, f"goes back: {why}")
        await self._kit.steps.take(Step(self._intent.step(REVERT), _nothing, repeatable=True))
        failed: dict[Target, Exception] = {}
        for group in reversed(self._intent.groups):
            failed |= await failures_of({t: self._undo(t) for t in reversed(group) if t in self._written})
        left = {t: f"{self._told(error)}; {_left_on(t, 'to undo')}" for t, error in failed.items()}
        good = [t for t in self._targets if t not in failed]
        if left:
            return self._residue(why, Stand.OLD, good, left)
        await self._conclude(Stand.OLD, Severity.WARNING)
        return ChangeFailed(f"{self._intent.title}: {why}; {_stand(Stand.OLD, self._targets)}", Stand.OLD)

    async def _undo(self, target: Target) -> None:
        applied = self._applied[target.label]

        async def do(_: str) -> object:
            if self._is_told(target, Stand.OLD):
                return None
            async with self._use(target) as driver:
                await driver.rollback(applied)
            if target.lost and not target.reverts:
                raise GiveUp(f"the old value of {', '.join(target.lost)} is a secret, and is not kept")
            return None

        await self._take("undo", target, do)

    # What all of them need

    def _is_told(self, target: Target, stand: Stand) -> bool:
        """Has an operator looked, and found that the device has it? Then it is not touched."""
        told = self._answers.get(target.label) == stand.value
        if told:
            self._say(Severity.WARNING, f"{_name(target)} has the {stand}, by an operator's word")
        return told

    async def _take(self, phase: str, target: Target, do: Callable[[str], Awaitable[object]]) -> None:
        name = self._intent.step(phase, target.label)
        await self._kit.steps.take(Step(name, do, repeatable=True, resource=target.resource, where=target.where))

    async def _conclude(self, stand: Stand, severity: Severity) -> None:
        """Say how all of them stand, in the log and as a row of the journal."""

        async def say(_: str) -> object:
            self._say(severity, _stand(stand, self._targets), stand=stand.value)
            return None

        await self._kit.steps.take(Step(self._intent.step(stand), say, repeatable=True))

    def _use(self, target: Target) -> AbstractAsyncContextManager[Driver]:
        return self._kit.devices.use(self._equipment[target.resource])

    def _residue(self, why: str, stand: Stand, good: Sequence[Target], left: Mapping[Target, str]) -> ChangeFailed:
        """Not all is as it should be: say so, and what is left where."""
        residue = {t.label: text for t, text in left.items()}
        told = "; ".join(f"{_name(t)}: {text}" for t, text in left.items())
        rest = f"; {stand}: {', '.join(map(_name, good))}" if good else ""
        text = f"NOT all {stand}: {told}{rest}"
        self._say(Severity.ERROR, text, stand=Stand.OPEN.value, residue=residue)
        return ChangeFailed(f"{self._intent.title}: {why}; {text}", Stand.OPEN, residue)

    def _told(self, error: Exception) -> str:
        return message_of(error).replace(f"{self._intent.title}:", "")

    def _say(self, severity: Severity, text: str, **data: object) -> None:
        self._kit.book.log(severity, clean(f"{self._intent.title}: {text}"), data)


def _stand(stand: Stand, targets: Sequence[Target]) -> str:
    """``both old: PE1 (pe-1), PE2 (pe-2)``."""
    many = {1: "", 2: "both "}.get(len(targets), f"all {len(targets)} ")
    return f"{many}{stand}: {', '.join(map(_name, targets))}"


def _name(target: Target) -> str:
    return target.label if target.label == target.where else f"{target.label} ({target.where})"


def _left_on(target: Target, what: str) -> str:
    """What is left on a device that could not be reached for the last word."""
    values = [str(change)[:_LONGEST] for change in target.changes[:_SHOWN]]
    more = [f"{len(target.changes) - _SHOWN} more"] if len(target.changes) > _SHOWN else []
    own = "; it takes back by itself what is not confirmed" if target.reverts else ""
    return f"left {what}: {', '.join(values + more)}{own}"


async def _nothing(_: str) -> object:
    return None
