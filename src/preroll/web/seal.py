# SPDX-License-Identifier: Apache-2.0
"""What a browser is told of every answer: what a page may load and run, and that no other site may frame it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
SEALS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
SEALED = tuple((name.lower().encode(), value.encode()) for name, value in SEALS.items())
"""The same as they are sent."""


class Sealed:
    """Sets the headers on every answer that does not have them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and seal its answer."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                if SEALED[0] not in headers:
                    message["headers"] = [*headers, *SEALED]
            await send(message)

        await self._app(scope, receive, sealed)
