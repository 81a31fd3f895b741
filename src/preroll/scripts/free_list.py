# SPDX-License-Identifier: Apache-2.0
"""The load of a free list: each resource is brought to its profile, one by one, in the order of the list."""

from __future__ import annotations

from preroll.domain.boundaries import EVENTS, Kind
from preroll.domain.service import STOP
from preroll.ports.scripts import InstalledScript, Order, ScriptKind
from preroll.scripts.catalogue import Loaded
from preroll.scripts.steps import message_of
from preroll.sdk import Context, GiveUp

APPLY = EVENTS[Kind.APPLY].name


def list_of(order: Order) -> Loaded:
    """The load of an order as a script; the engine has put the values of the service state on each resource."""
    labels = [e.label for e in order.equipment if e.profile]

    async def load_all(ctx: Context) -> None:
        if ctx.event == APPLY:
            _require(order)
        if ctx.target == STOP:
            await _down(ctx, labels)
        else:
            for label in labels:
                await ctx.apply_profile(label, step=f"load:{label}")

    return Loaded(InstalledScript(order.script, ScriptKind.FREE_LIST, "", "shipped"), load_all, asynchronous=True)


def _require(order: Order) -> None:
    """Refuse to leave out what was asked for by name.

    Raises:
        GiveUp: the resource may not be touched any more, or is gone.
    """
    if not order.equipment:
        raise GiveUp("the resource was removed meanwhile")
    if untouched := [e.name for e in order.equipment if e.hands_off]:
        raise GiveUp(f"{', '.join(untouched)} is hands off: nothing is sent to it")


async def _down(ctx: Context, labels: list[str]) -> None:
    """Bring every resource down, whatever becomes of the others.

    Raises:
        GiveUp: these are not down.
    """
    failed: dict[str, str] = {}
    for label in labels:
        try:
            await ctx.apply_profile(label, step=f"load:{label}")
        except Exception as error:  # noqa: BLE001 - a profile-load script is author code
            failed[label] = message_of(error)
    if failed:
        raise GiveUp("not down: " + "; ".join(f"{label}: {why}" for label, why in failed.items()))
