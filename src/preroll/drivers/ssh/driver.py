# SPDX-License-Identifier: Apache-2.0
"""The driver of devices with a command line: commands are sent one by one, and every answer is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from math import ceil
from typing import TYPE_CHECKING

from preroll.drivers.ssh.address import Address
from preroll.drivers.ssh.answers import SAID_NO, require_accepted
from preroll.drivers.ssh.parameters import Line, Parameter
from preroll.sdk import (
    Applied,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    GiveUp,
    InvalidValue,
    Mismatch,
    Plan,
    RefusedByDevice,
    Reverted,
    Tolerance,
    Unreachable,
)

if TYPE_CHECKING:
    from preroll.drivers.ssh.shell import Shell


class SshDriver:
    """One session to one device. After a broken exchange the next one begins with a new session."""

    def __init__(self, name: str, address: Address) -> None:
        self._name, self._address = name, address
        self._shell: Shell | None = None
        self._opened = False
        native = {"candidate": address.dialect.commit, "confirmed-commit": address.dialect.commit_within}
        self.caps = frozenset(cap for cap, commands in native.items() if commands)

    async def open(self) -> None:
        """Connect and log in."""
        await self.close()
        self._opened = True
        try:
            await self._connected()
        except BaseException:
            self._opened = False
            raise

    async def close(self) -> None:
        """Disconnect."""
        self._opened = False
        await self._hang_up(politely=True)

    async def alive(self) -> bool:
        """Does the device answer, and what is behind its prompt as well?"""
        try:
            await self.read(list(self._address.parameters)[:1])
        except DeviceError:
            return False
        return True

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The values that the declared commands show; each command is sent once."""
        declared = self._address.parameters
        chosen = declared.values() if paths is None else [declared[path] for path in paths if path in declared]
        answers: dict[str, str] = {}
        found = {}
        for parameter in chosen:
            if parameter.read not in answers:
                answers[parameter.read] = await self._say(Line(parameter.read))
            value = parameter.found_in(answers[parameter.read])
            if value is not None:
                found[parameter.path] = value
        return found

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """Read and compare. Raises InvalidValue for what could not be sent."""
        plan = Plan.between(await self.read(list(desired)), desired)
        self._require_sendable({change.path: change.new for change in plan.changes})
        return plan

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Send the commands of each change. When one is refused, those before it are taken back."""
        if at is not None:
            raise RefusedByDevice("not scheduled: a command line acts at once", device=self._name)
        if plan.empty:
            return Applied(plan)
        wanted = {change.path: change.new for change in plan.changes}
        self._require_sendable(wanted)
        before = await self.read(list(wanted))
        undo = tuple(Change(path, new, before.get(path)) for path, new in wanted.items())
        pending = revert_in is not None and "confirmed-commit" in self.caps
        commit = _within(self._address.dialect.commit_within, revert_in or 0) if pending else None
        try:
            await self._configure(self._lines(wanted, before), commit)
        except SAID_NO as refusal:
            await self._take_back(undo, refusal)
            raise
        return Applied(plan, undo, pending=pending, token=key if pending else "")

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set."""
        return (tolerance or Tolerance()).mismatches(desired, await self.read(list(desired)))

    async def confirm(self, applied: Applied) -> None:
        """Keep what the device would take back, as far as it has not.

        Raises:
            Reverted: it has. CheckFailed: it just did.
        """
        if not applied.pending:
            return
        wanted = {change.path: change.new for change in applied.plan.changes}
        if mismatches := await self.verify(wanted):
            raise Reverted(mismatches, device=self._name)
        await self._configure((), self._address.dialect.confirm)
        if mismatches := await self.verify(wanted):
            raise CheckFailed(mismatches, device=self._name)

    async def rollback(self, applied: Applied) -> None:
        """Undo: what is not as it was is written back, in the opposite order, and read again."""
        before = {change.path: change.new for change in applied.undo}
        now = await self.read(list(before))
        wrong = {path: value for path, value in before.items() if now.get(path) != value}
        if not wrong:
            return
        self._require_sendable(wrong)
        await self._configure(self._lines(wrong, now, backwards=True))
        if mismatches := await self.verify(before):
            raise CheckFailed(mismatches, device=self._name)

    async def _take_back(self, undo: tuple[Change, ...], refusal: DeviceError) -> None:
        """Undo what came before a refusal. Raises DeviceError, telling both, when that cannot be done."""
        try:
            await self.rollback(Applied(Plan(), undo))
        except DeviceError as error:
            raise DeviceError(
                f"{refusal}; and what had been set before could not be taken back: {error}", device=self._name
            ) from refusal

    def _require_sendable(self, values: Mapping[str, object]) -> None:
        for path, value in values.items():
            parameter = self._address.parameters.get(path)
            if why := parameter.refused(value) if parameter else "is not among the address's parameters":
                raise InvalidValue(path, why, device=self._name)

    def _lines(self, values: Mapping[str, object], now: Mapping[str, object], *, backwards: bool = False) -> list[Line]:
        """The commands that bring the device to the values, in the order in which its parameters are declared."""
        declared: Iterable[Parameter] = self._address.parameters.values()
        if backwards:
            declared = reversed(list(declared))
        return [line for p in declared if p.path in values for line in p.lines(values[p.path], now.get(p.path))]

    async def _configure(self, lines: Sequence[Line], commit: Sequence[str] | None = None) -> None:
        how = self._address.dialect
        await self._say_all(how.configure, changing=False)
        try:
            for line in lines:
                await self._say(line, changing=True)
            await self._say_all(how.commit if commit is None else commit)
        except SAID_NO:
            await self._say_all((*how.discard, *how.leave))
            raise
        await self._say_all((*how.leave, *how.save))

    async def _say_all(self, texts: Iterable[str], *, changing: bool = True) -> None:
        for text in texts:
            await self._say(Line(text), changing=changing)

    async def _say(self, line: Line, *, changing: bool = False) -> str:
        """Send a command, and require that the device accepts it. A broken exchange ends the session."""
        shell = await self._connected()
        try:
            answer, status = await shell.ask(line.text, changing=changing)
        except BaseException:
            await self._hang_up(politely=False)
            raise
        require_accepted(self._address.dialect, self._name, line, answer, status)
        return answer

    async def _connected(self) -> Shell:
        if not self._opened:
            raise Unreachable("not connected: open() comes first", device=self._name)
        if self._shell is None:
            # asyncssh takes half a second to load: not at the start of a host that may not need it, nor on its loop.
            shell = await asyncio.to_thread(import_module, "preroll.drivers.ssh.shell")
            self._shell = await shell.Shell.open(self._name, self._address)
        return self._shell

    async def _hang_up(self, *, politely: bool) -> None:
        shell, self._shell = self._shell, None
        if shell:
            await shell.close(politely=politely)


def _within(templates: Sequence[str], seconds: float) -> list[str]:
    """The commands with the time in them, rounded up: better a device that waits a little longer."""
    times = {"{seconds}": ceil(seconds), "{minutes}": ceil(seconds / 60)}
    return [re.sub(r"\{(seconds|minutes)\}", lambda place: str(times[place[0]]), line) for line in templates]


def ssh(name: str, address: Mapping[str, object]) -> Driver:
    """A driver of a device with a command line; see the README for the fields of its address.

    Raises:
        InvalidValue: the address is wrong. GiveUp: the extra ``ssh`` is not installed.
    """
    if find_spec("asyncssh") is None:
        raise GiveUp("the ssh driver needs asyncssh: pip install 'preroll[ssh]'")
    return SshDriver(name, Address.of(name, address))
