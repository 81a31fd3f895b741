# SPDX-License-Identifier: Apache-2.0
"""A real JSON device on a real socket, to test against and to build devices on. It can be broken in many ways."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self

from preroll.testing.staging import Invalid, Staging, flat

__all__ = ["FAULTS", "HttpDevice", "Invalid"]

# fmt: off
FAULTS: dict[str, tuple[str, str]] = {
    # kind      strikes    what the device does
    "refuse":  ("PATCH",   "500"),
    "busy":    ("PATCH",   "423 with the holder"),
    "auth":    ("any",     "401"),
    "lie":     ("PATCH",   "200, and nothing is done"),
    "late":    ("PATCH",   "does it, and hangs up without an answer"),
    "slow":    ("any",     "answers after some seconds, and does it then"),
    "hang":    ("any",     "takes the request and never answers"),
    "garbage": ("any",     "200 with something that is no JSON"),
    "drop":    ("any",     "hangs up without an answer"),
}
# fmt: on


@dataclass(slots=True)
class _Fault:
    kind: str
    seconds: float
    times: int | None
    on: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and document; no document: hang up."""

    status: int
    body: object = None
    text: str = ""


HANG_UP = Answer(0)


def _wall_us() -> int:
    return time.time_ns() // 1000


class HttpDevice:
    """A device. Subclasses say what values it takes (``check``) and what it does with them (``activated``).

    Use it as a context manager, or call ``start`` and ``close``.

    Args:
        initial: values in force at first, nested.
        limits: flat path -> {minimum, maximum}; the answer of ``/constraints``.
        base: path of the device's resources on the server.
        now_us: the device's clock, microseconds of UTC.
        tells_time: whether it has ``/clock``; without it there is the Date header.
    """

    faults: ClassVar[Mapping[str, tuple[str, str]]] = FAULTS
    """The faults that it knows; a subclass may add those of its own, which strike no request (``none``)."""

    def __init__(
        self,
        initial: Mapping[str, Any] | None = None,
        *,
        limits: Mapping[str, Mapping[str, float]] | None = None,
        base: str = "/device",
        now_us: Callable[[], int] = _wall_us,
        tells_time: bool = True,
    ) -> None:
        self.limits, self.base, self.now_us, self.tells_time = limits or {}, base, now_us, tells_time
        self.staging = Staging(initial or {}, now_us=now_us, check=self.check, activated=self.activated)
        self.requests: list[tuple[str, str, str]] = []
        """(method, path, idempotency key) of each request, oldest first; the last thousand."""
        self._keys: dict[str, Answer] = {}
        self._fault: _Fault | None = None
        self._mended = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    # What a subclass may say

    def check(self, values: Mapping[str, object]) -> None:
        """Raise Invalid for flat values that the device cannot take."""
        for path, limit in self.limits.items():
            value = values.get(path)
            if isinstance(value, int | float) and not (
                limit.get("minimum", value) <= value <= limit.get("maximum", value)
            ):
                raise Invalid(path, f"{value} is outside of {limit.get('minimum')} to {limit.get('maximum')}")

    def activated(self, values: Mapping[str, object]) -> None:
        """These flat values are in force now. Must return soon."""

    def status(self) -> Mapping[str, object]:
        """The document of ``/status``."""
        return {"activations": self.staging.activations}

    def faulted(self, kind: str) -> None:
        """A fault was set, or cleared (``none``); for those that are the device's own."""

    # The server

    def start(self, port: int = 0) -> Self:
        """Serve on a port of this machine only; 0: one that is free. The same device may be started again."""
        handler = partial(_Handler, self)
        self._mended.clear()
        self._server = _Server(("127.0.0.1", port or self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="http-device", daemon=True
        ).start()
        return self

    def close(self) -> None:
        """Stop serving; open connections are cut."""
        self._mended.set()
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def serving(self) -> bool:
        """Does it listen?"""
        return self._server is not None

    @property
    def root(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Address of the device's resources: the ``url`` of its address."""
        return self.root + self.base

    # Seen and broken from outside

    def values(self) -> dict[str, object]:
        """The flat values that are really in force."""
        active = self.staging.active()
        del active["activation"]
        return flat(active)

    def fault(self, kind: str, *, seconds: float = 5.0, times: int | None = None, on: str = "") -> None:
        """Break it: one of ``faults``, for so many requests or until it is mended with ``none``.

        Args:
            seconds: how slow.
            on: the method that it strikes; empty: as ``faults`` says.

        Raises:
            ValueError: it does not know the fault.
        """
        if kind != "none" and kind not in self.faults:
            raise ValueError(f"{kind!r} is not one of none, {', '.join(self.faults)}")
        with self._lock:
            self._fault = None if kind == "none" else _Fault(kind, seconds, times, on or self.faults[kind][0])
        self._mended.set()
        self._mended = threading.Event()
        self.faulted(kind)

    def answer(self, method: str, path: str, body: bytes, key: str) -> Answer:
        """Answer a request."""
        self.requests = [*self.requests[-999:], (method, path, key)]
        if path == "/_fault" and method == "POST":
            return self._set_fault(body)
        fault = self._struck(method)
        if fault and (answer := self._misbehave(fault)):
            return answer
        route = method, path.removeprefix(self.base) if path.startswith(self.base) else ""
        match route:
            case "PATCH", "/staged":
                return self._patch(body, key, fault)
            case "GET", "/active":
                return Answer(200, self.staging.active())
            case "GET", "/staged":
                return Answer(200, self.staging.staged())
            case "GET", "/status":
                return Answer(200, self.status())
            case "GET", "/constraints":
                return Answer(200, self.limits)
            case "GET", "/clock" if self.tells_time:
                now = self.now_us()
                return Answer(200, {"now": f"{now // 1_000_000}:{now % 1_000_000 * 1000}"})
        return Answer(404, {"error": f"there is no {method} {path}"})

    def _struck(self, method: str) -> _Fault | None:
        with self._lock:
            fault = self._fault
            if fault is None or fault.on not in ("any", method):
                return None
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._fault = None
            return fault

    def _misbehave(self, fault: _Fault) -> Answer | None:
        match fault.kind:
            case "refuse":
                return Answer(500, {"error": "encoder board is not ready"})
            case "busy":
                return Answer(423, {"error": "locked", "holder": "operator console"})
            case "auth":
                return Answer(401, {"error": "who are you?"})
            case "garbage":
                return Answer(200, text="<html><blink>It works!</blink></html>")
            case "drop":
                return HANG_UP
            case "hang":
                self._mended.wait(3600)
                return HANG_UP
            case "slow":
                self._mended.wait(fault.seconds)
        return None

    def _patch(self, body: bytes, key: str, fault: _Fault | None) -> Answer:
        try:
            document = json.loads(body)
        except ValueError:
            return Answer(400, {"error": "is no JSON", "path": ""})
        if not isinstance(document, dict):
            return Answer(400, {"error": "is no object", "path": ""})
        if key in self._keys:
            return self._keys[key]
        if fault and fault.kind == "lie":
            return Answer(200, self.staging.staged())
        try:
            scheduled = self.staging.patch(document)
        except Invalid as invalid:
            return Answer(400, {"error": invalid.reason, "path": invalid.path})
        answer = Answer(202 if scheduled else 200, self.staging.staged())
        if key:
            self._keys[key] = answer
        return HANG_UP if fault and fault.kind == "late" else answer

    def _set_fault(self, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
            self.fault(
                asked["kind"], seconds=float(asked.get("seconds", 5.0)), times=asked.get("times"),
                on=str(asked.get("on", "")),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            return Answer(400, {"error": str(error), "path": "kind"})
        return Answer(200, {"fault": asked["kind"]})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._open: set[Any] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for request in list(self._open):
            self.shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of the device."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, device: HttpDevice, *args: Any) -> None:
        self._device = device
        super().__init__(*args)

    def do_GET(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = self._device.answer(self.command, self.path, body, self.headers.get("idempotency-key", ""))
        if answer.status == 0:
            self.close_connection = True
            return
        payload = (answer.text or json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "text/html" if answer.text else "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the device's own time."""
        return super().date_time_string(int(self._device.now_us() / 1e6 if timestamp is None else timestamp))

    def log_message(self, *args: object) -> None:
        """Say nothing."""
