# SPDX-License-Identifier: Apache-2.0
"""A device that answers SNMP on a port of this machine, to test against. It can be broken in many ways.

It needs the package ``pysnmp``, so it is not imported with the rest of ``preroll.testing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto import rfc1902, rfc1905
from pysnmp.smi import error, instrum

__all__ = ["FAULTS", "SnmpDevice"]

# fmt: off
FAULTS: dict[str, str] = {
    "refuse":  "says notWritable to every set",
    "busy":    "says resourceUnavailable to every set",
    "auth":    "says authorizationError to every set",
    "lie":     "accepts every set, and does nothing",
    "late":    "sets, and the answer is lost",
    "hang":    "does not answer",
    "garbage": "answers to every get with noise",
}
# fmt: on
COMMUNITY = "let me in"
ROOT = "1.3.6.1.4.1.8072.9999.9999"
"""A place in the tree that nobody uses: NET-SNMP's playpen."""
REFUSALS = {
    "refuse": error.NotWritableError,
    "busy": error.ResourceUnavailableError,
    "auth": error.AuthorizationError,
}


class SnmpDevice:
    """A device. Use it as an asynchronous context manager, or call ``start`` and ``close``.

    Args:
        initial: path -> value at first, numbers or text; the paths get numbers below ``ROOT`` in their order.
        limits: path -> {minimum, maximum}.
        community: of version 2c, for reading and setting.
        users: version 3: name -> (password of SHA-1, password of AES-128).
    """

    def __init__(
        self,
        initial: Mapping[str, int | str],
        *,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        community: str = COMMUNITY,
        users: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.values = dict(initial)
        """What is in force."""
        self.oids = {path: f"{ROOT}.{number}.0" for number, path in enumerate(initial, 1)}
        self.limits, self.community, self.users = limits or {}, community, users or {}
        self.changes = 0
        """How many sets took effect."""
        self.broken = "none"
        self.losing = False
        """The next answer gets lost."""
        self.blamed = 0
        """Which of the objects of the last set was refused, counted from 1."""
        self.port = 0
        self._engine: Any = None

    async def start(self) -> Self:
        """Answer; the same device may be started again, on the same port."""
        self._engine = engine.SnmpEngine()
        socket = _Socket(self)
        socket.open_server_mode(("127.0.0.1", self.port))
        config.add_transport(self._engine, udp.DOMAIN_NAME, socket)
        self.port = (await socket.bound()).get_extra_info("sockname")[1]
        self._admit()
        agent = context.SnmpContext(self._engine)
        agent.unregister_context_name(b"")
        agent.register_context_name(b"", _Tree(self))
        cmdrsp.GetCommandResponder(self._engine, agent)
        _Setting(self._engine, agent).device = self
        return self

    def _admit(self) -> None:
        all_of_it = (1, 3, 6)
        config.add_v1_system(self._engine, "everybody", self.community)
        config.add_vacm_user(self._engine, 2, "everybody", "noAuthNoPriv", all_of_it, all_of_it)
        for name, (auth, priv) in self.users.items():
            protocols = config.USM_AUTH_HMAC96_SHA, auth, config.USM_PRIV_CFB128_AES, priv
            config.add_v3_user(self._engine, name, *protocols)
            config.add_vacm_user(self._engine, 3, name, "authPriv", all_of_it, all_of_it)

    async def close(self) -> None:
        """Answer no more."""
        agent, self._engine = self._engine, None
        if agent:
            agent.close_dispatcher()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def serving(self) -> bool:
        """Does it listen?"""
        return self._engine is not None

    def fault(self, kind: str) -> None:
        """Break it: one of ``FAULTS``, until it is mended with ``none``. Raises ValueError for others."""
        if kind != "none" and kind not in FAULTS:
            raise ValueError(f"{kind!r} is not one of none, {', '.join(FAULTS)}")
        self.broken = kind

    def address(self, **more: object) -> dict[str, Any]:
        """What a resource says of it, without the credentials: where it is, and its objects."""
        kinds = {path: "integer" if isinstance(value, int) else "text" for path, value in self.values.items()}
        objects = {path: {"oid": oid, "type": kinds[path]} for path, oid in self.oids.items()}
        return {"host": "127.0.0.1", "port": self.port, "parameters": objects, **more}


class _Tree(instrum.AbstractMibInstrumController):  # type: ignore[misc]
    """The objects of a device."""

    def __init__(self, device: SnmpDevice) -> None:
        self._device = device
        self._paths = {rfc1902.ObjectName(oid): path for path, oid in device.oids.items()}

    def read_variables(self, *bindings: Any, **_: object) -> list[Any]:
        return [(name, self._read(name)) for name, _ in bindings]

    def _read(self, name: Any) -> Any:
        path = self._paths.get(name)
        if path is None:
            return rfc1905.noSuchObject
        value = self._device.values[path]
        if self._device.broken == "garbage":
            return rfc1902.TimeTicks(4711) if isinstance(value, str) else rfc1902.OctetString(b"\xff<<%$#")
        return rfc1902.Integer32(value) if isinstance(value, int) else rfc1902.OctetString(value.encode())

    def write_variables(self, *bindings: Any, **_: object) -> list[Any]:
        device = self._device
        wanted = {}
        for number, (name, raw) in enumerate(bindings):
            path = self._path(name, number)
            wanted[path] = self._taken(path, name, raw, number)
        if device.broken != "lie":
            device.values.update(wanted)
            device.changes += 1
        device.losing = device.broken == "late"
        return list(bindings)

    def _path(self, name: Any, number: int) -> str:
        self._device.blamed = number + 1
        if refusal := REFUSALS.get(self._device.broken):
            raise refusal(name=name, idx=number)
        if name not in self._paths:
            raise error.NoSuchObjectError(name=name, idx=number)
        return self._paths[name]

    def _taken(self, path: str, name: Any, raw: Any, number: int) -> int | str:
        before = self._device.values[path]
        if isinstance(raw, rfc1902.OctetString) is not isinstance(before, str):
            raise error.WrongTypeError(name=name, idx=number)
        if isinstance(before, str):
            return bytes(raw).decode()
        limit = self._device.limits.get(path, {})
        if not limit.get("minimum", int(raw)) <= int(raw) <= limit.get("maximum", int(raw)):
            raise error.WrongValueError(name=name, idx=number)
        return int(raw)


class _Setting(cmdrsp.SetCommandResponder):  # type: ignore[misc]
    """Names the object that was refused; pysnmp names the first one."""

    device: SnmpDevice

    def send_varbinds(self, engine_: Any, reference: Any, status: Any, index: Any, bindings: Any) -> None:
        super().send_varbinds(engine_, reference, status, self.device.blamed if status else index, bindings)


class _Socket(udp.UdpAsyncioTransport):  # type: ignore[misc]
    """The device's socket: what is lost on the way is lost here."""

    def __init__(self, device: SnmpDevice) -> None:
        super().__init__()
        self._device = device

    async def bound(self) -> Any:
        transport, _ = await self._lport
        return transport

    def datagram_received(self, datagram: bytes, transportAddress: Any) -> None:  # noqa: N803 - pysnmp's
        if self._device.broken != "hang":
            super().datagram_received(datagram, transportAddress)

    def send_message(self, outgoingMessage: bytes, transportAddress: Any) -> None:  # noqa: N803 - pysnmp's
        lost, self._device.losing = self._device.losing, False
        if not lost:
            super().send_message(outgoingMessage, transportAddress)
