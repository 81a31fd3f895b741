# SPDX-License-Identifier: Apache-2.0
"""What the crash tests have run: two profile steps on devices of their own, and one that writes executions down."""

import asyncio
import os
import random
import time

from preroll.sdk import Context, lso


@lso(name="three-steps")
async def three_steps(ctx: Context) -> None:
    """Encoder, a line in the diary of what was really executed, decoder."""
    await ctx.apply_state_profile("Encoder")
    await ctx.step("diary", lambda key: _write_down(ctx, key), repeatable=True)
    await ctx.apply_state_profile("Decoder")


async def _write_down(ctx: Context, key: str) -> int:
    at_us = time.time_ns() // 1000
    line = f"{key} {at_us} {os.getpid()} {os.getppid()}\n"
    diary = os.open(str(ctx.booking.properties["diary"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(diary, line.encode())
    finally:
        os.close(diary)
    await asyncio.sleep(random.uniform(0, float(str(ctx.booking.properties["work_s"]))))
    return at_us
