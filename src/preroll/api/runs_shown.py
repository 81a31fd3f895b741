# SPDX-License-Identifier: Apache-2.0
"""Runs and their steps as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from preroll.api.fields import Shown, maybe_when, when
from preroll.app.views import RunDetails
from preroll.domain.boundaries import Kind
from preroll.ports.rows import StepState
from preroll.ports.store import RunRow, StepRow


class StepShown(Shown):
    """One step of a run."""

    name: str
    resource: str = Field(description="id of the resource that it touches")
    resource_name: str = Field(description="as it is called now")
    state: StepState
    attempts: int
    began: datetime
    ended: datetime | None
    result: Any
    diff: list[tuple[str, Any, Any]] = Field(description="path, before, after of each value that it changed")
    error: str


class RunShown(Shown):
    """One run of a script, with its steps."""

    id: str
    booking: str
    event: str
    kind: Kind
    script: str
    version: str = Field(description="content hash of the script")
    target: str
    previous: str
    generation: int
    retry: int
    epoch: int = Field(description="rises when another worker takes the run over")
    config_version: int
    worker: str
    began: datetime
    ended: datetime | None
    outcome: str = Field(examples=["running", "ok", "failed", "cancelled"])
    reason: str
    message: str
    returned: dict[str, Any]
    steps: list[StepShown]


def run_shown(found: RunDetails) -> RunShown:
    """A run with its steps."""
    r: RunRow = found.run
    return RunShown(
        id=r.id, booking=r.booking, event=r.event, kind=r.kind, script=r.script, version=r.version, target=r.target,
        previous=r.previous, generation=r.generation, retry=r.try_, epoch=r.epoch, config_version=r.config_version,
        worker=r.worker, began=when(r.began_us), ended=maybe_when(r.ended_us), outcome=r.outcome, reason=r.reason,
        message=r.message, returned=dict(r.returned), steps=[_step(s) for s in found.steps],
    )  # fmt: skip


def _step(s: StepRow) -> StepShown:
    return StepShown(
        name=s.name, resource=s.resource, resource_name=s.resource_name, state=s.state, attempts=s.attempts,
        began=when(s.began_us), ended=maybe_when(s.ended_us), result=s.result, diff=list(s.diff), error=s.error,
    )  # fmt: skip
