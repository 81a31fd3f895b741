# SPDX-License-Identifier: Apache-2.0
"""A circuit, from the first look to the last: both devices are changed as one, or not at all."""

from __future__ import annotations

from preroll.audits import Ping, Tcp
from preroll.sdk import Check, Context, Values, WhenDown, lso


@lso
async def circuit_standby(ctx: Context) -> None:
    """Pre-roll: nothing is configured yet. Nothing gets through, and that is kept as well."""
    before = await ctx.audit(way_through(ctx), within=0, down=WhenDown.REPORT, step="look before")
    ctx.give("before", before.state.value)


@lso
async def circuit_start(ctx: Context) -> None:
    """On the air: both devices, and it is decided only when something gets through."""
    await ctx.change("near", "far", values=Values.PROFILE, audit=way_through(ctx))


@lso
async def circuit_pause(ctx: Context) -> None:
    """The end of the service: both devices again."""
    await ctx.change("near", "far", values=Values.DEFAULTS)


@lso
async def circuit_stop(ctx: Context) -> None:
    """The end: whatever happened before, nothing is left on the devices."""
    await ctx.change("near", "far", values=Values.DEFAULTS)


def way_through(ctx: Context) -> Check:
    """From the near site to the customer at the far one; where nothing can ping, through the near site's door."""
    near, far = ctx.resources["near"].properties, ctx.resources["far"].properties
    return Ping(str(far["customer"])) if near["pinged"] else Tcp("127.0.0.1", int(str(near["door"])))
