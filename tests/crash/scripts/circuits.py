# SPDX-License-Identifier: Apache-2.0
"""What the crash tests of changes have run: both ends of a circuit as one, with an audit that is told its answer."""

from preroll.sdk import Audit, AuditState, Context, Scene, lso


class Told:
    """An audit whose answer stands in the booking."""

    what = "the circuit"

    def __init__(self, state: str) -> None:
        self.state = AuditState(state)

    async def look(self, scene: Scene | None = None, /) -> Audit:
        return Audit(self.state, what=self.what)


@lso(name="circuit")
async def circuit(ctx: Context) -> None:
    """On the air: both ends, or neither."""
    asked = ctx.booking.properties
    await ctx.change(audit=Told(str(asked["audit"])), within=0, turns=str(asked["turns"]))


@lso(name="nothing")
async def nothing(ctx: Context) -> None:
    """The other stages."""
