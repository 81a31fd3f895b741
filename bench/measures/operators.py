# SPDX-License-Identifier: Apache-2.0
"""What operators do all day: an action on a booking, who may do it, and any page of a long list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

from bench.alternating import alternating, medians
from bench.databases import KINDS, databases
from bench.figures import Figure, middle
from bench.filled import Fill, Filled
from bench.measures.booking import Desk
from bench.measures.post import one_insert, sent
from preroll.api import create_app
from preroll.app.tokens import NewToken
from preroll.app.users import NamedRights, NewUser
from preroll.domain.account import SignIn
from preroll.domain.permission import LOCAL, permit
from preroll.gate.guard import Credential, Guard, Way
from preroll.ports.store import BookingFilter

ALLOWED, PAGES, CHECKED_MS = 2.0, 1.2, 0.1
PLACES = (0.25, 0.5, 0.75, 0.99)
"""Where in the list pages are read, beside the first."""


def measure(*, quick: bool) -> Iterator[Figure]:
    """All of it among 100,000 bookings, on both databases."""
    with databases() as places:
        fill = Fill(places)
        for kind in KINDS:
            filled = fill.make(kind, 100_000)
            yield asyncio.run(_acted(kind, filled, 100 if quick else 500))
            yield asyncio.run(_listed(kind, filled, 20 if quick else 100))
        yield asyncio.run(_checked(fill.make("sqlite", 100_000), 10_000))


async def _acted(kind: str, filled: Filled, turns: int) -> Figure:
    with ExitStack() as stack:
        desk = stack.enter_context(closing(Desk(filled)))
        api = create_app(desk.app, stopping=lambda: True)
        one_insert(api, desk)
        made = [await desk.create(number) for number in range(20)]

        async def act(number: int) -> None:
            path = f"/api/v1/bookings/{made[number % len(made)].booking.id}/properties"
            await sent(api, path, {"ticket": number + 1}, "PATCH")

        async def reference(number: int) -> None:
            await sent(api, "/bench", {"name": f"line {number}", "text": "x" * 200})

        times = await alternating({"act": act, "insert": reference}, turns)
    value, beside = middle(times["act"]) * 1e3, middle(times["insert"]) * 1e3
    return Figure(
        f"action.{kind}", value, "ms", f"<= {ALLOWED:g}x", value <= ALLOWED * beside, beside,
        "a POST with one durable insert", f"properties of a booking; {filled.bookings:,} bookings, {turns} turns",
    )  # fmt: skip


async def _listed(kind: str, filled: Filled, turns: int) -> Figure:
    with ExitStack() as stack:
        bookings = stack.enter_context(closing(Desk(filled))).app.bookings
        keys: list[tuple[int, str] | None] = [None]
        while (page := await bookings.page(LOCAL, BookingFilter(), keys[-1], 500)).next:
            keys.append(page.next)
        chosen = {"first": None} | {f"{share:.0%}": keys[int(share * len(keys))] for share in PLACES}

        def read(after: tuple[int, str] | None):  # type: ignore[no-untyped-def]
            return lambda _: bookings.page(LOCAL, BookingFilter(), after, 100)

        times = await medians({name: read(after) for name, after in chosen.items()}, 3, turns, clock=time.process_time)
    first = middle(times.pop("first")) * 1e3
    slowest = max(times, key=lambda name: middle(times[name]))
    value = middle(times[slowest]) * 1e3
    return Figure(
        f"list.{kind}", value, "ms", f"<= {PAGES:g}x", value <= PAGES * first, first, "the first page",
        f"the page at {slowest} of {filled.bookings:,} bookings, 100 a page; time of this process",
    )  # fmt: skip


async def _checked(filled: Filled, turns: int) -> Figure:
    with ExitStack() as stack:
        app = stack.enter_context(closing(Desk(filled))).app
        if not await app.users.any():
            await app.users.create(LOCAL, NewUser("operator", NamedRights(("operator",))))
        secret = (await app.tokens.create(LOCAL, NewToken(f"bench {time.monotonic_ns()}", "operator")))[1]
        guard, said = Guard(app, SignIn.NEEDED), Credential(Way.TOKEN, secret)
        taken = []
        for _ in range(turns):
            began = time.perf_counter()
            permit(await guard.actor(said), "booking.edit", 1)
            taken.append(time.perf_counter() - began)
    value = middle(taken) * 1e3
    return Figure(
        "permission", value, "ms", f"<= {CHECKED_MS:g} ms", value <= CHECKED_MS, None, "",
        f"who has a token, and may they? remembered for a moment; {turns:,} times",
    )  # fmt: skip
