# SPDX-License-Identifier: Apache-2.0
"""What every event of the fleet's demo does: the profile of the state, then a step that takes a moment."""

import asyncio

from preroll.sdk import Context, lso


@lso
async def follow(ctx: Context) -> None:
    """Apply the values of the state that is entered, then settle."""
    for label in ctx.resources:
        await ctx.apply_state_profile(label)
    await ctx.step("settle", lambda key: asyncio.sleep(1.5, key), repeatable=True)
