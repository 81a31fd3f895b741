# SPDX-License-Identifier: Apache-2.0
"""``hub``, the same in both specifications: a callback is told of events until it is removed.

Published are POST and DELETE; a client that has lost an answer finds its hubs by GET.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response

from preroll.app.subscriptions import SubscriptionDetails
from preroll.domain.errors import NotFound
from preroll.domain.subscription import Kind, Subscription
from preroll.gate.door import By, UseCases
from preroll.tmf.contract import says
from preroll.tmf.door import Document, Ident, made
from preroll.tmf.hubs import Callback, callback, queried
from preroll.tmf.reading import parsed
from preroll.tmf.resources import SUBSCRIPTION


def hub_routes(base: str, noun: str) -> APIRouter:
    """The routes of a hub.

    Args:
        base: address of the API that it is of.
        noun: what it tells of, in the words of the change log.
    """
    router = APIRouter(prefix=f"{base}/hub")

    @router.post("", **says(SUBSCRIPTION, 201, sent=SUBSCRIPTION), operation_id=f"registerListenerOf_{noun}")
    async def register(request: Request, app: UseCases, by: By) -> Response:
        """Tell a callback of events from now on; one that is registered so already is refused with 409."""
        asked = callback(parsed(await request.body()), noun)
        found, _ = await app.subscriptions.create(by, asked.subscription(_name(asked, noun), noun))
        return made(_document(found.subscription, noun), f"{base}/hub/{found.subscription.id}")

    @router.get("", **says(SUBSCRIPTION, many=True), operation_id=f"listListenersOf_{noun}")
    async def listed(app: UseCases, by: By) -> Response:
        """The hubs of who asks."""
        found = [one.subscription for one in await app.subscriptions.list(by) if _is_hub(one, noun)]
        counts = {"X-Total-Count": str(len(found)), "X-Result-Count": str(len(found))}
        return Document([_document(one, noun) for one in found], headers=counts)

    @router.get("/{id}", **says(SUBSCRIPTION), operation_id=f"retrieveListenerOf_{noun}")
    async def retrieve(ident: Ident, app: UseCases, by: By) -> Response:
        """One hub."""
        found = await app.subscriptions.get(by, ident)
        return Document(_document(_hub(found, noun), noun))

    @router.delete("/{id}", **says(None, 204), operation_id=f"unregisterListenerOf_{noun}")
    async def unregister(ident: Ident, app: UseCases, by: By) -> Response:
        """Tell it nothing more."""
        found = _hub(await app.subscriptions.get(by, ident), noun)
        await app.subscriptions.remove(by, found.id)
        return Response(status_code=204)

    return router


def _name(asked: Callback, noun: str) -> str:
    """The same for the same callback and query, so that a repeat is found out."""
    return f"TM Forum hub {sha256(f'{noun} {asked.callback} {sorted(asked.events)}'.encode()).hexdigest()[:16]}"


def _is_hub(found: SubscriptionDetails, noun: str) -> bool:
    kinds = found.subscription.filter.kinds
    return found.subscription.kind is Kind.TMF and all(kind.startswith(f"{noun}.") for kind in kinds)


def _hub(found: SubscriptionDetails, noun: str) -> Subscription:
    if not _is_hub(found, noun):
        raise NotFound("hub", found.subscription.id)
    return found.subscription


def _document(found: Subscription, noun: str) -> Mapping[str, Any]:
    return {"id": found.id, "callback": found.to, "query": queried(found.filter, noun)}
