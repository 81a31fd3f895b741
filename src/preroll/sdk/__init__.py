# SPDX-License-Identifier: Apache-2.0
"""All that an author of scripts, drivers or audits imports.

A script in five lines::

    from preroll.sdk import Context, lso

    @lso
    async def on_air(ctx: Context) -> None:
        for label in ctx.resources:
            await ctx.apply_combined(label)
"""

from preroll.sdk.audit import Audit, AuditFailed, AuditState, Check, Scene, WhenDown, watch
from preroll.sdk.change import ChangeFailed, Stand, Turns, Values
from preroll.sdk.declare import Script, created_action, lso, profile_load, start_failure
from preroll.sdk.driver import Applied, Change, Driver, DriverFactory, Plan, Tolerance, load
from preroll.sdk.errors import (
    AuthFailed,
    Busy,
    CheckFailed,
    DeviceError,
    GiveUp,
    InvalidValue,
    Mismatch,
    RefusedByDevice,
    Rejected,
    Retry,
    Reverted,
    ScriptError,
    StepUnknown,
    TimedOut,
    Unreachable,
    handle_exception,
)
from preroll.sdk.script import (
    BlockingContext,
    BlockingCreatedContext,
    BlockingLoadContext,
    Booking,
    Context,
    CreatedContext,
    LoadContext,
    Logger,
    Resource,
)
from preroll.sdk.secret import Secret

__all__ = [
    "Applied",
    "Audit",
    "AuditFailed",
    "AuditState",
    "AuthFailed",
    "BlockingContext",
    "BlockingCreatedContext",
    "BlockingLoadContext",
    "Booking",
    "Busy",
    "Change",
    "ChangeFailed",
    "Check",
    "CheckFailed",
    "Context",
    "CreatedContext",
    "DeviceError",
    "Driver",
    "DriverFactory",
    "GiveUp",
    "InvalidValue",
    "LoadContext",
    "Logger",
    "Mismatch",
    "Plan",
    "RefusedByDevice",
    "Rejected",
    "Resource",
    "Retry",
    "Reverted",
    "Scene",
    "Script",
    "ScriptError",
    "Secret",
    "Stand",
    "StepUnknown",
    "TimedOut",
    "Tolerance",
    "Turns",
    "Unreachable",
    "Values",
    "WhenDown",
    "created_action",
    "handle_exception",
    "load",
    "lso",
    "profile_load",
    "start_failure",
    "watch",
]
