# SPDX-License-Identifier: Apache-2.0
"""The scripts that the bench has run."""

import asyncio
import time

from preroll.sdk import BlockingContext, Context, lso


@lso(name="bench-nothing")
async def nothing(ctx: Context) -> None:
    """Ends at once."""


@lso(name="bench-first-line")
async def first_line(ctx: Context) -> None:
    """Says when it began, by the machine's clock."""
    ctx.give("first_line_us", time.time_ns() // 1000)


@lso(name="bench-three-steps")
async def three_steps(ctx: Context) -> None:
    """Three steps, each recorded before it starts and when it ends; their bodies do nothing."""
    for name in ("receiver", "modulator", "router"):
        await ctx.step(name, lambda key: bool(key), repeatable=True)


@lso(name="bench-burn")
def burn(ctx: BlockingContext) -> None:
    """Keeps a core busy until the property ``until_us`` says."""
    until = ctx.booking.properties["until_us"]
    while time.time_ns() // 1000 < until:
        sum(range(10_000))


@lso(name="bench-configure")
async def configure(ctx: Context) -> None:
    """Applies every resource's profile, all at once."""
    await asyncio.gather(*(ctx.apply_profile(label) for label in ctx.resources))


@lso(name="bench-change")
async def change(ctx: Context) -> None:
    """Changes every resource as one, in the steps in which an order is deployed."""
    await ctx.change()


@lso(name="bench-journal")
async def journal(ctx: Context) -> None:
    """As many steps as resources, all at once, and no device behind them."""
    await asyncio.gather(
        *(ctx.step(f"apply {label}", lambda key: bool(key), repeatable=True) for label in ctx.resources)
    )


@lso(name="bench-wait")
async def wait(ctx: Context) -> None:
    """One step that takes a minute."""
    await ctx.step("wait", lambda key: asyncio.sleep(60, key), repeatable=True)
