# SPDX-License-Identifier: Apache-2.0
"""Runs: which script ran when, step by step; and the scripts that can be run."""

from __future__ import annotations

from fastapi import APIRouter

from preroll.api.door import Ident, TheDoor
from preroll.api.fields import Shown
from preroll.api.history import LineShown, line_shown
from preroll.api.problems import can
from preroll.api.runs_shown import RunShown, run_shown
from preroll.domain.permission import permit
from preroll.gate.door import By, UseCases
from preroll.ports.scripts import ScriptKind

router = APIRouter(prefix="/api/v1", tags=["runs and scripts"])


class ScriptShown(Shown):
    """A script that can be run."""

    name: str
    kind: ScriptKind
    version: str
    source: str
    summary: str


class BrokenShown(Shown):
    """A file or entry point that cannot be used, and why."""

    source: str
    line: int
    error: str


class ScriptsShown(Shown):
    """What the script hosts found."""

    installed: list[ScriptShown]
    broken: list[BrokenShown]


@router.get("/runs/{ident}", responses=can(403, 404, 422, 503))
async def get_run(ident: Ident, app: UseCases, by: By) -> RunShown:
    """One run with its steps."""
    return run_shown(await app.views.run(by, ident))


@router.get("/runs/{ident}/log", responses=can(403, 404, 422, 503))
async def get_run_log(ident: Ident, app: UseCases, by: By) -> list[LineShown]:
    """The lines that a run wrote into its booking's action log, oldest first."""
    run = (await app.views.run(by, ident)).run
    return [line_shown(line) for line in await app.views.log(by, run.booking, ident)]


@router.get("/scripts", responses=can(403))
async def list_scripts(door: TheDoor, by: By) -> ScriptsShown:
    """The scripts that are installed, and the ones that cannot be used."""
    permit(by, "view")
    installed, broken = door.scripts()
    return ScriptsShown(
        installed=[
            ScriptShown(name=s.name, kind=s.kind, version=s.version, source=s.source, summary=s.summary)
            for s in installed
        ],
        broken=[BrokenShown(source=b.source, line=b.line, error=b.error) for b in broken],
    )
