# SPDX-License-Identifier: Apache-2.0
"""Where messages may go: what is public, what the administrator has allowed, and names that change their mind."""

from __future__ import annotations

from ipaddress import ip_address

import httpx
import pytest

from preroll.domain.outward import Address, networks, public
from preroll.outbox.address import Forbidden, Guard, GuardedTransport, resolved

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
    with pytest.raises(httpx.ConnectError, match="has no address"):
        await Guard().addresses("nowhere.invalid", 80)
    assert ip_address("127.0.0.1") in await resolved("localhost", 80)


class Recorder(httpx.AsyncBaseTransport):
    """Connects to nothing; some addresses do not take the connection."""

    def __init__(self, *dead: str) -> None:
        self.dead, self.asked = dead, list[httpx.Request]()
        self.hosts: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.url.host)
        self.asked.append(request)
        if request.url.host in self.dead:
            raise httpx.ConnectError("refused")
        return httpx.Response(204)


def names(*answers: list[str]):
    """A resolver that answers so, one time after the other."""
    left = list(answers)

    async def resolve(_: str, __: int) -> list[Address]:
        return [ip_address(address) for address in left.pop(0)]

    return resolve


async def test_the_address_that_was_judged_is_the_one_that_is_connected_to():
    inner = Recorder()
    transport = GuardedTransport(Guard(resolve=names(["8.8.8.8"], ["127.0.0.1"])), inner, kept_s=0)
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.post("https://hooks.example/in")).status_code == 204
        with pytest.raises(Forbidden, match=r"hooks\.example is 127\.0\.0\.1"):
            await client.post("https://hooks.example/in")
    assert inner.hosts == ["8.8.8.8"]
    (sent,) = inner.asked
    assert (sent.headers["host"], sent.extensions["sni_hostname"]) == ("hooks.example", "hooks.example")


async def test_of_many_addresses_those_that_are_admitted_are_tried_in_turn():
    inner = Recorder("8.8.8.8")
    transport = GuardedTransport(Guard(resolve=names(["10.0.0.1", "8.8.8.8", "9.9.9.9"])), inner)
    async with httpx.AsyncClient(transport=transport) as client:
        await client.post("http://hooks.example:8080/in")
    assert inner.hosts == ["8.8.8.8", "9.9.9.9"]
    assert inner.asked[-1].headers["host"] == "hooks.example:8080"


async def test_a_name_is_resolved_once_in_a_while_and_what_was_judged_is_connected_to():
    inner = Recorder()
    transport = GuardedTransport(Guard(resolve=names(["8.8.8.8"])), inner)
    async with httpx.AsyncClient(transport=transport) as client:
        for _ in range(3):
            assert (await client.post("https://hooks.example/in")).status_code == 204
    assert inner.hosts == ["8.8.8.8"] * 3
