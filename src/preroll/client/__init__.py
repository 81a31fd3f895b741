# SPDX-License-Identifier: Apache-2.0
"""Preroll from Python. A call is a value, a client sends it; see ``calls`` for all of them.

    with Client() as preroll:
        booking = preroll.send(calls.create_booking("News", start, end, nodes={"encoder": "ENC 1"}))
        preroll.send(calls.act(booking.id, "confirm"))
        for change in preroll.follow():
            ...

``AsyncClient`` is the same with ``await``.
"""

from __future__ import annotations

from preroll.client import accounts, calls, orders, subscriptions
from preroll.client.calls import Call
from preroll.client.problems import ClientError, Problem, Unreachable
from preroll.client.transport import DEFAULT_SERVER, AsyncClient, Client

__all__ = [
    "DEFAULT_SERVER",
    "AsyncClient",
    "Call",
    "Client",
    "ClientError",
    "Problem",
    "Unreachable",
    "accounts",
    "calls",
    "orders",
    "subscriptions",
]
