# SPDX-License-Identifier: Apache-2.0
"""Posts messages as webhooks, signed as Standard Webhooks says (symmetric signatures, ``v1``)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiohttp import ClientConnectorError, ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from standardwebhooks.webhooks import Webhook

from preroll.domain.subscription import is_secret
from preroll.outbox.address import Forbidden, Guard, guarded
from preroll.ports.outbox import Message, Outcome

TIMEOUT_S = 15.0
"""For one attempt as a whole, however slowly the receiver speaks."""
READ = 10_000
"""Bytes of a receiver's answer that are read."""
TOLD = 200
"""Characters of it that are kept when it is a failure."""


def signed(message: Message, secret: str, at_s: int) -> dict[str, str]:
    """The headers that prove who sent a message, and when.

    Args:
        at_s: of this attempt, in seconds of UTC since 1970; receivers refuse what is older than a few minutes.
    """
    signature = Webhook(secret).sign(message.id, datetime.fromtimestamp(at_s, UTC), message.body)
    return {"webhook-id": message.id, "webhook-timestamp": str(at_s), "webhook-signature": signature}


class Poster:
    """Posts messages to one address, one connection kept open; redirects are not followed.

    Args:
        url: the address.
        guard: says which addresses it may lead to.
        timeout_s: for one attempt.
    """

    def __init__(self, url: str, guard: Guard, timeout_s: float = TIMEOUT_S) -> None:
        self._url, self._timeout_s = url, timeout_s
        self._client = ClientSession(
            connector=guarded(guard), timeout=ClientTimeout(total=timeout_s), auto_decompress=False,
            cookie_jar=DummyCookieJar(), headers={"User-Agent": "preroll", "Accept-Encoding": "identity"},
        )  # fmt: skip

    async def post(self, message: Message, secret: str, at_s: int) -> Outcome:
        """Send it once; whatever goes wrong is in the outcome.

        Args:
            message: what to send.
            secret: signs it; empty: it is not signed.
            at_s: now, in seconds of UTC since 1970.
        """
        if secret and not is_secret(secret):
            return Outcome(error="its signing secret is none: expected 24 to 64 bytes in base64, after whsec_")
        headers = {"Content-Type": "application/json", **(signed(message, secret, at_s) if secret else {})}
        try:
            answer = self._client.post(self._url, data=message.body.encode(), headers=headers, allow_redirects=False)
            async with answer as given:
                return await _outcome(given)
        except ClientConnectorError as error:
            why = str(error.os_error) if isinstance(error.os_error, Forbidden) else f"{type(error).__name__}: {error}"
            return Outcome(error=why)
        except TimeoutError:
            return Outcome(error=f"the receiver did not answer within {self._timeout_s:g} s")
        except (ClientError, ValueError) as error:
            return Outcome(error=f"{type(error).__name__}: {error}".rstrip(": "))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _outcome(answer: ClientResponse) -> Outcome:
    """A receiver takes a message with any 2xx; all else is a failure, redirects too.

    Its text is read up to a bound: the connection of a receiver that says more is closed.
    """
    said = b""
    async for part in answer.content.iter_any():
        said += part
        if len(said) > READ:
            break
    if 200 <= answer.status < 300:
        return Outcome(answer.status)
    text = " ".join(said.decode("utf-8", "replace").split())[:TOLD]
    wait = answer.headers.get("Retry-After", "")
    error = f"the receiver answered {answer.status}" + (f": {text}" if text else "")
    return Outcome(answer.status, error, float(wait) if wait.isascii() and wait.isdigit() else 0.0)
