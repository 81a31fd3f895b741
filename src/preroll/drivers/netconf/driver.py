# SPDX-License-Identifier: Apache-2.0
"""The driver of NETCONF devices: candidate, lock, validate, confirmed commit; else an undo taken by reading."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import math
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lxml import etree

from preroll.drivers.netconf.account import Account
from preroll.drivers.netconf.mapping import Element, Node, Tree, topmost
from preroll.sdk import (
    Applied,
    Busy,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    InvalidValue,
    Mismatch,
    Plan,
    RefusedByDevice,
    Reverted,
    TimedOut,
    Tolerance,
    Unreachable,
)

if TYPE_CHECKING:
    from preroll.drivers.netconf.session import Session

_TREE = frozenset({"parameters", "namespace", "namespaces", "variables"})


class Validation(StrEnum):
    """How the device is asked to check a change before it is committed."""

    TEST_THEN_SET = "test-then-set"
    """While it is edited, where the server has ``:validate``."""
    EXPLICIT = "explicit"
    """By a request of its own. Some servers answer *ok* to the commit after it and apply nothing (netconfd 2.13)."""
    NONE = "none"
    """Not at all: the commit checks."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a resource says about its device."""

    account: Account
    tree: Tree
    validation: Validation = Validation.TEST_THEN_SET

    @classmethod
    def of(cls, name: str, said: Mapping[str, Any]) -> Address:
        """Read a resource's address. Raises InvalidValue."""
        ours = {f.name for f in fields(Account)}
        if unknown := said.keys() - ours - _TREE - {"validation"}:
            raise InvalidValue(f"address.{min(unknown)}", "is not known to the netconf driver", device=name)
        validation = said.get("validation", Validation.TEST_THEN_SET)
        if validation not in [way.value for way in Validation]:
            raise InvalidValue("address.validation", f"is not one of {', '.join(Validation)}", device=name)
        for field in ("parameters", "namespaces", "variables"):
            if not isinstance(said.get(field, {}), Mapping):
                raise InvalidValue(f"address.{field}", "is no mapping", device=name)
        tree = Tree(**{"parameters": {}, **{key: said[key] for key in _TREE & said.keys()}})
        return cls(Account.of(name, {k: v for k, v in said.items() if k in ours}), tree, Validation(validation))


@dataclass(slots=True)
class _Held:
    """What our session holds on the device and has to give back."""

    store: str = ""
    edited: bool = False


class NetconfDriver:
    """One session to one device. ``caps`` is known when it is open."""

    def __init__(self, name: str, address: Address) -> None:
        self._name, self._address, self._tree = name, address, address.tree
        self._open: Session | None = None
        self._held = _Held()
        self.caps: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Connect and greet."""
        await self.close()
        # ncclient takes half a second to load: not at the start of a host that may not need it, nor on its loop.
        session = await asyncio.to_thread(import_module, "preroll.drivers.netconf.session")
        self._open, self._held = await session.Session.dial(self._name, self._address.account), _Held()
        found = {"candidate": ":candidate", "confirmed-commit": ":confirmed-commit:1.1", "validate": ":validate"}
        self.caps = frozenset(cap for cap, announced in found.items() if self._open.has(announced))

    async def close(self) -> None:
        """Disconnect; what is locked is unlocked by that."""
        session, self._open = self._open, None
        if session:
            await session.close()

    async def alive(self) -> bool:
        """Does the device answer, whatever it says?"""
        try:
            await self._session.data("running", [])
        except DeviceError:
            return False
        return True

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The values in force, of these paths or of all that the address declares."""
        if paths is None:
            data = await self._session.data("running", self._tree.filter(leaf.anywhere for leaf in self._tree.leaves))
            nodes = [node for leaf in self._tree.leaves for node in leaf.nodes(data)]
        else:
            nodes = [node for path in paths if (node := self._tree.node(path))]
            data = await self._session.data("running", self._filter(nodes))
        found = {node.path: node.value(data) for node in nodes}
        return {path: value for path, value in found.items() if value is not None}

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """Read and compare. What differs is tried in the candidate, compared by the device's own words, and discarded.

        A value that the device cannot take is refused here, where it has a candidate or can test.
        """
        nodes = self._nodes(desired)
        running = await self._session.data("running", self._filter(nodes.values()))
        now = {path: node.value(running) for path, node in nodes.items()}
        changes = tuple(Change(path, now[path], new) for path, new in desired.items() if now[path] != new)
        if not changes:
            return Plan()
        wanted = {change.path: change.new for change in changes}
        if not self._has("candidate"):
            if self._session.has(":validate:1.1"):
                await self._edit("running", wanted, test="test-only")
            return Plan(changes, undo=await self._undo_of(wanted))
        async with self._locked("candidate"):
            await self._edit("candidate", wanted)
            candidate = await self._session.data("candidate", self._filter(nodes.values()))
        return Plan(changes, _diff(running, candidate), await self._undo_of(wanted))

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Lock, edit, commit. With ``revert_in`` the commit is a confirmed one whose persist-id is the key."""
        if at is not None:
            raise RefusedByDevice("the device cannot activate at a later time", device=self._name)
        if plan.empty:
            return Applied(plan)
        wanted = {change.path: change.new for change in plan.changes}
        pending = revert_in is not None and self._has("confirmed-commit")
        token = (key or uuid.uuid4().hex) if pending else ""
        terms: dict[str, object] = {}
        if pending and revert_in is not None:
            terms = {"confirmed": True, "timeout": str(max(1, math.ceil(revert_in))), "persist": token}
        undo = await self._undo_of(wanted)
        await self._put(wanted, terms)
        return Applied(plan, undo, pending=pending, token=token)

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set: what the device says is in force, not what it said to the commit."""
        return (tolerance or Tolerance()).mismatches(desired, await self.read(list(desired)))

    async def confirm(self, applied: Applied) -> None:
        """The confirming commit, then the check set: an *ok* is no proof.

        Raises:
            Reverted: the device has taken it back. Busy: somebody holds the lock. RefusedByDevice: it is pending still.
        """
        if not applied.pending or not self._has("confirmed-commit"):
            return
        wanted = _new(applied.plan.changes)
        try:
            await self._commit_pending(applied.token)
        except (InvalidValue, RefusedByDevice):
            if mismatches := await self.verify(wanted):
                raise Reverted(mismatches, device=self._name) from None
            if not await self._is_settled():
                raise
        else:
            if mismatches := await self.verify(wanted):
                raise CheckFailed(mismatches, device=self._name)

    async def rollback(self, applied: Applied) -> None:
        """Cancel what is pending; write back what is in force. Raises CheckFailed."""
        before = _new(applied.undo)
        if not before:
            return
        if applied.pending and self._has("confirmed-commit"):
            with contextlib.suppress(InvalidValue, RefusedByDevice):  # nothing is pending: it was taken back, or stays
                await self._session.ask("cancel_commit", persist_id=applied.token, changing=True)
        left = {mismatch.path: mismatch.expected for mismatch in await self.verify(before)}
        if not left:
            return
        await self._put(left, {})
        if mismatches := await self.verify(before):
            raise CheckFailed(mismatches, device=self._name)

    async def rpc(self, request: str) -> str:
        """Any request of the author's own, as XML: ``<get-schema xmlns="..."/>``. Returns the whole reply.

        Raises:
            InvalidValue: it is no XML. DeviceError: what the device said; a time-out may have been applied.
        """
        try:
            element = etree.fromstring(request)
        except etree.XMLSyntaxError as error:
            raise InvalidValue("request", str(error), device=self._name) from None
        return str((await self._session.ask("rpc", element, changing=True)).xml)

    @property
    def _session(self) -> Session:
        if self._open is None:
            raise Unreachable("not connected: open() comes first", device=self._name)
        return self._open

    def _has(self, cap: str) -> bool:
        return cap in self.caps

    def _nodes(self, paths: Iterable[str]) -> dict[str, Node]:
        found = {path: self._tree.node(path) for path in paths}
        for path, node in found.items():
            if node is None:
                known = ", ".join(leaf.path for leaf in self._tree.leaves) or "none"
                raise InvalidValue(path, f"address.parameters does not have it (it has {known})", device=self._name)
        return {path: node for path, node in found.items() if node}

    def _pairs(self, wanted: Mapping[str, object]) -> list[tuple[Node, object]]:
        return [(node, wanted[path]) for path, node in self._nodes(wanted).items()]

    def _filter(self, nodes: Iterable[Node]) -> list[Element]:
        return self._tree.filter(node.way for node in nodes)

    async def _put(self, wanted: Mapping[str, object], terms: Mapping[str, object]) -> None:
        """Bring values in force: all of them or none."""
        if not self._has("candidate"):
            async with self._locked("running"):
                await self._edit("running", wanted, changing=True)
            return
        async with self._locked("candidate"):
            await self._edit("candidate", wanted)
            if self._address.validation is Validation.EXPLICIT and self._has("validate"):
                with self._naming(wanted):
                    await self._session.ask("validate", "candidate")
            with self._naming(wanted):
                await self._session.ask("commit", changing=True, **terms)

    async def _commit_pending(self, token: str) -> None:
        """The candidate is locked for it, as a confirming commit would take along what others have edited there.

        Some servers lock nothing while a confirmed commit is pending (netconfd); then nobody holds it.
        """
        try:
            async with self._locked("candidate"):
                await self._session.ask("commit", persist_id=token, changing=True)
        except Busy as busy:
            if busy.holder:
                raise
            await self._session.ask("commit", persist_id=token, changing=True)

    async def _is_settled(self) -> bool:
        """Is nothing pending? While something is, a commit that does not name it is refused (RFC 6241, 8.4)."""
        try:
            async with self._locked("candidate"):
                await self._session.ask("commit")
        except (Busy, InvalidValue, RefusedByDevice):
            return False
        return True

    async def _edit(self, store: str, wanted: Mapping[str, object], *, test: str = "", changing: bool = False) -> None:
        terms: dict[str, str] = {}
        if self._has("validate") and (test or self._address.validation is Validation.TEST_THEN_SET):
            terms["test_option"] = test or Validation.TEST_THEN_SET.value
        if self._session.has(":rollback-on-error"):
            terms["error_option"] = "rollback-on-error"
        removal = "remove" if self._session.has(":base:1.1") else "delete"
        with self._naming(wanted):
            config = self._tree.edit(self._pairs(wanted), removal=removal)
            self._held.edited = store == "candidate"
            await self._session.ask("edit_config", config, target=store, changing=changing, **terms)

    @contextlib.contextmanager
    def _naming(self, wanted: Mapping[str, object]) -> Iterator[None]:
        """A value that is refused is named by our path, not by the device's."""
        try:
            yield
        except InvalidValue as error:
            path = self._tree.named(error.path, self._nodes(wanted).values())
            raise InvalidValue(path, error.reason, device=self._name) from error

    async def _undo_of(self, wanted: Mapping[str, object]) -> tuple[Change, ...]:
        """What writes the values of now back: also those below what is taken away, and no entry that was not there."""
        pairs = self._pairs(wanted)
        data = await self._session.data("running", self._filter(node for node, _ in topmost(pairs)))
        return tuple(Change(node.path, after, before) for node, after, before in self._tree.undo(data, pairs))

    @contextlib.asynccontextmanager
    async def _locked(self, store: str) -> AsyncIterator[None]:
        """Hold a datastore. What is edited and not committed is discarded on the way out.

        When the device does not answer any more, or we are cancelled, nothing is sent: the next use, or the end of the
        session, gives back what is held.
        """
        await self._give_back()
        await self._lock(store)
        try:
            yield
        except (TimedOut, Unreachable, asyncio.CancelledError):
            raise
        except BaseException:
            await self._give_back()
            raise
        await self._give_back()

    async def _lock(self, store: str) -> None:
        """Lock a datastore. Only a clear *no* means that we do not hold it."""
        self._held = _Held(store)
        try:
            await self._session.ask("lock", store)
        except TimedOut:
            raise
        except DeviceError:
            self._held = _Held()
            raise

    async def _give_back(self) -> None:
        held = self._held
        with contextlib.suppress(DeviceError):
            if held.edited:
                with contextlib.suppress(RefusedByDevice):
                    await self._session.ask("discard_changes")
                held.edited = False
            if held.store:
                await self._session.ask("unlock", held.store)
                held.store = ""


def _new(changes: Iterable[Change]) -> dict[str, object]:
    return {change.path: change.new for change in changes}


def _diff(running: Element, candidate: Element) -> str:
    """What the device would change, in its own words."""
    return "\n".join(difflib.unified_diff(_lines(running), _lines(candidate), "running", "candidate", lineterm=""))


def _lines(data: Element) -> list[str]:
    parser = etree.XMLParser(remove_blank_text=True, resolve_entities=False)
    copy = etree.fromstring(etree.tostring(data), parser)
    etree.cleanup_namespaces(copy)
    return etree.tostring(copy, pretty_print=True, encoding="unicode").splitlines()


def netconf(name: str, address: Mapping[str, object]) -> Driver:
    """A driver of a NETCONF device; see the README for the fields of its address."""
    return NetconfDriver(name, Address.of(name, address))
