# SPDX-License-Identifier: Apache-2.0
"""Where messages may go: what is public, what the administrator has allowed, and names that change their mind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientConnectorError, ClientSession

from preroll.domain.outward import Address, networks, public
from preroll.outbox.address import Forbidden, Guard, guarded, resolved
from preroll.outbox.post import Poster
from preroll.ports.outbox import Message
from tests.outbox.receiver import Receiver, receiving
from tests.outbox.test_mail import certificate

# fmt: off
ADDRESSES = [
    # address                  to be reached
    ("8.8.8.8",                True),
    ("2606:4700::1111",        True),
    ("127.0.0.1",              False),  # this machine
    ("127.8.9.1",              False),
    ("::1",                    False),
    ("0.0.0.0",                False),
    ("::",                     False),
    ("10.1.2.3",               False),  # private
    ("172.16.0.1",             False),
    ("192.168.1.1",            False),
    ("fd00::1",                False),
    ("169.254.169.254",        False),  # metadata of a cloud, link-local
    ("fd00:ec2::254",          False),
    ("fe80::1",                False),
    ("100.64.0.1",             False),  # shared by a carrier
    ("192.0.2.1",              False),  # documentation
    ("198.18.0.1",             False),  # benchmarks
    ("224.0.0.1",              False),  # multicast
    ("239.1.2.3",              False),
    ("ff0e::1",                False),
    ("255.255.255.255",        False),
    ("240.0.0.1",              False),
    ("::ffff:127.0.0.1",       False),  # an IPv4 address in another dress
    ("::ffff:169.254.169.254", False),
    ("64:ff9b::7f00:1",        False),
    ("64:ff9b::a9fe:a9fe",     False),
    ("2002:7f00:1::",          False),
    ("64:ff9b::808:808",       True),
]
# fmt: on


@pytest.mark.parametrize(("address", "admitted"), ADDRESSES)
def test_only_what_is_public_is_admitted(address: str, admitted: bool):
    assert public(ip_address(address)) is admitted
    assert Guard().admits(ip_address(address)) is admitted


def test_the_administrator_allows_networks_and_nothing_beside_them():
    guard = Guard(networks(["10.2.0.0/16", "127.0.0.1", "fd00::/8"]))
    admitted = ["10.2.3.4", "127.0.0.1", "fd00::1", "8.8.8.8", "::ffff:10.2.3.4"]
    refused = ["10.3.0.1", "127.0.0.2", "169.254.169.254", "::ffff:10.3.0.1", "::1"]
    assert [a for a in admitted + refused if guard.admits(ip_address(a))] == admitted
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        networks(["10.0.0.1/8"])


async def test_other_spellings_of_this_machine_are_this_machine():
    for spelt in ("localhost", "127.1", "2130706433", "0x7f000001"):
        with pytest.raises(Forbidden, match=r"127\.0\.0\.1|::1"):
            await Guard().addresses(spelt, 80)
    with pytest.raises(OSError, match="has no address"):
        await Guard().addresses("nowhere.invalid", 80)
    assert ip_address("127.0.0.1") in await resolved("localhost", 80)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


HERE = networks(["127.0.0.1", "127.0.0.2"])
MESSAGE = Message("msg_1", "{}")


def names(*answers: list[str]):
    """A resolver that answers so, one time after the other."""
    left = list(answers)

    async def resolve(_: str, __: int) -> list[Address]:
        return [ip_address(address) for address in left.pop(0)]

    return resolve


def named(receiver: Receiver) -> str:
    """Its address under a name that only the resolver of a test knows."""
    return receiver.url.replace("127.0.0.1", "hooks.example")


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to(receiver: Receiver):
    receiver.headers = {"Connection": "close"}
    guard = Guard(HERE, resolve=names(["127.0.0.1"], ["127.0.0.3"]))
    async with ClientSession(connector=guarded(guard, kept_s=0)) as client:
        async with client.post(named(receiver)) as answer:
            assert answer.status == 204
        with pytest.raises(ClientConnectorError) as refused:
            await client.post(named(receiver))
    assert isinstance(refused.value.os_error, Forbidden)
    assert str(refused.value.os_error).startswith("hooks.example is 127.0.0.3, which is not public")
    ((headers, _),) = receiver.got
    assert headers["host"] == f"hooks.example:{urlsplit(receiver.url).port}"


async def test_of_many_addresses_those_that_are_admitted_are_tried_in_turn(receiver: Receiver):
    """Nothing listens at the second; the first must not be tried at all."""
    guard = Guard(HERE, resolve=names(["127.0.0.3", "127.0.0.2", "127.0.0.1"]))
    assert await guard.addresses("hooks.example", 80) == [ip_address("127.0.0.2"), ip_address("127.0.0.1")]
    guard = Guard(HERE, resolve=names(["127.0.0.3", "127.0.0.2", "127.0.0.1"]))
    async with Poster(named(receiver), guard) as poster:
        assert (await poster.post(MESSAGE, "", 1)).taken
    assert len(receiver.got) == 1


async def test_a_name_is_resolved_once_in_a_while_and_what_was_judged_is_connected_to(receiver: Receiver):
    receiver.headers = {"Connection": "close"}
    async with Poster(named(receiver), Guard(HERE, resolve=names(["127.0.0.1"]))) as poster:
        for _ in range(3):
            assert (await poster.post(MESSAGE, "", 1)).taken
    assert len(receiver.ports) == 3


@pytest.mark.parametrize("spelt", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"])
async def test_an_address_without_a_name_is_judged_too(receiver: Receiver, spelt: str):
    async with Poster(receiver.url.replace("127.0.0.1", spelt), Guard()) as poster:
        outcome = await poster.post(MESSAGE, "", 1)
    assert outcome.status == 0
    assert "not public" in outcome.error or "not a canonical IPv4 address" in outcome.error
    assert receiver.got == []


async def test_the_certificate_is_checked_against_the_name(tmp_path: Path):
    """It is connected to by number, and asked for by name."""
    shown, _ = certificate(tmp_path)
    asked: list[str | None] = []
    shown.sni_callback = lambda _, name, __: asked.append(name)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=shown)
    async with server:
        url = f"https://hooks.example:{server.sockets[0].getsockname()[1]}/in"
        async with Poster(url, Guard(HERE, resolve=names(["127.0.0.1"]))) as poster:
            outcome = await poster.post(MESSAGE, "", 1)
    assert asked == ["hooks.example"]
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.error
