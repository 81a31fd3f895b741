# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: who is told of which changes, by webhook or by mail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field

from preroll.api import etag
from preroll.api.door import Ident
from preroll.api.fields import Given, Name, Queried, Shown, Word, maybe_when, when
from preroll.api.problems import can
from preroll.app.subscriptions import NewSubscription, SubscriptionDetails, SubscriptionEdit, Wanted
from preroll.domain.subscription import Kind, Status, is_reference
from preroll.gate.door import By, UseCases
from preroll.ports.outbox import Outcome

router = APIRouter(prefix="/api/v1/subscriptions", tags=["subscriptions"])

IfMatch = Annotated[str | None, Header(description='the ETag that the change is made on, such as `"3"`')]
MessageId = Annotated[str, Path(description="id of the message", min_length=1, max_length=200)]
Words = Annotated[list[Name], Field(max_length=100)]


class SubscriptionsQueried(Queried):
    """Whose."""

    everybody: bool = Field(default=False, description="not one's own alone; for an admin everywhere")


class WantedGiven(Given):
    """Which changes somebody wants to be told of; each part that is left out lets all pass."""

    platform: Name | None = None
    kinds: Words = Field(default=[], examples=[["booking.state"]], description="kinds of changes")
    nouns: Words = Field(default=[], examples=[["booking"]], description="what they are about")
    states: Words = Field(default=[], examples=[["Confirmed"]], description="states that something has entered")

    def wanted(self) -> Wanted:
        """As the use case takes it."""
        return Wanted(self.platform or "", self.kinds, self.nouns, self.states)


class SubscriptionGiven(Given):
    """Who is to be told of what, and where."""

    name: Name = Field(examples=["control room"], description="unique among its owner's")
    kind: Literal["webhook", "mail"]
    to: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        examples=["https://hooks.example.org/preroll"], description="a URL, or mail addresses with commas"
    )
    wanted: WantedGiven = WantedGiven()
    secret: Word | None = Field(
        default=None, description="signs webhooks: of your own, or for an admin a reference; left out: one is made"
    )
    owner: Name | None = Field(default=None, description="id or name; left out: who asks")

    def subscription(self) -> NewSubscription:
        """As the use case takes it."""
        return NewSubscription(
            self.name, Kind(self.kind), self.to, self.wanted.wanted(), self.secret or "", self.owner or ""
        )


class SubscriptionEditGiven(Given):
    """What is to change; what is left out stays. ``wanted`` is replaced as a whole."""

    name: Name | None = None
    to: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    wanted: WantedGiven | None = None
    paused: bool | None = Field(default=None, description="false: go on; what has happened meanwhile is told then")

    def edit(self) -> SubscriptionEdit:
        """As the use case takes it."""
        return SubscriptionEdit(self.name, self.to, self.wanted.wanted() if self.wanted else None, self.paused)


class WantedShown(Shown):
    """Which changes somebody is told of; empty parts let all pass."""

    platform: str
    kinds: list[str]
    nouns: list[str]
    states: list[str]


class SubscriptionShown(Shown):
    """Who is told of what, and how that goes; without its secret."""

    id: str
    name: str
    kind: Kind
    to: str
    wanted: WantedShown
    owner: str
    signed: bool
    reference: str = Field(description="to the secret; empty: it is none of these")
    status: Status
    attempts: int = Field(description="how often the next message was sent in vain")
    next: datetime | None = Field(description="not before then is it sent again; null: at once")
    taken: datetime | None = Field(description="when a message was last taken; null: never")
    failed: datetime | None = Field(description="when an attempt last failed; null: never")
    error: str = Field(description="how it failed")
    revision: int
    created: datetime


class SubscriptionMade(SubscriptionShown):
    """With its secret, which is never shown again; empty: it is a reference, or there is none."""

    secret: str


class SubscriptionList(Shown):
    """Subscriptions."""

    items: list[SubscriptionShown]


class OutcomeShown(Shown):
    """What came of one attempt."""

    taken: bool
    status: int = Field(description="of the receiver's answer; 0: there was none")
    error: str


class WaitingShown(Shown):
    """A message that has not been taken yet."""

    message: str
    kind: str
    subject: str
    at: datetime


class DeadLetterShown(Shown):
    """A message that was given up."""

    message: str
    kind: str
    subject: str
    body: str
    attempts: int
    error: str
    at: datetime


class OutstandingShown(Shown):
    """What comes next, as far as the next 200 changes of the log tell, and what was given up, both oldest first."""

    waiting: list[WaitingShown]
    dead: list[DeadLetterShown]


@router.get("", responses=can(403, 422, 503))
async def list_subscriptions(
    asks: Annotated[SubscriptionsQueried, Query()], app: UseCases, by: By
) -> SubscriptionList:  # fmt: skip
    """One's own subscriptions, or everybody's, by owner and name."""
    return SubscriptionList(items=[_shown(f) for f in await app.subscriptions.list(by, everybody=asks.everybody)])


@router.post("", status_code=201, response_model=SubscriptionMade, responses=can(400, 403, 404, 409, 413, 422, 503))
async def create_subscription(body: SubscriptionGiven, app: UseCases, by: By) -> Response:
    """Tell somebody from now on; the answer is the only one that shows the secret."""
    made, secret = await app.subscriptions.create(by, body.subscription())
    return _secretive(made, secret, 201)


@router.get("/{ident}", response_model=SubscriptionShown, responses=can(403, 404, 422, 503))
async def get_subscription(ident: Ident, app: UseCases, by: By) -> Response:
    """One subscription, and how it does."""
    return etag.answered(_shown(await app.subscriptions.get(by, ident)), router.prefix)


@router.patch("/{ident}", response_model=SubscriptionShown, responses=can(400, 403, 404, 409, 412, 413, 422, 503))
async def change_subscription(
    ident: Ident, body: SubscriptionEditGiven, app: UseCases, by: By, if_match: IfMatch = None
) -> Response:
    """Change it, pause it or let it go on; a changed one is tried at once."""
    return etag.answered(
        _shown(await app.subscriptions.change(by, ident, etag.seen(if_match), body.edit())), router.prefix
    )


@router.delete("/{ident}", status_code=204, responses=can(403, 404, 422, 503))
async def remove_subscription(ident: Ident, app: UseCases, by: By) -> None:
    """Tell nothing more; what was given up goes with it."""
    await app.subscriptions.remove(by, ident)


@router.post("/{ident}/secret", response_model=SubscriptionMade, responses=can(403, 404, 409, 422, 503))
async def renew_subscription_secret(ident: Ident, app: UseCases, by: By) -> Response:
    """Sign with another secret from now on; the answer is the only one that shows it."""
    return _secretive(*await app.subscriptions.renew_secret(by, ident))


@router.post("/{ident}/test", responses=can(403, 404, 409, 422, 503))
async def test_subscription(ident: Ident, app: UseCases, by: By) -> OutcomeShown:
    """Send something now that tells of no change, and say what came of it."""
    return _outcome(await app.subscriptions.test(by, ident))


@router.get("/{ident}/deliveries", responses=can(403, 404, 422, 503))
async def list_deliveries(ident: Ident, app: UseCases, by: By) -> OutstandingShown:
    """What the receiver has not taken: what comes next, and what was given up."""
    found = await app.subscriptions.outstanding(by, ident)
    return OutstandingShown(
        waiting=[
            WaitingShown(message=message, kind=change.kind, subject=change.subject, at=when(change.at_us))
            for message, change in found.waiting
        ],
        dead=[
            DeadLetterShown(
                message=letter.id, kind=letter.kind, subject=letter.subject, body=letter.body,
                attempts=letter.attempts, error=letter.error, at=when(letter.at_us),
            )
            for letter in found.dead
        ],
    )  # fmt: skip


@router.post("/{ident}/deliveries/{message}/redeliver", responses=can(403, 404, 409, 422, 503))
async def redeliver(ident: Ident, message: MessageId, app: UseCases, by: By) -> OutcomeShown:
    """Send a message that was given up once more, now; when it is taken it is no dead letter any more."""
    return _outcome(await app.subscriptions.redeliver(by, ident, message))


def _shown(found: SubscriptionDetails) -> SubscriptionShown:
    """A subscription; of its secret no more than whether there is one, and where."""
    one, place = found.subscription, found.subscription.progress
    where = one.filter
    return SubscriptionShown(
        id=one.id, name=one.name, kind=one.kind, to=one.to, owner=found.owner, signed=bool(one.secret),
        reference=one.secret if is_reference(one.secret) else "", status=one.status, attempts=place.attempts,
        next=when(place.next_us) if place.next_us else None, taken=maybe_when(place.taken_us),
        failed=maybe_when(place.failed_us), error=place.error, revision=one.revision, created=when(one.created_us),
        wanted=WantedShown(
            platform=found.platform, kinds=sorted(where.kinds), nouns=sorted(where.nouns), states=sorted(where.states)
        ),
    )  # fmt: skip


def _secretive(found: SubscriptionDetails, secret: str, status: int = 200) -> Response:
    made = SubscriptionMade(**_shown(found).model_dump(), secret=secret)
    return etag.answered(made, router.prefix, status)


def _outcome(found: Outcome) -> OutcomeShown:
    return OutcomeShown(taken=found.taken, status=found.status, error=found.error)
