# SPDX-License-Identifier: Apache-2.0
"""Who plays in the demo: its bookings, on which chain or port, and when, in seconds of the story.

A second of the story is a second, or more on a machine that is busy: that is the tempo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from preroll.client import Call, calls
from preroll.client.things import Booking
from preroll.demo.network import Network
from preroll.demo.world import World

PLATFORM = "demo"


class Half(StrEnum):
    """The demo has two, which are told at the same time."""

    MEDIA = "media"
    CIRCUIT = "circuit"


BOTH = frozenset(Half)


@dataclass(frozen=True, slots=True)
class Part:
    """A booking. Seconds count from the beginning of the story."""

    name: str
    chain: int
    pre_roll: int
    """When pre-roll begins."""
    on_air: int
    off_air: int
    end: int
    """When post-roll ends."""
    any_recorder: bool = False
    """It names no recorder: the node takes one that is free."""

    @property
    def recording(self) -> str:
        """First part of its recording's file names."""
        return self.name.lower().replace(" ", "-")

    def booked(self, world: World, begin: datetime, tempo: float) -> Call[Booking]:
        """The call that books it in a story that began then."""
        nodes: Mapping[str, Any] = world.choice(self.chain, record=self.recording, any_recorder=self.any_recorder)
        pre_roll, on_air, off_air, end = (
            lasting(seconds, tempo) for seconds in (self.pre_roll, self.on_air, self.off_air, self.end)
        )
        return calls.create_booking(
            self.name, begin + on_air, begin + off_air, pre_roll=on_air - pre_roll, post_roll=end - off_air,
            nodes=nodes, definition="Contribution", platform=PLATFORM,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lights:
    """A booking of lights, without a service definition. Seconds count from the beginning of the story."""

    name: str
    on_air: int
    off_air: int

    def booked(self, world: World, begin: datetime, tempo: float) -> Call[Booking]:  # noqa: ARG002 - as a Part
        """The call that books them in a story that began then."""
        nodes = {name: {"resource": name, "profile": "On-air light"} for name in LAMPS}
        on_air, off_air = lasting(self.on_air, tempo), lasting(self.off_air, tempo)
        return calls.create_booking(
            self.name, begin + on_air, begin + off_air, pre_roll=2, post_roll=1, nodes=nodes, orchestrated=True,
            platform=PLATFORM,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """A booking of a circuit. It is made when its act begins."""

    name: str
    port: int
    """Of both devices."""
    kbit: int

    def booked(self, network: Network, start: datetime) -> Call[Booking]:
        """The call that books it from then on."""
        return calls.create_booking(
            self.name, start, start + timedelta(hours=1), pre_roll=1, post_roll=PARTING,
            nodes=network.choice(self.port, self.kbit), definition="Circuit", platform=PLATFORM,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Permanent:
    """A circuit without an end. It is ordered, and so is every change of it."""

    name: str
    port: int
    """Of both devices."""
    kbit: int
    more: int
    less: int
    """What it is changed to."""


def lasting(seconds: float, tempo: float) -> timedelta:
    """How long so many seconds of the story are: whole seconds."""
    return timedelta(seconds=round(seconds * tempo))


# fmt: off
#                    name                chain  pre-roll  on air  off air  end
NEWS = Part(        "Evening news",      1,     3,        10,     45,      48)
STADIUM = Part(     "Stadium feed",      2,     4,        19,     43,      46)
GALA = Part(        "Charity gala",      3,     14,       16,     22,      24)
WEATHER = Part(     "Weather camera",    3,     14,       16,     22,      24)
BRIEFING = Part(    "Press briefing",    3,     28,       40,     120,     123, any_recorder=True)
#                    name                on air  off air
LIGHTS = Lights(     "Studio lights",    8,      14)
#                    name                port   kbit/s
LINK = Link(        "Studio link",       1,     4000)
BACKUP = Link(      "Backup link",       2,     2000)
NIGHT = Link(       "Night link",        3,     3000)
GUEST = Link(       "Guest link",        4,     1000)
#                    name                port   kbit/s  more   less
LINE = Permanent(    "Campus line",      5,     2000,   6000,  3000)
# fmt: on
LAMPS = ("light-1", "light-2")
CHAINS = 3
WRONG, MORE, LESS, PUSHED, CLEARED = "Campus: typo", "Campus: more", "Campus: less", "Campus: push", "Campus: end"
"""The orders of the line; its first one has its name."""
LINKS = (LINK, BACKUP, NIGHT, GUEST)
PARTING = 7
"""Seconds of a circuit's post-roll: time to see that nothing gets through any more."""
OUTAGE_ON_AIR = STADIUM.on_air - 1
"""When the engine is killed on the air: an event of another booking falls due while it is dead."""
OUTAGES = (OUTAGE_ON_AIR, BRIEFING.pre_roll - 1)
"""When the engine is killed, or soon after that."""
