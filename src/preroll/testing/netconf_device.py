# SPDX-License-Identifier: Apache-2.0
"""A real NETCONF server on a real socket, to test against and to build devices on. It can be broken in many ways.

It needs asyncssh and lxml (the extra ``demo``), so it is not imported by ``preroll.testing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

import asyncssh
from lxml import etree

from preroll.testing.netconf_datastore import ABILITIES, Datastores, OnCommit
from preroll.testing.netconf_tree import BASE, Element, Keys, RpcError, children, entries, local, text_of
from preroll.testing.netconf_wire import Wire, greeting, parsed, reply
from preroll.testing.staging import Invalid

__all__ = ["FAULTS", "Invalid", "NetconfDevice", "entries"]

_CHANGING = ("edit-config", "commit", "cancel-commit")

# fmt: off
FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    # kind      strikes                        what the device does
    "refuse":  (_CHANGING,                     "operation-failed"),
    "busy":    (("lock", *_CHANGING),          "lock-denied or in-use, held by session 4711"),
    "auth":    (_CHANGING,                     "access-denied"),
    "lie":     (("commit", "cancel-commit"),   "ok, and nothing is done"),
    "late":    (("commit", "cancel-commit"),   "does it, and never answers"),
    "slow":    ((),                            "answers after some seconds, and does it then"),
    "hang":    ((),                            "takes the request and never answers"),
    "garbage": ((),                            "answers with something that is no XML"),
    "drop":    ((),                            "cuts the connection without an answer"),
}
# fmt: on
_STRANGER = 4711


@dataclass(slots=True)
class _Fault:
    kind: str
    seconds: float
    times: int | None
    on: tuple[str, ...]


class _Silence(Exception):
    """No answer is to be given."""


def _nothing(_: Element) -> None:
    return None


class NetconfDevice:
    """A device: datastores, sessions and faults. Use it as an asynchronous context manager.

    Args:
        initial: the configuration at first, as XML: one or several top elements.
        keys: name of a list -> its key leaves.
        limits: name of a leaf -> {minimum, maximum} of its number.
        check: raises Invalid for a configuration that the device cannot take.
        on_commit: the data plane: gets each configuration that comes in force (a ``<data>`` element, to be read with
            ``entries``), may be asynchronous; what it raises refuses the commit, and nothing has changed.
        abilities: which of ABILITIES it has.
        chunked: whether it speaks NETCONF 1.1 besides 1.0.
        sleep: how it waits, seconds; virtual with a ManualClock.
    """

    def __init__(
        self,
        initial: str = "",
        *,
        keys: Keys | None = None,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        check: Callable[[Element], None] = _nothing,
        on_commit: OnCommit = _nothing,
        abilities: tuple[str, ...] = ("candidate", "confirmed-commit", "validate", "rollback-on-error"),
        chunked: bool = True,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        username: str = "preroll",
        password: str = "preroll",  # noqa: S107 - on this machine only
    ) -> None:
        top = parsed(f'<data xmlns="{BASE}">{initial}</data>'.encode())
        self.stores = Datastores(top, keys or {}, limits or {}, check, on_commit, abilities, sleep)
        self.chunked, self._sleep = chunked, sleep
        self.username, self.password = username, password
        self.requests: list[tuple[int, str]] = []
        """(session, operation) of each request; the last thousand."""
        self._fault: _Fault | None = None
        self._mended = asyncio.Event()
        self._sessions = 0
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._server: asyncssh.SSHAcceptor | None = None
        self._lines: set[asyncssh.SSHServerConnection] = set()
        self.port = 0

    # The server

    async def start(self, port: int = 0) -> Self:
        """Serve on a port of this machine only; 0: one that is free. The same device may be started again."""
        self._server = await asyncssh.create_server(
            lambda: _Door(self.username, self.password, self._lines),
            "127.0.0.1",
            port or self.port,
            server_host_keys=[self._key],
            process_factory=self._converse,
            encoding=None,
            reuse_address=True,
        )
        self.port = self._server.get_port()
        return self

    async def close(self) -> None:
        """Stop serving and cut every connection. The device lives on: what is pending goes on being pending."""
        server, self._server = self._server, None
        if server:
            server.close()
            for line in list(self._lines):
                line.abort()
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        self._mended.set()
        await self.close()
        if self.stores.pending and self.stores.pending.timer:
            self.stores.pending.timer.cancel()

    @property
    def serving(self) -> bool:
        """Does it listen?"""
        return self._server is not None

    @property
    def address(self) -> dict[str, object]:
        """The fields of a netconf driver's address that this device knows; the password is to be added by reference."""
        key = self._key.export_public_key("openssh").decode().strip()
        return {"host": "127.0.0.1", "port": self.port, "username": self.username, "host_key": key}

    # Seen and broken from outside

    def entries(self, name: str) -> list[dict[str, str]]:
        """Every entry of a list in the configuration that is in force, as a row of its leaves."""
        return entries(self.stores.running, name)

    async def put(self, config: str) -> None:
        """Change the running configuration behind everybody's back: the content of an edit-config."""
        async with self.stores.turn:
            await self.stores.put(parsed(f'<config xmlns="{BASE}" xmlns:nc="{BASE}">{config}</config>'.encode()))

    def fault(self, kind: str, *, seconds: float = 5.0, times: int | None = None, on: str = "") -> None:
        """Break it: one of ``FAULTS``, for so many requests or until it is mended with ``none``.

        Args:
            seconds: how slow.
            on: the operation that it strikes; empty: as ``FAULTS`` says.

        Raises:
            ValueError: it does not know the fault.
        """
        if kind != "none" and kind not in FAULTS:
            raise ValueError(f"{kind!r} is not one of none, {', '.join(FAULTS)}")
        struck = (on,) if on else FAULTS[kind][0] if kind in FAULTS else ()
        self._fault = None if kind == "none" else _Fault(kind, seconds, times, struck)
        self._mended.set()
        self._mended = asyncio.Event()

    # A session

    async def _converse(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.subsystem != "netconf":
            process.exit(1)
            return
        self._sessions += 1
        session, wire = self._sessions, Wire(process.stdin, process.stdout)
        try:
            await self._meet("hello")
            wire.send(greeting(session, self._capabilities()))
            hello = parsed(await wire.receive())
            spoken = {text_of(found) for found in hello.iter(f"{{{BASE}}}capability")}
            wire.chunked = self.chunked and "urn:ietf:params:netconf:base:1.1" in spoken
            while await self._serve(session, wire):
                pass
            process.exit(0)
        except (EOFError, OSError, asyncssh.Error, etree.XMLSyntaxError, _Silence):
            process.get_extra_info("connection").abort()
        finally:
            async with self.stores.turn:
                await self.stores.leave(session)

    async def _serve(self, session: int, wire: Wire) -> bool:
        """One request; is there another one to come?"""
        rpc = parsed(await wire.receive())
        operation = next(children(rpc), rpc)
        name = local(operation)
        self.requests = [*self.requests[-999:], (session, name)]
        fault = await self._meet(name)
        if fault and fault.kind == "garbage":
            wire.send(b"%$#@ It works! <<")
            return True
        if fault and fault.kind == "hang":
            return True
        try:
            _refuse(name, fault)
            async with self.stores.turn:
                content = None if fault and fault.kind == "lie" else await self.stores.perform(session, operation)
        except RpcError as error:
            wire.send(reply(rpc, error))
            return True
        if fault and fault.kind == "late":
            return True
        wire.send(reply(rpc, content))
        return name != "close-session"

    async def _meet(self, name: str) -> _Fault | None:
        """Be struck by the fault, if there is one for this operation. Raises _Silence to cut the connection."""
        fault = self._fault
        if fault is None or (fault.on and name not in fault.on):
            return None
        if fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._fault = None
        match fault.kind:
            case "drop":
                raise _Silence
            case "hang":
                await self._mended.wait()
            case "slow":
                await self._sleep(fault.seconds)
        return fault

    def _capabilities(self) -> list[str]:
        versions = ("1.0", "1.1") if self.chunked else ("1.0",)
        base = [f"urn:ietf:params:netconf:base:{version}" for version in versions]
        return base + [f"urn:ietf:params:netconf:capability:{ABILITIES[ability]}" for ability in self.stores.abilities]


class _Door(asyncssh.SSHServer):
    """Lets in who knows the password."""

    def __init__(self, username: str, password: str, lines: set[asyncssh.SSHServerConnection]) -> None:
        self._username, self._password, self._lines = username, password, lines

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._lines.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library's signature
        self._lines.discard(self._conn)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._username, self._password)


def _refuse(name: str, fault: _Fault | None) -> None:
    match fault.kind if fault else "":
        case "refuse":
            raise RpcError("operation-failed", "the line card is not ready")
        case "busy":
            raise RpcError("lock-denied" if name == "lock" else "in-use", "the lock is held", holder=_STRANGER)
        case "auth":
            raise RpcError("access-denied", "who are you?")
