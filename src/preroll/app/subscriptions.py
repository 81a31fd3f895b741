# SPDX-License-Identifier: Apache-2.0
"""Subscriptions, for those who are told: make, try, change and end them, and send again what was given up.

Each belongs to a person, and tells no more than that person may see at the time. One that is made while nobody has an
account belongs to whoever uses the server; the first account ends it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from secrets import token_bytes

from preroll.app import sight
from preroll.app.deliveries import BATCH, told
from preroll.app.users import EVERYWHERE
from preroll.domain.changes import Change
from preroll.domain.errors import Invalid, Mistake, NotFound, NotPermitted, Refused, require_seen
from preroll.domain.outward import Network
from preroll.domain.permission import LOCAL, Actor, permit
from preroll.domain.subscription import (
    SIGNING,
    DeadLetter,
    Filter,
    Kind,
    Progress,
    Status,
    Subscription,
    address_mistakes,
    is_reference,
    is_secret,
    message_id,
)
from preroll.ports.outbox import Message, Outbox, Outcome
from preroll.ports.store import Store, Tx

MOST = 100
"""Subscriptions of one person: each follows the change log on its own."""
SECRET_BYTES = 32
"""Random bytes of a secret that is made here; Standard Webhooks asks for 24 to 64."""
WORD = re.compile(r"[a-z]+([-_][a-z]+)*", re.ASCII)
KIND_OF_CHANGE = re.compile(rf"{WORD.pattern}(\.{WORD.pattern})+", re.ASCII)


class NoOutbox:
    """Of a process that sends nothing."""

    kinds: Set[Kind] = frozenset()

    async def test(self, subscription: Subscription) -> Outcome:  # noqa: ARG002 - the port's
        raise Refused("this process sends nothing", hint="ask the server")

    async def send(self, subscription: Subscription, message: Message) -> Outcome:  # noqa: ARG002 - the port's
        raise Refused("this process sends nothing", hint="ask the server")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes somebody wants to be told of; an empty part lets all pass."""

    platform: str = ""
    kinds: Collection[str] = ()
    nouns: Collection[str] = ()
    states: Collection[str] = ()
    events: Collection[str] = ()
    """Of a hub: published names of events."""


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """Who is to be told of what, and where."""

    name: str
    kind: Kind
    to: str
    wanted: Wanted = Wanted()
    secret: str = ""
    """Of a webhook: a secret of one's own, or a reference; empty: one is made."""
    owner: str = ""
    """Id or name; empty: who asks."""


@dataclass(frozen=True, slots=True)
class SubscriptionEdit:
    """What is to change; None leaves a thing alone."""

    name: str | None = None
    to: str | None = None
    wanted: Wanted | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionDetails:
    """A subscription, its owner's name, and its platform's."""

    subscription: Subscription
    owner: str
    platform: str


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What a subscription has not taken."""

    waiting: Sequence[tuple[str, Change]]
    """Message and change: what comes next, as far as the next changes of the log tell."""
    dead: Sequence[DeadLetter]
    """What was given up, oldest first."""


def new_secret() -> str:
    """A signing secret that nobody can guess."""
    return SIGNING + b64encode(token_bytes(SECRET_BYTES)).decode()


class Subscriptions:
    """Of oneself; with the role admin everywhere also those of others. What is not in sight is not there.

    Args:
        outbox: sends tests, and what was given up.
        allowed: networks that are not public, to which webhooks may go all the same.
    """

    def __init__(self, store: Store, outbox: Outbox, allowed: Sequence[Network] = ()) -> None:
        self._store, self._outbox, self._allowed = store, outbox, allowed

    async def list(self, by: Actor, *, everybody: bool = False) -> list[SubscriptionDetails]:
        """One's own, or everybody's, by owner and name."""

        def query(tx: Tx) -> list[SubscriptionDetails]:
            if everybody:
                permit(by, "subscription.view")
                return [_details(tx, found) for found in tx.subscriptions.all()]
            return [_details(tx, found) for found in tx.subscriptions.all(by.user) if _is_own(by, found)]

        return await self._store.read(query)

    async def get(self, by: Actor, ident: str) -> SubscriptionDetails:
        """Raises NotFound."""
        return await self._store.read(lambda tx: _details(tx, _mine(tx, by, ident, "subscription.view")))

    async def create(self, by: Actor, new: NewSubscription) -> tuple[SubscriptionDetails, str]:
        """Tell somebody from now on; also returns the secret of a webhook, which is shown here and never again.

        Raises:
            Invalid: every mistake. NameInUse: its owner has one of that name. Refused: its owner has too many.
            NotPermitted. NotFound.
        """
        tail = await self._store.feed.tail()
        secret = new.secret or new_secret() if new.kind is Kind.WEBHOOK else ""

        def unit(tx: Tx) -> SubscriptionDetails:
            owner, name = _owner(tx, by, new.owner)
            where = _filter(tx, by, new.wanted)
            permit(by, "subscription.create", where.platform)
            self._require_sound(new)
            if is_reference(secret):
                permit(by, "subscription.refer")
            if len(tx.subscriptions.all(owner)) >= MOST:
                raise Refused(f"{name} has {MOST} subscriptions", hint="end one that nobody needs any more")
            subscription = Subscription(
                new.name.strip(), new.kind, new.to, where, secret, owner, by.bounds, progress=Progress(tail),
                created_by=by.name,
            )  # fmt: skip
            added = tx.subscriptions.add(subscription)
            _tell(tx, by, "subscription.created", added)
            return _details(tx, added)

        made = await self._store.write(unit)
        return made, "" if is_reference(secret) else secret

    async def change(self, by: Actor, ident: str, seen: int | None, edit: SubscriptionEdit) -> SubscriptionDetails:
        """Change it, pause it or let it go on; a changed one is tried at once.

        Raises:
            Invalid: every mistake. NameInUse. Stale. NotFound.
        """

        def unit(tx: Tx) -> SubscriptionDetails:
            before = _mine(tx, by, ident)
            require_seen(f"subscription {before.name}", seen, before.revision)
            after = _edited(before, edit, before.filter if edit.wanted is None else _filter(tx, by, edit.wanted))
            if after == before:
                return _details(tx, before)
            permit(by, "subscription.create", after.filter.platform)
            self._require_sound(NewSubscription(after.name, after.kind, after.to, secret=after.secret))
            return _details(tx, _put(tx, by, after))

        return await self._store.write(unit)

    async def renew_secret(self, by: Actor, ident: str) -> tuple[SubscriptionDetails, str]:
        """Sign with another secret from now on; it is shown here and never again.

        Raises:
            Refused: letters are not signed. NotFound.
        """
        secret = new_secret()

        def unit(tx: Tx) -> SubscriptionDetails:
            before = _mine(tx, by, ident)
            if before.kind is not Kind.WEBHOOK:
                raise Refused("letters and hubs are not signed", hint="only webhooks have a secret")
            return _details(tx, _put(tx, by, replace(before, secret=secret)))

        return await self._store.write(unit), secret

    async def remove(self, by: Actor, ident: str) -> None:
        """Tell nothing more; what was given up goes with it.

        Raises:
            NotFound.
        """

        def unit(tx: Tx) -> None:
            found = _mine(tx, by, ident)
            tx.subscriptions.remove(found.key)
            _tell(tx, by, "subscription.removed", found)

        await self._store.write(unit)

    async def test(self, by: Actor, ident: str) -> Outcome:
        """Send something now that tells of no change; how the subscription does is left alone.

        Raises:
            NotFound. Refused: this process does not send such messages.
        """
        found = await self._store.read(lambda tx: _mine(tx, by, ident))
        self._require_way(found.kind)
        if found.kind is Kind.TMF:
            raise Refused("a hub has no test", hint="its listener knows events of orders and services alone")
        return await self._outbox.test(found)

    async def outstanding(self, by: Actor, ident: str) -> Outstanding:
        """What comes next, and what was given up.

        Raises:
            NotFound.
        """
        found = await self._store.read(lambda tx: _mine(tx, by, ident, "subscription.view"))
        changes = await self._store.feed.read(found.progress.cursor, BATCH)

        def query(tx: Tx) -> Outstanding:
            try:
                waiting = [(message_id(found.id, change), change) for change in told(tx, found, changes)]
            except NotFound:  # its owner is gone: nothing is told
                waiting = []
            return Outstanding(waiting, tx.subscriptions.letters(found.key))

        return await self._store.read(query)

    async def redeliver(self, by: Actor, ident: str, message: str) -> Outcome:
        """Send a message that was given up once more, now; when it is taken it is no dead letter any more.

        Raises:
            NotFound. Refused: this process does not send such messages.
        """

        def query(tx: Tx) -> tuple[Subscription, DeadLetter]:
            found = _mine(tx, by, ident)
            for letter in tx.subscriptions.letters(found.key):
                if letter.id == message:
                    return found, letter
            raise NotFound("dead letter", message)

        found, letter = await self._store.read(query)
        self._require_way(found.kind)
        outcome = await self._outbox.send(found, Message(letter.id, letter.body))
        if outcome.taken:
            await self._store.write(lambda tx: tx.subscriptions.unbury(found.key, letter.id))
        return outcome

    def _require_way(self, kind: Kind) -> None:
        if kind not in self._outbox.kinds:
            raise Refused(f"this process sends nothing by {kind.value}", hint="look at its setting mail_server")

    def _require_sound(self, new: NewSubscription) -> None:
        """Refuse what could never be told."""
        mistakes = address_mistakes(new.kind, new.to, self._allowed)
        if not new.name.strip() or len(new.name) > 100:
            mistakes.append(Mistake("name", "is empty or too long", "1 to 100 characters: who is told"))
        if new.kind is not Kind.WEBHOOK and new.secret:
            mistakes.append(Mistake("secret", "is given", "none: only webhooks are signed"))
        elif new.secret and not is_reference(new.secret) and not is_secret(new.secret):
            expected = "24 to 64 bytes in base64 after whsec_, a reference such as env:NAME, or nothing: one is made"
            mistakes.append(Mistake("secret", "is no signing secret", expected))
        if new.kind not in self._outbox.kinds:
            kinds = ", ".join(sorted(self._outbox.kinds)) or "nothing"
            mistakes.append(Mistake("kind", f"is {new.kind.value}, for which this server has no way", kinds))
        if mistakes:
            raise Invalid(mistakes)


def _mine(tx: Tx, by: Actor, ident: str, action: str = "subscription.change") -> Subscription:
    """A subscription of the actor's own, or of anybody's for who may do that."""
    found = tx.subscriptions.get(ident)
    if not _is_own(by, found):
        try:
            permit(by, action)
        except NotPermitted:
            raise NotFound("subscription", ident) from None
    return found


def _is_own(by: Actor, found: Subscription) -> bool:
    """Is it the actor's, and does it tell no more than the actor's token may see?"""
    return found.owner == by.user and found.bounds.within(by.bounds) == found.bounds


def _owner(tx: Tx, by: Actor, named: str) -> tuple[str, str]:
    """Id and name; without an id, whoever uses a server on which nobody has an account: as long as that is so."""
    if not named and not by.user:
        if tx.accounts.any():
            raise NotPermitted(
                f"{by.name} has no account, and a subscription tells no more than its owner may see",
                hint="name its owner",
            )
        return by.user, by.name
    owner = tx.accounts.user(named or by.user)
    if owner.id != by.user:
        permit(by, "subscription.change")
    return owner.id, owner.name


def _filter(tx: Tx, by: Actor, wanted: Wanted) -> Filter:
    platform = sight.platform(tx, by, wanted.platform).key if wanted.platform else None
    mistakes = [
        Mistake(f"wanted.{field}.{index}", f"is {word[:50]!r}", expected)
        for field, words, form, expected in (
            ("kinds", wanted.kinds, KIND_OF_CHANGE, "a kind of change such as booking.state"),
            ("nouns", wanted.nouns, WORD, "what changes are about, such as booking"),
        )
        for index, word in enumerate(words)
        if not form.fullmatch(word)
    ]
    if mistakes:
        raise Invalid(mistakes)
    return Filter(
        platform, frozenset(wanted.kinds), frozenset(wanted.nouns), frozenset(wanted.states), frozenset(wanted.events)
    )


def _edited(before: Subscription, edit: SubscriptionEdit, where: Filter) -> Subscription:
    status = before.status
    if edit.paused is not None and edit.paused != (status is Status.PAUSED):
        status = Status.PAUSED if edit.paused else Status.ACTIVE
    name = before.name if edit.name is None else edit.name.strip()
    return replace(before, name=name, to=before.to if edit.to is None else edit.to, filter=where, status=status)


def _put(tx: Tx, by: Actor, after: Subscription) -> Subscription:
    stored = tx.subscriptions.put(after)
    _tell(tx, by, "subscription.changed", stored)
    return stored


def _tell(tx: Tx, by: Actor, kind: str, found: Subscription) -> None:
    platform = found.filter.platform or EVERYWHERE
    tx.changes.add(Change(kind, found.id, platform, by.name, after=found.name, revision=found.revision))


def _details(tx: Tx, found: Subscription) -> SubscriptionDetails:
    names = {platform.key: platform.name for platform in tx.platforms.all()}
    return SubscriptionDetails(found, _name_of(tx, found.owner), names.get(found.filter.platform or 0, ""))


def _name_of(tx: Tx, owner: str) -> str:
    if not owner:
        return LOCAL.name
    try:
        return tx.accounts.user(owner).name
    except NotFound:
        return ""
