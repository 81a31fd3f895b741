# SPDX-License-Identifier: Apache-2.0
"""Letters to a real mail server of this machine: by TLS, with a password by reference, and what it refuses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from preroll.app.deliveries import Due
from preroll.domain.changes import Change
from preroll.domain.subscription import Kind, Subscription
from preroll.outbox.address import Guard
from preroll.outbox.desk import Desk, NoSecret, plain, ways
from preroll.outbox.mail import Mailer, MailServer, Tls, server_at
from preroll.outbox.writing import letters
from preroll.ports.outbox import Message, Outcome

HERE = MailServer("127.0.0.1", 0, Tls.NONE, "preroll@example.org")
MESSAGE = Message("msg_1", "Preroll: réserved\n\nNews is Confirmed.\n.\nThe end.")
TO = "desk@example.org, noc@example.org"


@dataclass
class Box:
    """What arrives, and who is refused."""

    port: int = 0
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    answer: str = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.got.append((envelope.rcpt_tos, letter))
        return self.answer


@asynccontextmanager
async def boxed(*, at_once: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Box]:
    """A mail server at a free port of 127.0.0.1; gone at the end."""
    box = Box()
    loop = asyncio.get_running_loop()
    make = partial(SMTP, box, hostname="localhost", loop=loop, **options)
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=at_once)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server at 127.0.0.1 shows, and what believes it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, here = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(file)
    return shown, ssl.create_default_context(cafile=str(file))


def anna_alone(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"anna", b"hunter2")
    return AuthResult(success=right, handled=right)


async def the_password(secret: str) -> str:
    return {"file:mail": "hunter2"}.get(secret, secret)


async def test_a_letter_arrives_as_it_was_written():
    async with boxed() as box:
        assert await Mailer(replace(HERE, port=box.port), TO, plain).post(MESSAGE, "", 1_772_366_400) == Outcome(250)
    ((to, letter),) = box.got
    assert to == ["desk@example.org", "noc@example.org"]
    assert (letter["From"], letter["Subject"]) == ("preroll@example.org", "Preroll: réserved")
    assert (letter["Message-ID"], letter["Auto-Submitted"]) == ("<msg_1@example.org>", "auto-generated")
    assert letter["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert letter.get_content().splitlines() == ["News is Confirmed.", ".", "The end."]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it has TLS from the first byte
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.AT_ONCE])
async def test_by_tls_and_with_a_password_by_reference(tmp_path: Path, tls: Tls):
    shown, trusted = certificate(tmp_path)
    options: dict[str, Any] = (
        {"tls_context": shown, "require_starttls": True} if tls is Tls.STARTTLS
        else {"at_once": shown, "auth_require_tls": False}
    )  # fmt: skip
    async with boxed(authenticator=anna_alone, auth_required=True, **options) as box:
        server = replace(HERE, port=box.port, tls=tls, user="anna", password="file:mail")
        assert await Mailer(server, TO, the_password, trusted=trusted).post(MESSAGE, "", 0) == Outcome(250)
        wrong = await Mailer(replace(server, password="guess"), TO, the_password, trusted=trusted).post(MESSAGE, "", 0)
        assert wrong.error.startswith("the mail server answered 535")
        assert "guess" not in wrong.error
        stranger = await Mailer(server, TO, the_password).post(MESSAGE, "", 0)
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.error
    assert len(box.got) == 1


async def test_who_has_no_tls_is_told_nothing():
    async with boxed() as box:
        outcome = await Mailer(replace(HERE, port=box.port, tls=Tls.STARTTLS), TO, plain).post(MESSAGE, "", 0)
    assert (box.got, "STARTTLS" in outcome.error) == ([], True)


async def test_what_is_refused_is_told_and_what_some_have_is_not_sent_again():
    async with boxed() as box:
        mailer = Mailer(replace(HERE, port=box.port), TO, plain)
        box.refused = frozenset({"noc@example.org"})
        assert (await mailer.post(MESSAGE, "", 0)).taken
        box.refused = frozenset({"noc@example.org", "desk@example.org"})
        assert "desk@example.org: 550 no such mailbox" in (await mailer.post(MESSAGE, "", 0)).error
        box.refused, box.answer = frozenset(), "452 the disk is full"
        assert (await mailer.post(MESSAGE, "", 0)).error == "the mail server answered 452: the disk is full"
    assert [to for to, _ in box.got] == [["desk@example.org"], ["desk@example.org", "noc@example.org"]]
    outcome = await mailer.post(MESSAGE, "", 0)
    assert outcome.error.startswith(f"the mail server 127.0.0.1:{box.port}: ConnectionRefusedError")


async def test_a_reference_that_leads_nowhere_is_the_failure():
    async def nowhere(secret: str) -> str:
        raise NoSecret(f"{secret} is not in the folder of secrets")

    class Noon:
        def now_us(self) -> int:
            return 0

    server = replace(HERE, user="anna", password="file:mail")
    desk = Desk(ways(Guard(), server, nowhere), Noon(), plain)
    outcome = await desk.test(Subscription("desk", Kind.MAIL, TO))
    assert outcome == Outcome(error="file:mail is not in the folder of secrets")


def test_one_letter_tells_of_all_that_has_happened():
    changes = [
        Change("booking.state", "b1", 1, "engine", "Pre-roll", "Service Active", at_us=0, position="7"),
        Change(
            "resource.changed", "r1", 1, "anna", why="new lights\r\nBcc: x@y.example", at_us=1_500_000, position="8"
        ),
    ]
    due = Due(changes, "9", 3, {1: "tv"}, {"b1": "Evening\nnews"})
    subscription = Subscription("desk", Kind.MAIL, TO, id="0-1")
    ((parcel),) = letters(subscription, due)
    assert (parcel.message.id, parcel.position) == ("msg_7_01", "9")
    assert parcel.message.body.split("\n") == [
        "Preroll: 2 changes", "",
        '1970-01-01T00:00:00Z  booking.state "Evening news" Pre-roll -> Service Active by engine on tv',
        "1970-01-01T00:00:01.500000Z  resource.changed r1 by anna on tv (new lights Bcc: x@y.example)", "",
        'This is what the subscription "desk" asks for.',
    ]  # fmt: skip
    assert letters(subscription, Due([], "9", 3, {}, {})) == []


def test_a_mail_server_is_written_as_an_address():
    assert server_at("smtp://mail.example.org", "a@b.example") == MailServer(
        "mail.example.org", 587, Tls.STARTTLS, "a@b.example"
    )
    assert server_at("smtps://mail.example.org:10465", "a@b.example").port == 10465
    assert server_at("smtps://mail.example.org", "a@b.example").tls is Tls.AT_ONCE
    assert server_at("smtp://localhost:25", "a@b.example").tls is Tls.NONE
    with pytest.raises(ValueError, match="no mail server"):
        server_at("mail.example.org", "a@b.example")
