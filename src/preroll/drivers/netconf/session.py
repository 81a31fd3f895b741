# SPDX-License-Identifier: Apache-2.0
"""One NETCONF session over SSH: ncclient, whose calls block, so each waits in a thread of the host."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import socket
import threading
from typing import Any

from lxml import etree
from ncclient import NCClientError
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.manager import Manager
from ncclient.operations import RaiseMode, RPCError
from ncclient.transport.errors import AuthenticationError, SessionCloseError
from ncclient.transport.session import END_DELIM, MSG_DELIM, NetconfBase
from ncclient.transport.ssh import SSHSession
from paramiko import ECDSAKey, Ed25519Key, PKey, RSAKey, SSHException

from preroll.drivers.netconf.account import Account
from preroll.drivers.netconf.answers import Garbled, typed
from preroll.sdk import DeviceError, TimedOut, Unreachable

_WARM = 2
"""So many messages a device has said before it is asked promptly: its greeting and an answer."""
SENDING = 1.0
"""Seconds for handing over a request, besides those for its answer: a device that reads nothing lets us wait."""
GOODBYE = 1.0
"""Seconds that a device may take to answer ``close-session``."""

# At INFO it logs whole configurations, and those hold secrets; what it logs as an error it raises as well.
logging.getLogger("ncclient").setLevel(logging.CRITICAL)


class _Handler(DefaultDeviceHandler):  # type: ignore[misc]
    def handle_raw_dispatch(self, raw: str) -> Exception:
        return Garbled(f"the answer is no XML: {raw[:80]!r}")


class _PromptSession(SSHSession):  # type: ignore[misc]
    """Sends at once: ncclient's own loop looks for something to send ten times a second only."""

    def __init__(self, handler: _Handler, account: Account) -> None:
        super().__init__(handler)
        self._writing = threading.Lock()
        self._heard = 0
        self._account = account

    def _auth(self, *terms: object) -> None:
        """By the private key when there is one; nothing else is tried, no agent and no key that happens to be here."""
        account = self._account
        if account.private_key is None:
            super()._auth(*terms)
            return
        try:
            self.transport.auth_publickey(account.username, _key_of(account))
        except SSHException as error:
            raise AuthenticationError(f"private key: {error}") from error

    def send(self, message: str) -> None:
        """Write a message with its frame (RFC 6242, 4).

        The greeting and the first request are left to ncclient's loop, which takes its time: netconfd loses a request
        that comes in one breath with the greeting.
        """
        if self._heard < _WARM or not self.connected:
            super().send(message)
            return
        data = message.encode()
        chunked = self._base == NetconfBase.BASE_11
        framed = b"\n#%d\n%s%s" % (len(data), data, END_DELIM) if chunked else data + MSG_DELIM
        with self._writing:
            while framed:
                sent = self._transport_write(framed)
                if sent <= 0:
                    raise OSError("the channel is closed")
                framed = framed[sent:]

    def close(self) -> None:
        """Hang up, and tell whoever waits for an answer: ncclient would keep their threads until their time is over."""
        super().close()
        self._dispatch_error(SessionCloseError(b""))

    def _dispatch_message(self, raw: str) -> None:
        self._heard += 1
        super()._dispatch_message(raw)


class Session:
    """An open session; one request at a time."""

    def __init__(self, device: str, manager: Any, line: _PromptSession) -> None:
        self._device, self._manager, self._line = device, manager, line
        self._patience = manager.timeout + SENDING
        self._in_doubt = False
        """An answer is owed, so nobody waits for the one to a goodbye."""

    @classmethod
    async def dial(cls, device: str, account: Account) -> Session:
        """Connect and greet. Raises Unreachable, TimedOut, AuthFailed."""
        call = _Call(account)
        try:
            with typed(device, f"connect to {account.host}:{account.port}", changing=False):
                async with asyncio.timeout(account.timeout):
                    return cls(device, *await asyncio.to_thread(call.connect))
        finally:
            call.give_up()

    def has(self, capability: str) -> bool:
        """Does the device announce it, for instance ``:validate:1.1``?"""
        return capability in self._manager.server_capabilities

    @property
    def reports_defaults(self) -> bool:
        """Can it tell values that are at their default (RFC 6243, report-all)?"""
        if not self.has(":with-defaults"):
            return False
        told = self._manager.server_capabilities[":with-defaults"].parameters
        return "report-all" in [told.get("basic-mode", ""), *told.get("also-supported", "").split(",")]

    @property
    def connected(self) -> bool:
        """Is there a line to the device, as far as we know?"""
        return bool(self._manager.connected)

    async def ask(self, request: str, *args: object, changing: bool = False, **fields: object) -> Any:
        """One request and its answer. ``request`` is the name of ncclient's method.

        Args:
            changing: it changes what is in force.

        Raises:
            DeviceError: see ``answers``.
        """
        if not self.connected:
            raise Unreachable(f"{request.replace('_', '-')}: the session is lost", device=self._device)
        self._in_doubt = True
        try:
            with typed(self._device, request.replace("_", "-"), changing=changing):
                async with asyncio.timeout(self._patience):
                    answer = await asyncio.to_thread(getattr(self._manager, request), *args, **fields)
        except DeviceError as error:
            self._in_doubt = not isinstance(error.__cause__, RPCError)
            if isinstance(error, TimedOut) and not changing and not self.connected:
                raise Unreachable(f"{error}: the session is lost", device=self._device) from error
            raise
        self._in_doubt = False
        return answer

    async def data(self, store: str, tops: list[etree._Element]) -> etree._Element:
        """What a datastore holds of these subtrees. Raises DeviceError."""
        extra: dict[str, Any] = {"with_defaults": "report-all"} if self.reports_defaults else {}
        answer = await self.ask("get_config", store, filter=tops, **extra)
        data = answer.data_ele
        if data is None:
            raise DeviceError("get-config: the answer has no data", device=self._device)
        found: etree._Element = data
        return found

    async def close(self) -> None:
        """Say goodbye, unless the device owes us an answer, and hang up. Never raises."""
        await asyncio.to_thread(self._hang_up)

    def _hang_up(self) -> None:
        if self.connected and not self._in_doubt:
            self._manager.timeout = GOODBYE
            with contextlib.suppress(NCClientError, OSError, EOFError):
                self._manager.close_session()
        self._line.close()


class _Call:
    """A connection in the making, in a thread of its own; who gives up waiting cuts it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._socket: socket.socket | None = None
        self._over = False

    def connect(self) -> tuple[Any, _PromptSession]:
        """ncclient's manager and session, connected and greeted."""
        account = self._account
        self._socket = socket.create_connection((account.host, account.port), timeout=account.timeout)
        handler = _Handler()
        session = _PromptSession(handler, account)
        try:
            session.connect(sock=self._socket, **_terms(account))
            if self._over:
                raise ConnectionAbortedError("nobody waits any more")
        except BaseException:
            if session.transport:
                session.close()
            self._socket.close()
            raise
        manager = Manager(session, handler, timeout=account.timeout, raise_mode=RaiseMode.ERRORS)
        self._socket = None
        return manager, session

    def give_up(self) -> None:
        """Cut what is not connected yet."""
        self._over = True
        if self._socket:
            self._socket.close()


def _key_of(account: Account) -> PKey:
    """The private key. Raises SSHException when no kind of key can be read from it."""
    text = account.private_key.reveal() if account.private_key else ""
    passphrase = account.passphrase.reveal() if account.passphrase else None
    for kind in (Ed25519Key, ECDSAKey, RSAKey):
        with contextlib.suppress(SSHException, ValueError, TypeError):
            return kind.from_private_key(io.StringIO(text + "\n"), passphrase)
    raise SSHException("cannot be read: it is none, or its passphrase is wrong")


def _terms(account: Account) -> dict[str, Any]:
    """The account in ncclient's words."""
    return {
        "host": account.host,
        "port": account.port,
        "timeout": account.timeout,
        "username": account.username,
        "password": account.password.reveal() if account.password else None,
        "allow_agent": False,
        "look_for_keys": False,
        "hostkey_verify": account.host_key != "any",
        "hostkey_b64": next((part for part in account.host_key.split() if part.startswith("AAAA")), None),
    }
