# SPDX-License-Identifier: Apache-2.0
"""What is free: eligible resources for each node of a service in one question, what is left, and the next slot."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from preroll.api.fields import Given, Instant, JsonObject, Length, Name, Shown, Word, maybe_when
from preroll.api.problems import ClashProblem, can, clash_shown
from preroll.app.availability import NodeAnswer, Offer, Question, Wanted
from preroll.domain.booking import Timing
from preroll.domain.capacity import in_units
from preroll.domain.config import Ordering
from preroll.domain.usage import CONCURRENCY
from preroll.gate.door import By, UseCases

router = APIRouter(prefix="/api/v1/availability", tags=["availability"])


class WantedGiven(Given):
    """What a node wants; what is left out is as the service definition says."""

    function: Word = ""
    pool: Word = ""
    profile: Word = Field(default="", description="name of a profile instance")
    values: JsonObject = Field(default={}, description="parameter values on top of it")


class QuestionGiven(Given):
    """When, and what for."""

    platform: Name = "default"
    start: Instant = Field(description="on the air")
    end: Instant | None = Field(default=None, description="off the air; null is permanent")
    pre_roll: Length = 0
    post_roll: Length = 0
    definition: Name | None = Field(default=None, description="name of a service definition: all its nodes are asked")
    definition_version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    nodes: dict[Name, WantedGiven] = Field(default={}, max_length=1000, description="node label -> what it wants")
    ignore: Word = Field(default="", description="id of a booking whose own usage counts as free")
    guard: Length | None = Field(
        default=None, description="what is free for so long before and after as well comes first; null: the platform's"
    )
    order: Annotated[Ordering, Field(strict=False)] | None = Field(default=None, description="null: the platform's")
    explain: bool = Field(default=False, description="tell of each candidate that does not fit why")
    count: Annotated[int, Field(ge=1, le=1000, description="next_start is when so many are free at once")] = 1
    limit: Annotated[int, Field(ge=1, le=1000, description="eligible resources of each node")] = 100

    def question(self) -> Question:
        """As the use case takes it."""
        nodes = {n: Wanted(w.function, w.pool, w.profile, w.values) for n, w in self.nodes.items()}
        return Question(
            timing=Timing(self.start, self.end, self.pre_roll, self.post_roll), platform=self.platform,
            definition=self.definition, definition_version=self.definition_version, nodes=nodes, ignore=self.ignore,
            guard_us=self.guard, order=self.order, explain=self.explain, count=self.count, limit=self.limit,
        )  # fmt: skip


class OfferShown(Shown):
    """A resource that fits, and what is left of it over the whole window."""

    id: str
    name: str
    priority: int
    guarded: bool = Field(description="free for the guard interval before and after as well")
    concurrency_left: int = Field(description="how many more nodes could hold it")
    capacities_left: dict[str, float] = Field(description="parameter -> amount in its unit")


class NodeAnswerShown(Shown):
    """What there is for one node."""

    eligible: list[OfferShown] = Field(description="best first")
    candidates: int = Field(description="resources with the function and the pool, free or not")
    refused: dict[str, list[ClashProblem]] = Field(description="name -> the rules that it failed, on request")
    next_start: datetime | None = Field(description="first on-air start with enough free; null: not in 30 days")


class AvailabilityShown(Shown):
    """The answer, node by node."""

    nodes: dict[str, NodeAnswerShown]


@router.post("", responses=can(400, 403, 404, 413, 422, 503))
async def ask_availability(body: QuestionGiven, app: UseCases, by: By) -> AvailabilityShown:
    """What could fill each node over the held window; a booking that is made next may find it taken."""
    answers = await app.availability.eligible(by, body.question())
    return AvailabilityShown(nodes={label: _node_shown(answer) for label, answer in answers.items()})


def _node_shown(answer: NodeAnswer) -> NodeAnswerShown:
    return NodeAnswerShown(
        eligible=[_offer_shown(offer) for offer in answer.eligible],
        candidates=answer.candidates,
        refused={name: [clash_shown(c) for c in rules] for name, rules in answer.refused.items()},
        next_start=maybe_when(answer.next_start),
    )


def _offer_shown(offer: Offer) -> OfferShown:
    return OfferShown(
        id=offer.resource.id, name=offer.resource.name, priority=offer.resource.priority,
        guarded=offer.guarded,
        concurrency_left=next(one.left for one in offer.left if one.dimension == CONCURRENCY),
        capacities_left={one.dimension: in_units(one.left) for one in offer.left if one.dimension != CONCURRENCY},
    )  # fmt: skip
