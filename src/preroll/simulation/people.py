# SPDX-License-Identifier: Apache-2.0
"""Operators: they book, confirm, edit, hold, cancel, finish, retry and acknowledge, in any order and at any time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

from preroll.app import App
from preroll.app.bookings import Edit, NewBooking
from preroll.app.views import BookingDetails
from preroll.domain.booking import NodeChoice, State, Timing
from preroll.domain.errors import Refused
from preroll.domain.permission import LOCAL
from preroll.domain.resource import Resource
from preroll.domain.window import MINUTE, SECOND
from preroll.simulation.cast import HD
from preroll.simulation.story import Story

Act = Callable[[BookingDetails], Awaitable[object]]
REMEMBERED = 40
"""Bookings that operators still look at."""


class People:
    """Everybody at a desk."""

    def __init__(self, app: App, chance: Random, story: Story, resources: list[Resource]) -> None:
        self._app, self._chance, self._story = app, chance, story
        self._resources = [r.name for r in resources]
        self._free_at: dict[str, int] = {}
        self._booked = 0
        self.known: list[str] = []

    async def act(self, now_us: int) -> None:
        """Somebody does something; a refusal is part of the day."""
        if not self.known or self._chance.random() < 0.35:
            await self._attempt("book", "-", self._book(now_us))
            return
        ident = self._chance.choice(self.known[-REMEMBERED:])
        seen = await self._app.bookings.get(LOCAL, ident)
        action = self._pick(seen)
        await self._attempt(action, ident, self._acts[action](seen))

    async def _attempt(self, action: str, ident: str, doing: Awaitable[object]) -> None:
        try:
            await doing
        except Refused as no:
            self._story.tell("refused", f"{action} {ident[-6:]}: {no}", ident)
        else:
            self._story.tell("people", f"{action} {ident[-6:]}", ident)

    def _pick(self, seen: BookingDetails) -> str:
        """Mostly what makes sense, sometimes anything."""
        state = seen.booking.state
        likely = {
            State.PARTIAL: ["confirm"] * 8 + ["edit", "move", "hold", "cancel"],
            State.CONFIRMED: ["move", "edit", "hold", "cancel", "confirm"],
            State.ON_HOLD: ["confirm"] * 4 + ["cancel", "move"],
        }
        if self._chance.random() < 0.1:
            return self._chance.choice(sorted(self._acts))
        if "retry" in seen.possible:
            return self._chance.choice(["retry"] * 3 + ["acknowledge", "finish", "move"])
        return self._chance.choice(likely.get(state, ["finish", "extend", "move", "edit"]))

    @property
    def _acts(self) -> dict[str, Act]:
        bookings, chance = self._app.bookings, self._chance

        def whole(seen: BookingDetails) -> int | None:
            return seen.booking.revision if chance.random() < 0.5 else None

        return {
            "confirm": lambda s: bookings.confirm(LOCAL, s.booking.id, whole(s)),
            "hold": lambda s: bookings.hold(LOCAL, s.booking.id, whole(s)),
            "cancel": lambda s: bookings.cancel(LOCAL, s.booking.id, whole(s), "changed our mind"),
            "finish": lambda s: bookings.finish(LOCAL, s.booking.id, whole(s), "it is over"),
            "retry": lambda s: bookings.retry(LOCAL, s.booking.id, whole(s), "try again"),
            "acknowledge": lambda s: bookings.acknowledge(LOCAL, s.booking.id, whole(s), "done by hand"),
            "edit": self._edit,
            "move": self._move,
            "extend": self._extend,
        }

    async def _book(self, now_us: int) -> None:
        chance = self._chance
        resource = chance.choice(self._resources)
        pre, post = chance.choice((0, 0, 1, 5)) * MINUTE, chance.choice((0, 0, 1, 5)) * MINUTE
        start = self._start(now_us, resource, pre)
        end: int | None = start + chance.choice((1, 5, 10, 30, 60)) * MINUTE
        if chance.random() < 0.03:
            end, post = None, 0
        nodes = {"Encoder": NodeChoice(resource)}
        if chance.random() < 0.3:
            nodes["Decoder"] = NodeChoice(chance.choice([r for r in self._resources if r != resource]))
        self._booked += 1
        name = f"B{self._booked}" if chance.random() < 0.95 else "Same name"
        kind = chance.random()
        definition = "Contribution" if kind < 0.8 else "Plain" if kind < 0.9 else None
        if definition is None:
            nodes = {label: replace(choice, profile=HD.name) for label, choice in nodes.items()}
        new = NewBooking(
            name, Timing(start, end, pre, post), definition=definition, nodes=nodes, orchestrated=definition is None
        )
        made = await self._app.bookings.create(LOCAL, new)
        if end is not None:
            self._free_at[resource] = end + post
        self.known.append(made.booking.id)
        if chance.random() < 0.8:
            await self._app.bookings.confirm(LOCAL, made.booking.id, None)

    def _start(self, now_us: int, resource: str, pre: int) -> int:
        """Soon, on a whole minute; or right behind the one before on this resource."""
        free = self._free_at.get(resource, 0)
        if free > now_us and self._chance.random() < 0.7:
            return free + pre
        minute = now_us - now_us % MINUTE
        return minute + self._chance.choice((-1, 0, 1, 2, 5, 10, 30, 90)) * MINUTE + pre

    async def _edit(self, seen: BookingDetails) -> None:
        resource = self._chance.choice((*self._resources, None))
        change = Edit(nodes={"Encoder": NodeChoice(resource) if resource else None})
        if self._chance.random() < 0.5:
            change = Edit(properties={"note": self._chance.randrange(3)})
        await self._app.bookings.edit(LOCAL, seen.booking.id, None, change)

    async def _move(self, seen: BookingDetails) -> None:
        by = self._chance.choice((-10, -1, 1, 5, 30)) * MINUTE
        timing = seen.booking.timing
        end = None if timing.end is None else timing.end + by
        await self._retime(seen, replace(timing, start=timing.start + by, end=end))

    async def _extend(self, seen: BookingDetails) -> None:
        timing = seen.booking.timing
        if timing.end is None:
            await self._retime(seen, replace(timing, end=timing.start + 120 * MINUTE))
        elif self._chance.random() < 0.1:
            await self._retime(seen, replace(timing, end=None, post_roll=0))
        else:
            by = self._chance.choice((-60, -1, 1, 300, 1_800)) * SECOND
            await self._retime(seen, replace(timing, end=timing.end + by))

    async def _retime(self, seen: BookingDetails, timing: Timing) -> None:
        await self._app.bookings.edit(LOCAL, seen.booking.id, None, Edit(timing=timing))

    async def go_home(self) -> None:
        """Finish what has no end."""
        for ident in self.known:
            seen = (await self._app.bookings.get(LOCAL, ident)).booking
            if seen.timing.end is None and "finish" in (await self._app.bookings.get(LOCAL, ident)).possible:
                await self._attempt("finish", ident, self._app.bookings.finish(LOCAL, ident, None))
