# SPDX-License-Identifier: Apache-2.0
"""Who plays in the demo: its bookings, on which chain, and when, in seconds of the story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from preroll.client import Call, calls
from preroll.client.things import Booking
from preroll.demo.world import World

PLATFORM = "demo"


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

    @property
    def recording(self) -> str:
        """First part of its recording's file names."""
        return self.name.lower().replace(" ", "-")

    def booked(self, world: World, begin: datetime) -> Call[Booking]:
        """The call that books it in a story that began then."""
        nodes: Mapping[str, Any] = world.choice(self.chain, record=self.recording)
        return calls.create_booking(
            self.name,
            begin + timedelta(seconds=self.on_air),
            begin + timedelta(seconds=self.off_air),
            pre_roll=self.on_air - self.pre_roll,
            post_roll=self.end - self.off_air,
            nodes=nodes,
            definition="Contribution",
            platform=PLATFORM,
        )


# fmt: off
#                    name                chain  pre-roll  on air  off air  end
NEWS = Part(        "Evening news",      1,     3,        10,     45,      48)
STADIUM = Part(     "Stadium feed",      2,     4,        19,     36,      39)
BRIEFING = Part(    "Press briefing",    3,     28,       40,     62,      65)
GALA = Part(        "Charity gala",      2,     42,       44,     55,      57)
WEATHER = Part(     "Weather camera",    2,     42,       44,     55,      57)
# fmt: on
CHAINS = 3
PARTS = (NEWS, STADIUM, BRIEFING, GALA, WEATHER)
OUTAGE_ON_AIR = STADIUM.on_air - 1
"""When the engine is killed on the air: an event of another booking falls due while it is dead."""
EPILOGUE = WEATHER.pre_roll + 1
"""When also what must not happen has not happened."""
