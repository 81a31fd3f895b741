# SPDX-License-Identifier: Apache-2.0
"""What the process has counted, for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from preroll.api.problems import can
from preroll.domain.permission import permit
from preroll.gate.door import By

router = APIRouter(tags=["health"])


async def _registry(request: Request) -> CollectorRegistry:
    found: CollectorRegistry = request.app.state.registry
    return found


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses=can(403, 503) | {200: {"content": {"text/plain": {}}}},
)
async def metrics(by: By, registry: Annotated[CollectorRegistry, Depends(_registry)]) -> Response:
    """What was counted, for Prometheus; where people sign in it needs a token."""
    permit(by, "view")
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
