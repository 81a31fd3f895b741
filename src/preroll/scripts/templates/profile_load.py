# SPDX-License-Identifier: Apache-2.0
"""Configures one resource through its driver."""

from preroll.sdk import LoadContext, profile_load


@profile_load
async def script_name(ctx: LoadContext) -> None:
    """Name it in the profile definition, for the driver that it is written for."""
    ctx.log.info("loading", resource=ctx.resource.name, state=ctx.target, values=len(ctx.desired))
    # ctx.values has them by parameter, ctx.desired by the driver's paths; ctx.driver can plan, apply, read and verify.
    # This does all that most devices need: what differs is sent, read back and compared.
    await ctx.load()
    # What is given here is what the LSO script gets back from its apply.
    ctx.give("loaded", sorted(ctx.values))
