# SPDX-License-Identifier: Apache-2.0
"""Does it answer to an echo request? By the system's ``ping``, or by an unprivileged ICMP socket where that is allowed.

Who has neither gets Unknown with the reason: to be without a tool says nothing about the service.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import struct
import time
from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec

from preroll.audits.parameters import Host, Parameters, Seconds, Share
from preroll.sdk import Audit, AuditState, Scene

INTERVAL = 0.2
"""Seconds between two requests; less is for the administrator only."""
_GRACE = 10.0
"""Seconds for the start of the program, on a machine that is busy."""
_SENT = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
_TIMES = re.compile(r"= [\d.]+/([\d.]+)/[\d.]+")
_NO_ANSWER = 1
"""How ``ping`` ends when requests were sent and none was answered; by 2 it says that it could not ask."""


ECHO_REPLIES = (0, 129)
"""Types of packet, in versions 4 and 6."""


class CannotAsk(Exception):
    """This way of asking is not open on this machine."""


@dataclass(frozen=True)
class Ping(Parameters):
    """Sends ``count`` echo requests.

    Up when at most the share ``lost`` of them got no answer in ``patience`` seconds, and the mean time is at most
    ``most_ms``; else Down. Unknown when the name cannot be resolved, or this machine cannot ask.
    """

    kind: ClassVar = "ping"
    host: Host
    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    lost: Share = 0.0
    most_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    patience: Seconds = 1.0
    """Seconds to wait for the last answer."""

    @property
    def what(self) -> str:
        return f"ping {self.host}"

    @property
    def expected(self) -> str:
        """In words."""
        quick = "" if self.most_ms is None else f", at most {self.most_ms:g} ms"
        return f"at most {self.lost:.0%} of {self.count} lost{quick}"

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Ask ``count`` times."""
        reasons = []
        for ask in (self._by_program, self._by_socket):
            try:
                return self._judge(*await ask())
            except CannotAsk as reason:
                reasons.append(str(reason))
        return Audit(AuditState.UNKNOWN, {"host": self.host}, "; ".join(reasons), self.what, self.expected)

    def _judge(self, sent: int, received: int, mean_ms: float | None) -> Audit:
        evidence = {"host": self.host, "sent": sent, "received": received, "mean_ms": mean_ms}
        missed = 1 - received / sent > self.lost
        slow = self.most_ms is not None and (mean_ms or 0) > self.most_ms
        found = f"{received} of {sent} answered" + ("" if mean_ms is None else f", mean {mean_ms:g} ms")
        state = AuditState.DOWN if missed or slow or not received else AuditState.UP
        message = f"expected {self.expected}, found {found}" if state is AuditState.DOWN else ""
        return Audit(state, evidence, message, self.what, self.expected, found)

    async def _by_program(self) -> tuple[int, int, float | None]:
        program = shutil.which("ping")
        if program is None:
            raise CannotAsk("there is no program ping")
        command = [program, "-n", "-c", str(self.count), "-i", str(INTERVAL), "-W", f"{self.patience:g}", self.host]
        status, said, why = await _output(command, self.count * INTERVAL + self.patience + _GRACE)
        counts, times = _SENT.search(said), _TIMES.search(said)
        if status > _NO_ANSWER or counts is None or not int(counts[1]):
            raise CannotAsk(why.strip().removeprefix("ping: ")[:200] or f"ping ended with {status} and said nothing")
        return int(counts[1]), int(counts[2]), float(times[1]) if times else None

    async def _by_socket(self) -> tuple[int, int, float | None]:
        loop = asyncio.get_running_loop()
        try:
            (family, _, _, _, address), *_ = await loop.getaddrinfo(self.host, 0, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise CannotAsk(f"{self.host} cannot be resolved: {error.strerror}") from None
        v6 = family == socket.AF_INET6
        try:
            asker = icmp_socket(v6=v6)
        except OSError as error:
            raise CannotAsk(f"no unprivileged ICMP socket: {error.strerror}") from None
        with asker:
            asker.settimeout(0)
            times = [t for number in range(self.count) if (t := await self._echo(asker, address, number, v6=v6))]
        mean = sum(times) / len(times) * 1000 if times else None
        return self.count, len(times), None if mean is None else round(mean, 3)

    async def _echo(self, asker: socket.socket, address: tuple[object, ...], number: int, *, v6: bool) -> float | None:
        """Ask once; returns seconds, or None when there was no answer."""
        loop, began = asyncio.get_running_loop(), time.monotonic()
        try:
            async with asyncio.timeout(self.patience):
                await loop.sock_sendto(asker, request(number, v6=v6), address)
                while answered(await loop.sock_recv(asker, 1024)) != number:
                    pass
        except OSError:  # a TimeoutError is one, and so is *unreachable*
            return None
        return time.monotonic() - began


def icmp_socket(*, v6: bool) -> socket.socket:
    """A socket for echo requests. Raises OSError where the administrator does not allow it."""
    if v6:
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)


def request(number: int, *, v6: bool) -> bytes:
    """An echo request; the kernel fills in the identifier (and the checksum of version 6)."""
    body = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 0, number) + b"preroll."
    words = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF
    return body[:2] + struct.pack("!H", 0 if v6 else total) + body[4:]


def answered(packet: bytes) -> int | None:
    """The number of the request that an echo reply answers; None for any other packet."""
    if len(packet) < 8 or packet[0] not in ECHO_REPLIES:
        return None
    return int.from_bytes(packet[6:8], "big")


async def _output(command: list[str], seconds: float) -> tuple[int, str, str]:
    """Exit code, output and error output of a program, in the language that we read."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except OSError as error:
        raise CannotAsk(f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate()
    except TimeoutError:
        raise CannotAsk(f"ping did not end in {seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
