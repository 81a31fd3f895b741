# SPDX-License-Identifier: Apache-2.0
"""Audits: is it really up? Each kind of check is a class whose parameters are its fields, imported when it is used.

What a check answers, and what it says nothing about, is told in its own docstring; the protocol is ``preroll.sdk``'s.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from preroll.audits.config import Config
    from preroll.audits.http import Http
    from preroll.audits.ping import Ping
    from preroll.audits.stream import Stream
    from preroll.audits.tcp import Tcp
    from preroll.audits.throughput import Throughput

SHIPPED: dict[str, str] = {
    "tcp": "preroll.audits.tcp:Tcp",
    "http": "preroll.audits.http:Http",
    "ping": "preroll.audits.ping:Ping",
    "stream": "preroll.audits.stream:Stream",
    "throughput": "preroll.audits.throughput:Throughput",
    "config": "preroll.audits.config:Config",
}
"""Kind of check -> where its class is."""


def __getattr__(name: str) -> object:
    place = SHIPPED.get(name.lower(), "")
    module, _, attribute = place.partition(":")
    if attribute != name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


__all__ = ["SHIPPED", "Config", "Http", "Ping", "Stream", "Tcp", "Throughput"]
