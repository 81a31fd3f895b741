# SPDX-License-Identifier: Apache-2.0
"""The datastores of a NETCONF server: candidate and running, locks, and confirmed commits that take themselves back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from lxml import etree

from preroll.testing.netconf_tree import (
    BASE,
    Element,
    Keys,
    RpcError,
    children,
    edit,
    local,
    path_of,
    select,
    text_of,
)
from preroll.testing.staging import Invalid

ABILITIES = {
    "candidate": "candidate:1.0",
    "confirmed-commit": "confirmed-commit:1.1",
    "validate": "validate:1.1",
    "rollback-on-error": "rollback-on-error:1.0",
    "writable-running": "writable-running:1.0",
}
"""What a device can be told to have."""
OnCommit = Callable[[Element], Awaitable[None] | None]
Operation = Callable[[int, Element], Awaitable[Element | None] | Element | None]
"""(session, the operation's element) -> the data that it answers with."""
_NEEDED = {
    "validate": "validate",
    "commit": "candidate",
    "discard-changes": "candidate",
    "cancel-commit": "confirmed-commit",
}
"""Operation -> the ability that it needs."""


@dataclass(slots=True)
class Pending:
    """A confirmed commit that is not confirmed yet."""

    before: Element
    persist: str
    session: int
    timer: asyncio.Task[None] | None = None


class Datastores:
    """What a device holds, and the operations on it. Its callers hold ``turn``.

    Args: as those of NetconfDevice.
    """

    def __init__(
        self,
        initial: Element,
        keys: Keys,
        limits: Mapping[str, Mapping[str, float]],
        check: Callable[[Element], None],
        on_commit: OnCommit,
        abilities: tuple[str, ...],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.keys, self.limits, self._check, self.on_commit = keys, limits, check, on_commit
        self.abilities, self._sleep = abilities, sleep
        self.running, self.candidate = initial, copy.deepcopy(initial)
        self.locks: dict[str, int] = {}
        """Datastore -> the session that holds it."""
        self.pending: Pending | None = None
        self.turn = asyncio.Lock()
        """Held by whoever does something here."""
        self._operations: dict[str, Operation] = {
            "get": self._read,
            "get-config": self._read,
            "edit-config": self._edit,
            "validate": self._validate,
            "discard-changes": self._discard,
            "commit": self._commit,
            "cancel-commit": self._cancel,
            "lock": self._lock,
            "unlock": self._unlock,
            "close-session": self._close,
        }
        self.log: list[str] = []
        """Effects, oldest first: ``committed``, ``pending``, ``confirmed``, ``cancelled``, ``reverted``, ``edited``."""

    async def perform(self, session: int, operation: Element) -> Element | None:
        """One operation: the data that it answers with, None for *ok*. Raises RpcError."""
        name = local(operation)
        if name not in self._operations or _NEEDED.get(name, "") not in ("", *self.abilities):
            raise RpcError("operation-not-supported", f"there is no {name}")
        answer = self._operations[name](session, operation)
        return await answer if inspect.isawaitable(answer) else answer

    async def put(self, config: Element) -> None:
        """Edit the running configuration, whoever holds what."""
        new = copy.deepcopy(self.running)
        edit(new, config, self.keys)
        await self._install(new, "edited")

    async def leave(self, session: int) -> None:
        """A session has ended: its locks are free, what it did not make persistent is taken back (RFC 6241, 8.4)."""
        if self.locks.get("candidate") == session:
            self.candidate = copy.deepcopy(self.running)
        self.locks = {store: holder for store, holder in self.locks.items() if holder != session}
        if self.pending and not self.pending.persist and self.pending.session == session:
            await self._take_back("reverted")

    def _close(self, _: int, __: Element) -> None:
        """The session ends after the answer."""

    def _discard(self, session: int, _: Element) -> None:
        self._free(session, "candidate")
        self.candidate = copy.deepcopy(self.running)

    def _validate(self, _: int, __: Element) -> None:
        self._valid(self.candidate)

    async def _cancel(self, session: int, operation: Element) -> None:
        self._pending_of(session, _said(operation, "persist-id"))
        await self._take_back("cancelled")

    def _unlock(self, session: int, operation: Element) -> None:
        self._free(session, _store(operation))
        self.locks.pop(_store(operation), None)

    def _read(self, _: int, operation: Element) -> Element:
        store = self.candidate if _child(operation, "source", "candidate") is not None else self.running
        subtree = operation.find(f"{{{BASE}}}filter")
        return copy.deepcopy(store) if subtree is None else select(store, subtree, self.keys)

    async def _edit(self, session: int, operation: Element) -> None:
        store = _store(operation)
        if store == "running" and "writable-running" not in self.abilities:
            raise RpcError("operation-not-supported", "running cannot be written")
        self._free(session, store)
        new = copy.deepcopy(self.candidate if store == "candidate" else self.running)
        config = operation.find(f"{{{BASE}}}config")
        if config is None:
            raise RpcError("missing-element", "there is no config")
        edit(new, config, self.keys, _said(operation, "default-operation") or "merge")
        test = _said(operation, "test-option")
        if test or store == "running":
            self._valid(new)
        if test == "test-only":
            return
        if store == "candidate":
            self.candidate = new
        else:
            await self._install(new, "edited")

    async def _commit(self, session: int, operation: Element) -> None:
        self._free(session, "candidate", "running")
        persist_id = _said(operation, "persist-id")
        pending = self._pending_of(session, persist_id) if persist_id or self.pending else None
        self._valid(self.candidate)
        before = pending.before if pending else copy.deepcopy(self.running)
        confirmed = _child(operation, "confirmed") is not None
        what = "pending" if confirmed else "confirmed" if pending else "committed"
        await self._install(self.candidate, what)
        if pending and pending.timer:
            pending.timer.cancel()
        self.pending = None
        if confirmed:
            self.pending = Pending(before, _said(operation, "persist") or persist_id, session)
            seconds = float(_said(operation, "confirm-timeout") or 600)
            self.pending.timer = asyncio.create_task(self._revert_after(seconds))

    def _pending_of(self, session: int, persist_id: str) -> Pending:
        pending = self.pending
        if pending is None:
            raise RpcError("invalid-value", "no confirmed commit is pending")
        if persist_id != pending.persist:
            if persist_id:
                raise RpcError("invalid-value", "another confirmed commit is pending")
            raise RpcError("in-use", "a confirmed commit is pending", holder=pending.session)
        if not pending.persist and pending.session != session:
            raise RpcError("in-use", "a confirmed commit of another session is pending", holder=pending.session)
        return pending

    async def _revert_after(self, seconds: float) -> None:
        await self._sleep(seconds)
        async with self.turn:
            await self._take_back("reverted")

    async def _take_back(self, what: str) -> None:
        pending, self.pending = self.pending, None
        if pending is None:
            return
        if pending.timer and pending.timer is not asyncio.current_task():
            pending.timer.cancel()
        await self._install(pending.before, what)
        self.candidate = copy.deepcopy(self.running)

    async def _install(self, new: Element, what: str) -> None:
        """Bring a configuration in force. Raises RpcError when the data plane cannot."""
        new = copy.deepcopy(new)
        try:
            done = self.on_commit(copy.deepcopy(new))
            if inspect.isawaitable(done):
                await done
        except Exception as error:  # the data plane is its author's code, and the device answers for it
            raise RpcError("operation-failed", f"the data plane: {error}") from error
        if etree.tostring(self.candidate) == etree.tostring(self.running):
            self.candidate = copy.deepcopy(new)
        self.running = new
        self.log.append(what)

    def _lock(self, session: int, operation: Element) -> None:
        store = _store(operation)
        if store in self.locks:
            raise RpcError("lock-denied", "the lock is held", holder=self.locks[store])
        if store == "candidate" and etree.tostring(self.candidate) != etree.tostring(self.running):
            raise RpcError("lock-denied", "the candidate has changes that nobody committed", holder=0)
        self.locks[store] = session

    def _free(self, session: int, *stores: str) -> None:
        for store in stores:
            if self.locks.get(store, session) != session:
                raise RpcError("in-use", f"{store} is locked", holder=self.locks[store])

    def _valid(self, config: Element) -> None:
        for name, limit in self.limits.items():
            for leaf in config.iter(f"{{*}}{name}"):
                low, high = limit.get("minimum", float("-inf")), limit.get("maximum", float("inf"))
                with contextlib.suppress(ValueError):
                    if low <= float(text_of(leaf)) <= high:
                        continue
                wrong = f"{text_of(leaf)} is outside of {low:g} to {high:g}"
                raise RpcError("invalid-value", wrong, path=path_of(leaf, self.keys))
        try:
            self._check(config)
        except Invalid as invalid:
            raise RpcError("invalid-value", invalid.reason, path=invalid.path) from None


def _child(operation: Element, *names: str) -> Element | None:
    return operation.find("/".join(f"{{{BASE}}}{name}" for name in names))


def _said(operation: Element, name: str) -> str:
    found = _child(operation, name)
    return "" if found is None else text_of(found)


def _store(operation: Element) -> str:
    target: Element | None = _child(operation, "target")
    return "" if target is None else local(next(children(target)))
