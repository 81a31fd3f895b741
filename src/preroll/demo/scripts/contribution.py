# SPDX-License-Identifier: Apache-2.0
"""A contribution, from pre-roll to the reset: one script for each service state."""

from __future__ import annotations

from pathlib import Path

from preroll.audits.stream import Expect, stream
from preroll.sdk import Audit, AuditState, Context, GiveUp, Retry, lso


@lso
async def contribution_standby(ctx: Context) -> None:
    """Pre-roll: the decoder listens, the encoder calls, the picture is looked at, the recorder is armed."""
    await ctx.apply_profile("decoder")
    await ctx.apply_profile("encoder")
    await picture(ctx)
    await ctx.apply_combined("recorder")


@lso
async def contribution_start(ctx: Context) -> None:
    """On the air: the recorder has begun by itself, the rest is as pre-roll left it; what is not is put right."""
    for label in ("decoder", "encoder", "recorder"):
        await ctx.apply_combined(label)
    await picture(ctx)


@lso
async def contribution_pause(ctx: Context) -> None:
    """Post-roll: the recorder stops, and the recording is played from its first picture to its last."""
    await ctx.apply_state_profile("recorder")
    await recording(ctx)


@lso
async def contribution_stop(ctx: Context) -> None:
    """The end: everything back to its defaults, the last one first."""
    for label in ("recorder", "encoder", "decoder"):
        await ctx.apply_defaults(label)


async def picture(ctx: Context) -> None:
    """Decode what the decoder hands on, and compare it with what the encoder was told to send."""
    sent, port = ctx.resources["encoder"].values, ctx.resources["decoder"].values["monitor_port"]
    expect = Expect(codec="h264", size=str(sent["size"]), fps=float(str(sent["fps"])), audio=True)

    async def look(_: str) -> dict[str, object]:
        return evidence(await stream(f"udp://127.0.0.1:{port}", expect))

    if not ctx.dry_run:
        ctx.give("picture", await ctx.step("audit the picture", look, repeatable=True, resource="decoder"))


async def recording(ctx: Context) -> None:
    """Play each file of this booking's recording."""
    recorder = ctx.resources["recorder"]
    name, directory = recorder.values["record"], Path(str(recorder.properties["directory"]))

    async def play(_: str) -> dict[str, object]:
        files = sorted(directory.glob(f"{name}-*.ts"))
        if not files:
            raise GiveUp(f"there is no recording {name} in {directory}")
        return {file.name: evidence(await stream(str(file), seconds=600)) for file in files}

    if not ctx.dry_run:
        ctx.give("recording", await ctx.step("play the recording", play, repeatable=True, resource="recorder"))


def evidence(audit: Audit) -> dict[str, object]:
    """What was found; anything but Up is tried again."""
    if audit.state is not AuditState.UP:
        raise Retry(f"audit: {audit.state.value}: {audit.message}", after=1)
    return {"state": audit.state.value, **audit.evidence}
