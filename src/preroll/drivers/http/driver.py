# SPDX-License-Identifier: Apache-2.0
"""The driver of JSON devices: values are staged and activated at once or at an instant, by the device itself."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx

from preroll.drivers.http.answers import document, require_ok, typed
from preroll.drivers.http.values import ACTIVATION, flat, instant, nested, stamp
from preroll.sdk import (
    Applied,
    Change,
    CheckFailed,
    DeviceError,
    Driver,
    InvalidValue,
    Mismatch,
    Plan,
    RefusedByDevice,
    Tolerance,
    Unreachable,
)

NOW = {"mode": "activate_immediate", "requested_time": None}
NEVER = {"mode": None, "requested_time": None}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device is, and how patient to be with it."""

    url: str
    timeout: float = 5.0
    """Seconds for one request, from the connection to the last byte."""
    clock_limit: float = 0.5
    """How far the device's clock may be off for a scheduled activation, seconds."""
    key_header: str = "Idempotency-Key"

    @classmethod
    def of(cls, name: str, fields: Mapping[str, Any]) -> Address:
        """Read a resource's address. Raises InvalidValue."""
        unknown = fields.keys() - set(cls.__slots__)
        if unknown:
            raise InvalidValue(f"address.{min(unknown)}", "is not known to the http driver", device=name)
        url = str(fields.get("url", ""))
        try:
            known = httpx.URL(url).scheme in ("http", "https")
        except httpx.InvalidURL:
            known = False
        if not known:
            raise InvalidValue("address.url", f"is {url!r}, not an http or https address", device=name)
        return cls(**{**fields, "url": url.rstrip("/")})


class HttpDriver:
    """One session to one device."""

    caps = frozenset({"schedule"})

    def __init__(self, name: str, address: Address, *, now_us: Callable[[], int]) -> None:
        self._name, self._address, self._now_us = name, address, now_us
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Connect: the device has to answer."""
        await self.close()
        # The environment's proxies are not for devices.
        self._client = httpx.AsyncClient(timeout=self._address.timeout, trust_env=False, verify=self._trusted())
        try:
            await self.read(())
        except BaseException:
            await self.close()
            raise

    def _trusted(self) -> ssl.SSLContext:
        """Whom to trust: the system's certificates; without TLS nobody, and nothing has to be read."""
        return _trust() if self._address.url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def close(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client:
            await client.aclose()

    async def alive(self) -> bool:
        """Does the device answer, whatever it says?"""
        try:
            await self._ask("GET", "/active")
        except DeviceError:
            return False
        return True

    async def read(self, paths: Sequence[str] | None = None) -> Mapping[str, object]:
        """The active values."""
        values = flat(await self._get("/active"))
        return values if paths is None else {path: values[path] for path in paths if path in values}

    async def plan(self, desired: Mapping[str, object]) -> Plan:
        """Read and compare. What is so now and will not stay so, as something else is scheduled, is a change too."""
        active, scheduled = await self._read_both()
        found = []
        for path, value in desired.items():
            now, later = active.get(path), scheduled.get(path, value)
            if now != value or later != value:
                found.append(Change(path, now if now != value else later, value))
        return Plan(tuple(found))

    async def apply(
        self, plan: Plan, *, revert_in: float | None = None, at: datetime | None = None, key: str = ""
    ) -> Applied:
        """Stage and activate in one request. The device cannot revert by itself: ``pending`` is never true."""
        del revert_in  # emulated by whoever asked: Applied.pending says that the device does not
        if plan.empty:
            return Applied(plan)
        wanted = {change.path: change.new for change in plan.changes}
        active = await self.read(list(wanted))
        undo = tuple(Change(path, new, active.get(path)) for path, new in wanted.items())
        due_us = None if at is None else round(at.timestamp() * 1e6)
        if due_us is None or due_us <= self._now_us():
            await self._patch(wanted, NOW, key)
            return Applied(plan, undo)
        await self._require_clock()
        when = stamp(due_us)
        await self._patch(wanted, {"mode": "activate_scheduled_absolute", "requested_time": when}, key)
        return Applied(plan, undo, at=at, token=when)

    async def verify(self, desired: Mapping[str, object], *, tolerance: Tolerance | None = None) -> list[Mismatch]:
        """The check set."""
        return (tolerance or Tolerance()).mismatches(desired, await self.read())

    async def confirm(self, applied: Applied) -> None:
        """Nothing is ever pending."""

    async def rollback(self, applied: Applied) -> None:
        """Undo: an activation that is still scheduled is called off, values that are active are written back."""
        before = {change.path: change.new for change in applied.undo}
        scheduled = await self._is_scheduled(applied)
        if not scheduled and not await self.verify(before):
            return
        await self._patch(before, NEVER if scheduled else NOW, "")
        if mismatches := await self.verify(before):
            raise CheckFailed(mismatches, device=self._name)

    async def _read_both(self) -> tuple[Mapping[str, object], Mapping[str, object]]:
        """The active values, and those that a scheduled activation will bring (none when nothing is scheduled)."""
        active, staged = await asyncio.gather(self._get("/active"), self._get("/staged"))
        return flat(active), flat(staged) if _scheduled_for(staged) else {}

    async def _is_scheduled(self, applied: Applied) -> bool:
        return bool(applied.token) and _scheduled_for(await self._get("/staged")) == applied.token

    async def _require_clock(self) -> None:
        """Refuse to schedule on a device whose clock is wrong: it would act at another instant than we mean."""
        asked = self._now_us()
        answer = await self._ask("GET", "/clock")
        now = (asked + self._now_us()) // 2
        off_us = self._off_by(answer, now)
        if abs(off_us) > self._address.clock_limit * 1e6:
            raise RefusedByDevice(
                f"not scheduled: the device's clock is off by {off_us / 1e6:+.3f} s "
                f"(limit {self._address.clock_limit:g} s)",
                device=self._name,
            )

    def _off_by(self, answer: httpx.Response, now_us: int) -> int:
        """How far the device's clock is off, microseconds: by its ``/clock``, else by the Date of its answer."""
        if answer.status_code == httpx.codes.NOT_FOUND:
            try:
                second = round(parsedate_to_datetime(answer.headers["date"]).timestamp() * 1e6)
            except (KeyError, ValueError):
                raise RefusedByDevice("not scheduled: the device does not tell its time", device=self._name) from None
            ahead, behind = second - now_us, now_us - (second + 1_000_000)
            return ahead if ahead > 0 else -max(0, behind)
        require_ok(answer, self._name)
        told = document(answer, self._name).get("now")
        try:
            return instant(str(told)) - now_us
        except ValueError:
            raise DeviceError(f"GET /clock: {told!r} is no time", device=self._name) from None

    async def _patch(self, values: Mapping[str, object], activation: Mapping[str, object], key: str) -> None:
        headers = {self._address.key_header: key} if key else {}
        answer = await self._ask("PATCH", "/staged", {**nested(values), ACTIVATION: activation}, headers)
        require_ok(answer, self._name)
        document(answer, self._name)

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._ask("GET", path)
        require_ok(answer, self._name)
        return document(answer, self._name)

    async def _ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        if self._client is None:
            raise Unreachable("not connected: open() comes first", device=self._name)
        with typed(self._name, f"{method} {path}", changing=method == "PATCH"):
            async with asyncio.timeout(self._address.timeout):
                return await self._client.request(method, self._address.url + path, json=body, headers=headers)


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, read once: a client of its own for each device would read them each time."""
    return httpx.create_ssl_context(trust_env=False)


def _scheduled_for(staged: Mapping[str, Any]) -> str:
    """The instant of a scheduled activation, as the device writes it; empty when nothing is scheduled."""
    activation = staged.get(ACTIVATION)
    if not isinstance(activation, dict) or activation.get("mode") != "activate_scheduled_absolute":
        return ""
    return str(activation.get("requested_time") or "")


def _wall_us() -> int:
    return time.time_ns() // 1000


def http(name: str, address: Mapping[str, object], *, now_us: Callable[[], int] = _wall_us) -> Driver:
    """A driver of a JSON device; see the README for the fields of its address."""
    return HttpDriver(name, Address.of(name, address), now_us=now_us)
