# SPDX-License-Identifier: Apache-2.0
"""How the service of the tutorial goes on the air, and off again."""

from preroll.sdk import Context, lso


@lso
async def warm_up(ctx: Context) -> None:
    """Pre-roll: the whole profile, with the values of this state."""
    for label in ctx.resources:
        await ctx.apply_combined(label)


@lso
async def on_air(ctx: Context) -> None:
    """On the air: as the profile says."""
    for label in ctx.resources:
        await ctx.apply_profile(label)
    ctx.log.info("on the air", booking=ctx.booking.name)


@lso
async def wind_down(ctx: Context) -> None:
    """Post-roll: stop sending."""
    for label in ctx.resources:
        await ctx.apply_defaults(label)


@lso
async def reset(ctx: Context) -> None:
    """The end: everything is as it was."""
    for label in ctx.resources:
        await ctx.apply_defaults(label)
