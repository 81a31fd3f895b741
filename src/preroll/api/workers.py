# SPDX-License-Identifier: Apache-2.0
"""Workers: who runs what is due, and what none of them reaches."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from preroll.api.fields import Shown, when
from preroll.api.problems import can
from preroll.gate.door import By, UseCases
from preroll.ports.workers import Role, Unreached, Worker

router = APIRouter(prefix="/api/v1", tags=["workers"])


class WorkerShown(Shown):
    """A process that claims what is due, or runs it. ``lease_until``: its claims are its own until then."""

    name: str
    host: str
    pid: int
    version: str
    role: Role
    labels: list[str]
    alive: bool
    lease_until: datetime
    running: int


class UnreachedShown(Shown):
    """Resources that no live worker reaches: the labels that one would need, and the first few names."""

    labels: list[str]
    resources: list[str]
    count: int


class WorkersShown(Shown):
    """Those that live, and those that are gone while runs of theirs wait to be taken over."""

    workers: list[WorkerShown]
    unreached: list[UnreachedShown]
    paused: list[str] = Field(description="platforms on which nothing begins")


@router.get("/workers", responses=can(403, 503))
async def list_workers(app: UseCases, by: By) -> WorkersShown:
    """Who runs what is due, and which resources none of them reaches."""
    fleet = await app.workers.all(by)
    return WorkersShown(
        workers=[_worker(worker) for worker in fleet.workers], unreached=[_unreached(one) for one in fleet.unreached],
        paused=list(fleet.paused),
    )  # fmt: skip


def _worker(w: Worker) -> WorkerShown:
    return WorkerShown(
        name=w.name, host=w.host, pid=w.pid, version=w.version, role=w.role, labels=sorted(w.labels), alive=w.alive,
        lease_until=when(w.lease_us), running=w.running,
    )  # fmt: skip


def _unreached(one: Unreached) -> UnreachedShown:
    return UnreachedShown(labels=sorted(one.labels), resources=list(one.resources), count=one.count)
