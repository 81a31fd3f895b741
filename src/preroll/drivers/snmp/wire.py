# SPDX-License-Identifier: Apache-2.0
"""One session of SNMP: questions and answers as plain values."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v1arch import asyncio as plain
from pysnmp.hlapi.v3arch import asyncio as api
from pysnmp.proto import rfc1902, rfc1905

from preroll.drivers.snmp.address import Address
from preroll.drivers.snmp.answers import DENIED, error_of
from preroll.drivers.snmp.objects import Object
from preroll.sdk import AuthFailed, DeviceError, Secret, TimedOut, Unreachable

AT_ONCE = 10
"""Objects of one question: their answers fit the smallest message that every agent takes (RFC 3417: 484 bytes)."""
ABSENT = (rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)
SYNTAX: Mapping[str, Any] = {
    "integer": api.Integer32,
    "boolean": api.Integer32,
    "unsigned": api.Unsigned32,
    "ticks": api.TimeTicks,
    "text": api.OctetString,
    "hex": api.OctetString,
    "address": api.IpAddress,
    "oid": api.ObjectIdentifier,
}
AUTH: Mapping[str, Any] = {
    "md5": api.USM_AUTH_HMAC96_MD5,
    "sha": api.USM_AUTH_HMAC96_SHA,
    "sha224": api.USM_AUTH_HMAC128_SHA224,
    "sha256": api.USM_AUTH_HMAC192_SHA256,
    "sha384": api.USM_AUTH_HMAC256_SHA384,
    "sha512": api.USM_AUTH_HMAC384_SHA512,
}
PRIV: Mapping[str, Any] = {
    "des": api.USM_PRIV_CBC56_DES,
    "3des": api.USM_PRIV_CBC168_3DES,
    "aes": api.USM_PRIV_CFB128_AES,
    "aes192": api.USM_PRIV_CFB192_AES,
    "aes256": api.USM_PRIV_CFB256_AES,
}


class Wire:
    """One device. Its end of the conversation is its own: two devices may know the same user by different passwords."""

    def __init__(self, name: str, address: Address, speech: _Community | _User, target: _Target) -> None:
        self._name, self._address, self._speech, self._target = name, address, speech, target
        self.closed = False

    @classmethod
    async def open(cls, name: str, address: Address) -> Wire:
        """Find the device's place. Raises Unreachable when its name is not known."""
        try:
            target = await _Target.create((address.host, address.port), address.timeout, address.retries)
        except PySnmpError as error:
            raise Unreachable(f"{address.host}: {error}", device=name) from error
        if address.community is not None:
            return cls(name, address, _Community(address.community, target), target)
        engine = await asyncio.to_thread(api.SnmpEngine)  # compiles the tables of its users: a tenth of a second
        return cls(name, address, _User(address, engine, target), target)

    def close(self) -> None:
        """Let go of the socket. A question that is still open is not asked again."""
        self.closed = True
        self._speech.close()

    async def get(self, objects: Sequence[Object]) -> dict[str, object]:
        """The values by path; what is not there is left out. Raises DeviceError."""
        found: dict[str, object] = {}
        for first in range(0, len(objects), AT_ONCE):
            some = objects[first : first + AT_ONCE]
            answers = await self._ask(self._speech.get([one.oid for one in some]), some, changing=False)
            for one, (_, raw) in zip(some, answers, strict=True):
                if not isinstance(raw, ABSENT):
                    found[one.path] = one.value_of(_plain(raw))
        return found

    async def set(self, values: Sequence[tuple[Object, object]]) -> None:
        """Set them all or none (RFC 3416 4.2.5). Raises DeviceError."""
        asked = [(one.oid, SYNTAX[one.type](one.raw(value))) for one, value in values]
        await self._ask(self._speech.set(asked), [one for one, _ in values], changing=True)

    async def _ask(self, exchange: Coroutine[Any, Any, Any], objects: Sequence[Object], *, changing: bool) -> Any:
        question = asyncio.ensure_future(exchange)
        refused = self._target.refused = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({question, refused}, return_when=asyncio.FIRST_COMPLETED)
            if not question.done():
                raise self._silence("nobody listens there", changing=changing, gone=True)
            return self._answer(question, objects, changing=changing)
        finally:
            if not question.done():
                question.cancel()
                self.close()
            refused.cancel()

    def _answer(self, question: asyncio.Future[Any], objects: Sequence[Object], *, changing: bool) -> Any:
        try:
            problem, status, index, answers = question.result()
        except PySnmpError as error:
            raise DeviceError(str(error), device=self._name) from error
        if problem is not None:
            raise self._problem(problem, changing=changing)
        if status:
            path = objects[int(index) - 1].path if 0 < int(index) <= len(objects) else ""
            raise error_of(status.prettyPrint(), path, self._name)
        if len(answers) != len(objects):
            raise DeviceError(f"{len(answers)} answers to {len(objects)} questions", device=self._name)
        return answers

    def _problem(self, problem: Exception, *, changing: bool) -> DeviceError:
        kind = type(problem).__name__
        if kind == "RequestTimedOut":
            return self._silence(f"no answer in {self._address.patience:g} s", changing=changing)
        if kind in DENIED:
            return AuthFailed(str(problem), device=self._name)
        return DeviceError(str(problem), device=self._name)

    def _silence(self, why: str, *, changing: bool, gone: bool = False) -> DeviceError:
        """After a change was sent its fate is unknown: a retry that met a closed door may not have been the first."""
        if gone and not changing:
            return Unreachable(why, device=self._name)
        return TimedOut(why, device=self._name, maybe_applied=changing)


class _Target(api.UdpTransportTarget):  # type: ignore[misc]
    """A device by its address. The socket is connected, so that the system tells when nobody listens there."""

    refused: asyncio.Future[None] | None = None

    def open_client_mode(self) -> Any:
        self.transport = _Socket(self).open_client_mode()
        return self.transport


class _Socket(udp.UdpAsyncioTransport):  # type: ignore[misc]
    def __init__(self, target: _Target) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._target = target

    def open_client_mode(self, iface: Any = None, allow_broadcast: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002 - pysnmp's
        opening = self.loop.create_datagram_endpoint(lambda: self, remote_addr=self._target.transport_address)
        self._lport = asyncio.ensure_future(opening)
        return self

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002 - asyncio's
        refused = self._target.refused
        if refused is not None and not refused.done():
            refused.set_result(None)


class _Community:
    """Version 2c."""

    def __init__(self, community: Secret, target: _Target) -> None:
        target.PROTO_TRANSPORT = partial(_Socket, target)
        dispatcher = plain.SnmpDispatcher()
        data = plain.CommunityData(community.reveal(), mpModel=1)  # noqa: S508 - many devices know no other
        self._to = dispatcher, data, target
        # Not its own close(): that trips over a question that was given up (pysnmp 7.1).
        self.close = dispatcher.transport_dispatcher.close_dispatcher

    async def get(self, oids: Sequence[str]) -> Any:
        return await plain.get_cmd(*self._to, *((rfc1902.ObjectName(oid), rfc1902.Null("")) for oid in oids))

    async def set(self, values: Sequence[tuple[str, Any]]) -> Any:
        return await plain.set_cmd(*self._to, *((rfc1902.ObjectName(oid), value) for oid, value in values))


class _User:
    """Version 3."""

    def __init__(self, address: Address, engine: Any, target: _Target) -> None:
        more: dict[str, Any] = {}
        if address.auth_password is not None:
            more |= {"authKey": address.auth_password.reveal(), "authProtocol": AUTH[address.auth]}
        if address.priv_password is not None:
            more |= {"privKey": address.priv_password.reveal(), "privProtocol": PRIV[address.priv]}
        data = api.UsmUserData(address.username, **more)  # noqa: S509 - encrypted when the address has priv_password
        context = api.ContextData(contextName=address.context.encode())
        self._to, self.close = (engine, data, target, context), engine.close_dispatcher

    async def get(self, oids: Sequence[str]) -> Any:
        asked = [api.ObjectType(api.ObjectIdentity(oid)) for oid in oids]
        return await api.get_cmd(*self._to, *asked, lookupMib=False)

    async def set(self, values: Sequence[tuple[str, Any]]) -> Any:
        asked = [api.ObjectType(api.ObjectIdentity(oid), value) for oid, value in values]
        return await api.set_cmd(*self._to, *asked, lookupMib=False)


def _plain(raw: Any) -> object:
    """What the device sent, without the library's classes: a number, bytes, or text for addresses and names."""
    if isinstance(raw, api.IpAddress | univ.ObjectIdentifier):
        return raw.prettyPrint()
    if isinstance(raw, api.OctetString):
        return bytes(raw)
    return int(raw) if isinstance(raw, univ.Integer) else None
