# SPDX-License-Identifier: Apache-2.0
"""What the outbox asks for: the subscriptions that are its own, what they are told, and how far they have come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from preroll.app import sight
from preroll.domain.changes import Change
from preroll.domain.errors import NotFound
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.subscription import (
    DeadLetter,
    Fate,
    Kind,
    Progress,
    Status,
    Subscription,
    Verdict,
    after_failure,
)
from preroll.domain.window import SECOND
from preroll.ports.outbox import Message, Outcome
from preroll.ports.store import Store, Tx

NOBODY = "its owner has no account (any more), or a disabled one"
BATCH = 200


@dataclass(frozen=True, slots=True)
class Due:
    """What a subscription is to be told next."""

    changes: Sequence[Change]
    """In order; those that its filter lets pass, and its owner may see."""
    position: str
    """How far the change log was looked through: never further than a change of the subscription itself."""
    looked: int
    """At how many changes."""
    platforms: Mapping[int, str]
    """Key -> name."""
    names: Mapping[str, str]
    """Id -> name, of the bookings among them; only for letters."""
    changed: bool = False
    """Somebody has changed the subscription there: what comes after it is for the subscription as it is then."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message, and what it tells of."""

    message: Message
    change: Change
    """The first of them."""
    position: str
    """Of the last of them."""


class Deliveries:
    """The engine's side of subscriptions. Each is moved on by one process at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claimable(self, holder: str, kinds: Set[Kind]) -> set[tuple[int, int]]:
        """Key and revision of each that ``claim`` would answer; nothing is written."""
        return await self._store.read(lambda tx: tx.subscriptions.claimable(holder, kinds))

    async def claim(self, holder: str, kinds: Set[Kind], lease_us: int) -> list[Subscription]:
        """Those of these kinds that this process delivers for the length of a lease."""
        return await self._store.write(lambda tx: tx.subscriptions.claim(holder, kinds, lease_us))

    async def release(self, holder: str | None) -> None:
        """This process delivers nothing more; None: there is no other process, and those that were are gone."""
        await self._store.write(lambda tx: tx.subscriptions.release(holder))

    async def wait(self, after: str, seconds: float) -> None:
        """Return when there is a change after the position, or after so long."""
        await self._store.feed.coming(after, seconds, 1, lambda _, found: found)

    async def tail(self) -> str:
        """The position of the newest change."""
        return await self._store.feed.tail()

    async def due(self, subscription: Subscription) -> Due:
        """What comes next for a subscription; it is told no more than its owner may see now.

        Raises:
            NotFound: its owner has no account any more, or a disabled one.
        """
        after = subscription.progress.cursor
        found = up_to_its_change(subscription, await self._store.feed.read(after, BATCH))
        position = found[-1].position if found else after

        def query(tx: Tx) -> Due:
            seen = told(tx, subscription, found)
            named = tx.bookings.several({c.subject for c in seen}) if subscription.kind is Kind.MAIL else ()
            platforms = {p.key: p.name for p in tx.platforms.all()} if seen else {}
            changed = bool(found) and _is_change_of(subscription, found[-1])
            return Due(seen, position, len(found), platforms, {one.id: one.name for one in named}, changed)

        return await self._store.read(query)

    async def reached(
        self, subscription: Subscription, holder: str, position: str, *, taken: bool, pause_us: int = 0
    ) -> Subscription | None:
        """Everything up to a position is dealt with; None: it is not this process's any more.

        Args:
            taken: the receiver took something of it.
            pause_us: how long the receiver is left alone then.
        """

        def unit(tx: Tx) -> Subscription | None:
            before = subscription.progress
            next_us = tx.now + pause_us if taken and pause_us else before.next_us
            progress = Progress(position, 0, next_us, tx.now if taken else before.taken_us, before.failed_us)
            return _moved(tx, subscription, holder, Status.ACTIVE, progress)

        return await self._store.write(unit)

    async def failed(
        self, subscription: Subscription, holder: str, parcel: Parcel, outcome: Outcome
    ) -> tuple[Subscription | None, Verdict]:
        """The next message was not taken: it waits, is given up and kept, or the subscription is paused.

        Args:
            subscription: as it is now.
            holder: this process.
            parcel: what was sent.
            outcome: what came of it.
        """
        before = subscription.progress
        attempts = before.attempts + 1
        verdict = after_failure(attempts, outcome.status, round(outcome.retry_after_s * SECOND))

        def unit(tx: Tx) -> Subscription | None:
            progress = replace(
                before, attempts=attempts, next_us=tx.now + verdict.wait_us, failed_us=tx.now, error=outcome.error
            )
            if verdict.fate is Fate.DEAD:
                progress = replace(progress, cursor=parcel.position, attempts=0, next_us=0)
            state = Status.PAUSED if verdict.fate is Fate.STOP else Status.FAILING
            moved = _moved(tx, subscription, holder, state, progress)
            if moved is not None and verdict.fate is Fate.DEAD:
                tx.subscriptions.bury(subscription.key, _letter(parcel, attempts, outcome.error))
            return moved

        return await self._store.write(unit), verdict

    async def pause(self, subscription: Subscription, holder: str, why: str) -> None:
        """Nothing more is sent until somebody resumes it."""
        progress = replace(subscription.progress, error=why)
        await self._store.write(lambda tx: _moved(tx, subscription, holder, Status.PAUSED, progress))


def up_to_its_change(subscription: Subscription, found: Sequence[Change]) -> Sequence[Change]:
    """These, up to the first at which somebody changed the subscription since it was read."""
    for number, change in enumerate(found):
        if _is_change_of(subscription, change):
            return found[: number + 1]
    return found


def _is_change_of(subscription: Subscription, change: Change) -> bool:
    return (
        change.kind == "subscription.changed"
        and change.subject == subscription.id
        and change.revision > subscription.revision
    )


def told(tx: Tx, subscription: Subscription, found: Sequence[Change]) -> list[Change]:
    """What a subscription is told of these: what its filter lets pass, its owner may see, and is not about itself.

    Raises:
        NotFound: its owner has no account (any more), or a disabled one.
    """
    mine = [c for c in found if c.subject != subscription.id and subscription.filter.passes(c)]
    return sight.changes(tx, _owner(tx, subscription), mine)


def _owner(tx: Tx, subscription: Subscription) -> Actor:
    """Who is told: what the owner may do now, narrowed to the token by which the subscription was made.

    Without an owner, whoever uses a server on which nobody has an account.
    """
    if not subscription.owner:
        if tx.accounts.any():
            raise NotFound("user", LOCAL.name, hint=NOBODY)
        return LOCAL
    user = tx.accounts.user(subscription.owner)
    if user.disabled:
        raise NotFound("user", user.name, hint=NOBODY)
    rights = user.rights.within(subscription.bounds)
    return Actor(user.name, rights.roles, rights.on, rights.scopes, user.id, subscription.bounds)


def _letter(parcel: Parcel, attempts: int, error: str) -> DeadLetter:
    change, message = parcel.change, parcel.message
    return DeadLetter(message.id, change.position, change.kind, change.subject, message.body, attempts, error)


def _moved(tx: Tx, subscription: Subscription, holder: str, status: Status, progress: Progress) -> Subscription | None:
    """Store the place; a change of how it does is told in the change log."""
    if not tx.subscriptions.move(subscription.key, holder, status, progress):
        return None
    if status is not subscription.status:
        platform = subscription.filter.platform or 0
        tx.changes.add(
            Change(
                "subscription.state", subscription.id, platform, "engine", subscription.status.value, status.value,
                progress.error,
            )
        )  # fmt: skip
    return replace(subscription, status=status, progress=progress)
