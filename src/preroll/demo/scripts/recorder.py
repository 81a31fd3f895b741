# SPDX-License-Identifier: Apache-2.0
"""The recorder begins by itself, at the on-air instant, by its own clock: also when nobody is there to tell it."""

from __future__ import annotations

from preroll.sdk import LoadContext, profile_load


@profile_load
async def load_recorder(ctx: LoadContext) -> None:
    """Arms the recorder in pre-roll for the on-air instant; at any other time it is configured at once."""
    if ctx.target != "STANDBY":
        await ctx.load()
        return
    plan = await ctx.driver.plan(ctx.desired)
    if not plan.empty:
        await ctx.driver.apply(plan, at=ctx.booking.start, key=ctx.key)
    ctx.give("armed for", ctx.booking.start.isoformat())
