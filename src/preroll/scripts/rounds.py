# SPDX-License-Identifier: Apache-2.0
"""A round of checks: those of a service definition, each a step of its own; what cannot be made is Unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from preroll.domain.audit import AuditSpec
from preroll.domain.errors import Invalid
from preroll.ports.scripts import InstalledScript, Order, ScriptKind
from preroll.scripts.catalogue import Loaded
from preroll.scripts.references import Dangling, resolved
from preroll.scripts.steps import MAX_TEXT, describe
from preroll.sdk import Audit, AuditState, Check, Context, Scene, WhenDown


class Kind(Protocol):
    """A class of checks."""

    def of(self, parameters: Mapping[str, Any], /) -> Check:
        """Raises Invalid: every parameter that is wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Unmade:
    """A check that cannot even be put together."""

    what: str
    why: str

    async def look(self, scene: Scene | None = None, /) -> Audit:  # noqa: ARG002 - the protocol's
        """Say why."""
        return Audit(AuditState.UNKNOWN, message=self.why, what=self.what)


def round_of(order: Order, kinds: Mapping[str, str]) -> Loaded:
    """The checks of an order as a script, made one after the other: two of them may want the same port.

    Args:
        kinds: kind of check -> ``module:attribute`` of its class.
    """

    async def look_at_all(ctx: Context) -> None:
        found = {spec.name: await _made(ctx, spec, order, kinds) for spec in order.checks}
        told = [f"{name}: {audit.state.value}: {audit.message}" for name, audit in found.items() if audit.message]
        ctx.give("checks", {name: audit.state.value for name, audit in found.items()})
        ctx.give("message", "; ".join(told)[:MAX_TEXT])

    return Loaded(InstalledScript(order.script, ScriptKind.AUDIT, "", "shipped"), look_at_all, asynchronous=True)


async def _made(ctx: Context, spec: AuditSpec, order: Order, kinds: Mapping[str, str]) -> Audit:
    check, within = check_of(spec, order, kinds), spec.within_us / 1e6
    try:
        return await ctx.audit(check, within=within, down=WhenDown.REPORT, step=spec.name)
    except Exception as error:  # noqa: BLE001 - drivers and checks are author code: what they raise is no verdict
        return Audit(AuditState.UNKNOWN, message=describe(error), what=spec.name)


def check_of(spec: AuditSpec, order: Order, kinds: Mapping[str, str]) -> Check:
    """The check with its parameters; what cannot be put together says so when it is looked at."""
    what = f"{spec.kind} {spec.name}"
    place = kinds.get(spec.kind)
    if place is None:
        return Unmade(what, f"there is no kind of check {spec.kind} (there are: {', '.join(kinds) or 'none'})")
    module, _, attribute = place.partition(":")
    try:
        kind: Kind = getattr(import_module(module), attribute)
        return kind.of(resolved(spec.parameters, order))
    except (Dangling, Invalid) as wrong:
        return Unmade(what, f"its parameters are wrong: {wrong}")
    except (ImportError, AttributeError) as error:
        return Unmade(what, f"{place} cannot be loaded: {error}")
