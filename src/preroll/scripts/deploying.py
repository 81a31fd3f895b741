# SPDX-License-Identifier: Apache-2.0
"""Service orders: their parts made one after the other, each a change of several devices, all new or all old.

What became of a part is given back in plain words, not raised: whose fault it was decides between Invalid and Failed
Deploy, and of a best-effort order the other parts are made all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from preroll.domain.deployment import Fault
from preroll.ports.scripts import DeploymentPart, InstalledScript, Order, ScriptKind
from preroll.scripts.catalogue import Loaded
from preroll.scripts.context import RunContext
from preroll.scripts.intents import REVERT
from preroll.scripts.steps import AuthorError, message_of
from preroll.scripts.verifying import verification_of
from preroll.sdk import DeviceError, GiveUp, InvalidValue, RefusedByDevice, ScriptError, Turns, Values

PARTS = "parts"
"""What a run returns: name of each part -> ``{"ok": ..., "fault": ..., "message": ...}``."""
_OF_THE_ORDER = (InvalidValue, RefusedByDevice, GiveUp, AuthorError)
"""What a device or its driver says of a wrong order; all else is the world's fault."""


def deployment_of(order: Order, kinds: Mapping[str, str]) -> Loaded:
    """The deployment of an order as a script; one that was canceled, or went back before, only tells so.

    Args:
        kinds: kind of check -> ``module:attribute`` of its class.
    """

    async def deploy(ctx: RunContext) -> None:
        made: dict[str, dict[str, object]] = {}
        for part in order.parts:
            made[part.name] = await _made(ctx, order, part, made, kinds)
        ctx.give(PARTS, made)

    return Loaded(InstalledScript(order.script, ScriptKind.ORDER, "", "shipped"), deploy, asynchronous=True)


async def _made(
    ctx: RunContext,
    order: Order,
    part: DeploymentPart,
    made: Mapping[str, Mapping[str, object]],
    kinds: Mapping[str, str],
) -> dict[str, object]:
    missing = [name for name in part.after if not made[name]["ok"]]
    if order.stopping:
        return _failed(Fault.WORLD, "canceled")
    if _went_back(order, part):
        return _failed(Fault.WORLD, "it was going back when its worker was lost")
    if missing:
        return _failed(Fault.WORLD, f"not begun: it comes after {', '.join(missing)}")
    turns = Turns.ONE_BY_ONE if part.one_by_one else Turns.TOGETHER
    try:
        if part.labels:
            proof = verification_of(order, part.checks, kinds)
            await ctx.change(
                *part.labels, values=Values.PROFILE, turns=turns, name=part.name, audit=proof.checks,
                within=proof.within, window=proof.window,
            )  # fmt: skip
    except (ScriptError, DeviceError, AuthorError, ExceptionGroup) as error:
        wrong = any(isinstance(one, _OF_THE_ORDER) for one in _causes(error))
        return _failed(Fault.ORDER if wrong else Fault.WORLD, message_of(error))
    return {"ok": True, "fault": "", "message": ""}


def _failed(fault: Fault, message: str) -> dict[str, object]:
    return {"ok": False, "fault": fault.value, "message": message}


def _went_back(order: Order, part: DeploymentPart) -> bool:
    """Was it decided, in an earlier life of this run, that this part goes back?"""
    return any(
        step.name.endswith(f":{REVERT}") and step.name.startswith((f"change:{part.name}:", f"change:{part.name}#"))
        for step in order.steps
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What brought an error about, down to the first cause; of a group, of each of them."""
    cause = error.__cause__
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    if cause is None and not inner:
        yield error
        return
    for one in (*inner, *([cause] if cause else [])):
        yield from _causes(one)
