# SPDX-License-Identifier: Apache-2.0
"""Created booking actions: the scripts of a booking's nodes, one after the other; the first failure stops them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from preroll.domain.created import PATCH, NodeAction
from preroll.ports.scripts import InstalledScript, Order, ScriptKind
from preroll.scripts.catalogue import Loaded
from preroll.scripts.context import RunContext
from preroll.scripts.readonly import read_only
from preroll.scripts.steps import as_json, clean, describe
from preroll.sdk import GiveUp, Rejected

R = TypeVar("R")


class Shop(Protocol):
    """The scripts of a host."""

    def find(self, kind: ScriptKind, name: str) -> Loaded:
        """Raises GiveUp when there is no such script."""
        ...

    async def call(self, script: Loaded, context: object) -> None:
        """Run a script."""
        ...


def actions_of(order: Order, shop: Shop) -> Loaded:
    """The created booking actions of an order as one script; it returns the version of each.

    Raises:
        GiveUp: one of them is not installed, or is of another kind.
    """
    scripts = [(action, shop.find(ScriptKind.CREATED, action.script)) for action in order.created]

    async def run_all(ctx: RunContext) -> None:
        patch: dict[str, dict[str, object]] = {}
        for action, script in scripts:
            await _ran(shop, script, CreatedRun(ctx, action, patch), action)
        ctx.give(PATCH, patch)
        ctx.give("versions", versions)

    versions = {action.script: script.installed.version for action, script in scripts}
    installed = InstalledScript(order.script, ScriptKind.CREATED, version_of(order, versions), "shipped")
    return Loaded(installed, run_all, asynchronous=True)


def version_of(order: Order, versions: Mapping[str, str]) -> str:
    """The version of all that an order runs: what a resumed run must find again (SPEC 11).

    Args:
        versions: script -> version, of what is installed.
    """
    if not order.created:
        return versions.get(order.script, "")
    each = [f"{action.script}={versions.get(action.script, '')}" for action in order.created]
    return hashlib.blake2s("\n".join(each).encode(), digest_size=6).hexdigest()


async def _ran(shop: Shop, script: Loaded, context: CreatedRun, action: NodeAction) -> None:
    try:
        await shop.call(script, context)
    except (MemoryError, KeyboardInterrupt, asyncio.CancelledError, Rejected):
        raise
    except BaseException as error:
        what = f"the created booking action {action.script} of node {action.label} failed: {describe(error)}"
        raise GiveUp(what) from error


class CreatedRun:
    """The CreatedContext of one node's script."""

    def __init__(self, run: RunContext, action: NodeAction, patch: dict[str, dict[str, object]]) -> None:
        self._run, self._action, self._patch = run, action, patch
        self.node, self.parameters = action.label, read_only(action.parameters)
        self.booking, self.resources, self.log = run.booking, run.resources, run.log

    def assign(self, label: str, resource: str) -> None:
        """Choose a resource for a node."""
        self._of(label)["resource"] = clean(str(resource))

    def set_value(self, label: str, parameter: str, value: object) -> None:
        """Set a parameter of a node's profile."""
        values = self._of(label).setdefault("values", {})
        assert isinstance(values, dict)  # noqa: S101 - it was made here
        values[clean(str(parameter))] = as_json(value, f"set_value({label!r}, {parameter!r})")

    def set_property(self, name: str, value: object) -> None:
        """Set a property of the booking."""
        self._run.set_property(name, value)

    async def step(
        self,
        name: str,
        do: Callable[[str], Awaitable[R]] | Callable[[str], R],
        *,
        probe: Callable[[], Awaitable[bool]] | Callable[[], bool] | None = None,
        repeatable: bool = False,
    ) -> R:
        """A step; nodes may use the same names."""
        return await self._run.step(f"{self.node}: {name}", do, probe=probe, repeatable=repeatable)

    def _of(self, label: str) -> dict[str, object]:
        return self._patch.setdefault(clean(str(label)), {})
