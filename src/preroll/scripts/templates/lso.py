# SPDX-License-Identifier: Apache-2.0
"""Takes a service up, and always down again."""

from preroll.sdk import Context, DeviceError, GiveUp, ScriptError, lso

DOWN = ("PAUSE", "STOP")
"""Service states that take the service down; every other takes it up."""


@lso
async def script_name(ctx: Context) -> None:
    """Up in node order, down in the opposite one. Link it to each service state in the service definition."""
    if ctx.target in DOWN:
        await go_down(ctx)
    else:
        await go_up(ctx)


async def go_up(ctx: Context) -> None:
    """Give each device the values of the service state; the first that fails ends it."""
    # After a failure nobody knows how the devices stand. Take these two lines out if a retry may go up from there.
    if ctx.previous == "FAILED":
        raise GiveUp("the event before has failed: put the devices right, then acknowledge it")
    for label in with_profile(ctx):
        await ctx.apply_combined(label)


async def go_down(ctx: Context) -> None:
    """Bring every device down, whatever the others do; what failed is told at the end."""
    failed = []
    for label in reversed(with_profile(ctx)):
        try:
            if ctx.target == "STOP":
                await ctx.apply_defaults(label)
            else:
                await ctx.apply_combined(label)
        except (DeviceError, ScriptError) as error:
            ctx.log.error("this node is not down", node=label, why=str(error))
            failed.append(label)
    if failed:
        raise GiveUp(f"not down: {', '.join(failed)}")


def with_profile(ctx: Context) -> list[str]:
    """The nodes that there is something to send to, in node order."""
    return [label for label, resource in ctx.resources.items() if resource.profile]
