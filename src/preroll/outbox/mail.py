# SPDX-License-Identifier: Apache-2.0
"""Sends letters by the administrator's mail server, over TLS unless it is on this machine."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from urllib.parse import urlsplit

from preroll.outbox.post import TIMEOUT_S
from preroll.ports.outbox import Message, Outcome
from preroll.telemetry import logger

log = logger(__name__)

PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOLD = 200
"""Characters of a refusal that are kept."""


class Tls(StrEnum):
    """How a connection to the mail server becomes private (RFC 8314, 3)."""

    AT_ONCE = "at once"
    STARTTLS = "starttls"
    NONE = "none"
    """It is on this machine."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """By which server letters go out."""

    host: str
    port: int
    tls: Tls
    sender: str
    """Address from which they come."""
    user: str = ""
    """Empty: it asks nobody who they are."""
    password: str = ""
    """Or a reference to it."""


def server_at(url: str, sender: str, user: str = "", password: str = "") -> MailServer:
    """The mail server at an address such as ``smtp://mail.example.org`` or ``smtps://mail.example.org:465``.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no mail server: expected smtp://HOST:587 or smtps://HOST:465")
    tls = Tls.AT_ONCE if parts.scheme == "smtps" else Tls.NONE if parts.hostname in LOOPBACK else Tls.STARTTLS
    return MailServer(parts.hostname, parts.port or PORTS[parts.scheme], tls, sender, user, password)


class Mailer:
    """Sends letters to some addresses.

    Args:
        server: by which it sends.
        to: mail addresses, with commas.
        secret: follows a reference, and answers other secrets as they are.
        timeout_s: for each answer of the server.
        trusted: whose certificates it believes; None: those that the machine believes.
    """

    def __init__(
        self, server: MailServer, to: str, secret: Callable[[str], Awaitable[str]], timeout_s: float = TIMEOUT_S,
        trusted: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._server, self._to = server, [part.strip() for part in to.split(",")]
        self._secret, self._timeout_s, self._trusted = secret, timeout_s, trusted

    async def post(self, message: Message, secret: str, at_s: int) -> Outcome:  # noqa: ARG002 - letters are not signed
        """Send it once; whatever goes wrong is in the outcome.

        Args:
            message: what to send.
            secret: none.
            at_s: now, in seconds of UTC since 1970.
        """
        letter = self._letter(message, at_s)
        try:
            password = await self._secret(self._server.password) if self._server.user else ""
            return await asyncio.to_thread(self._sent, letter, password)
        except smtplib.SMTPResponseException as error:
            return Outcome(error=f"the mail server answered {error.smtp_code}: {_text(error.smtp_error)}"[:TOLD])
        except smtplib.SMTPRecipientsRefused as error:
            return Outcome(error=f"the mail server refused {_told(error.recipients)}"[:TOLD])
        except (smtplib.SMTPException, OSError) as error:
            place = f"{self._server.host}:{self._server.port}"
            return Outcome(error=f"the mail server {place}: {type(error).__name__}: {error}"[:TOLD])

    async def close(self) -> None:
        """Nothing is kept open between letters."""

    def _letter(self, message: Message, at_s: int) -> EmailMessage:
        subject, _, text = message.body.partition("\n\n")
        letter = EmailMessage(policy=SMTP)
        letter["From"], letter["To"] = self._server.sender, ", ".join(self._to)
        letter["Subject"] = " ".join(subject.split())
        letter["Date"] = format_datetime(datetime.fromtimestamp(at_s, UTC))
        letter["Message-ID"] = f"<{message.id}@{self._server.sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(text)
        return letter

    def _sent(self, letter: EmailMessage, password: str) -> Outcome:
        with self._connection(self._trusted or ssl.create_default_context()) as connection:
            if self._server.user:
                connection.login(self._server.user, password)
            refused = connection.send_message(letter)
        if refused:  # the others have it: were it sent again, they would have it twice
            log.warning("the mail server took a letter, but not for everybody", refused=_told(refused))
        return Outcome(250)

    def _connection(self, trusted: ssl.SSLContext) -> smtplib.SMTP:
        server = self._server
        if server.tls is Tls.AT_ONCE:
            return smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout_s, context=trusted)
        connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        if server.tls is Tls.STARTTLS:
            try:
                connection.starttls(context=trusted)
            except (OSError, smtplib.SMTPException):
                connection.close()
                raise
        return connection


def _told(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{to}: {code} {_text(text)}" for to, (code, text) in refused.items())


def _text(said: bytes | str) -> str:
    return " ".join((said.decode("utf-8", "replace") if isinstance(said, bytes) else said).split())
