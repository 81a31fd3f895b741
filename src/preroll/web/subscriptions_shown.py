# SPDX-License-Identifier: Apache-2.0
"""Subscriptions as the page shows them, and what its forms say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from preroll.app.subscriptions import NewSubscription, SubscriptionDetails, SubscriptionEdit, Wanted
from preroll.domain.errors import Invalid, Mistake, Refused
from preroll.domain.subscription import Kind as Way
from preroll.domain.subscription import Status
from preroll.web.fields import Field, Kind, Option

WAYS = {Way.WEBHOOK: "webhook: a signed message for each change", Way.MAIL: "mail: letters with what has happened"}
WITHIN = re.compile(r"wanted\.(\w+)\.\d+")


def what(found: SubscriptionDetails) -> str:
    """Which changes somebody is told of, in words."""
    where = found.subscription.filter
    parts = [", ".join(sorted(part)) for part in (where.kinds, where.nouns, where.states) if part]
    on = f" on {found.platform}" if found.platform else ""
    return (" · ".join(parts) or "everything") + on


def how(found: SubscriptionDetails) -> str:
    """How it does, in a word."""
    one = found.subscription
    return one.status.value if one.status is not Status.ACTIVE or one.progress.taken_us else "nothing sent yet"


def fields(
    platforms: Iterable[str], found: SubscriptionDetails | None = None, *, names_owner: bool = False
) -> list[Field]:
    """What is asked: of a new one all, of one that is there what can be changed."""
    one = found.subscription if found else None
    where = one.filter if one else None
    made = [
        Field("name", "Who is told", value=one.name if one else "", about="A name for it, such as control room."),
        Field("to", "Where", value=one.to if one else "", about="A URL, or mail addresses with commas."),
        Field("platform", "Platform", Kind.CHOICE, needed=False, value=found.platform if found else "",
              options=[Option("", "every platform that its owner sees"), *(Option(name, name) for name in platforms)]),
        Field("kinds", "Changes", needed=False, value=_joined(where.kinds if where else ()),
              about="Such as booking.state, order.state; with commas. Empty: all."),
        Field("nouns", "About", needed=False, value=_joined(where.nouns if where else ()),
              about="Such as booking, order, resource. Empty: whatever."),
        Field("states", "Entering", needed=False, value=_joined(where.states if where else ()),
              about="Such as Failed, Quarantined. Empty: changes that tell of no state as well."),
    ]  # fmt: skip
    if one is None:
        made.insert(
            1, Field("kind", "How", Kind.CHOICE, options=[Option(way.value, text) for way, text in WAYS.items()])
        )
        made.append(
            Field("secret", "Secret", needed=False, about="Signs a webhook. Empty: one is made, and shown once.")
        )
    if names_owner:
        made.append(
            Field("owner", "Owner", needed=False, about="Who is told no more than this person may see. Empty: you.")
        )
    return made


def _joined(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))


def wanted(said: Mapping[str, str]) -> Wanted:
    """Which changes a form asks for."""

    def words(name: str) -> list[str]:
        return [word.strip() for word in said.get(name, "").split(",") if word.strip()]

    return Wanted(said.get("platform", ""), words("kinds"), words("nouns"), words("states"))


def new(said: Mapping[str, str]) -> NewSubscription:
    """A new one, as a form says it."""
    way = Way.MAIL if said.get("kind") == Way.MAIL.value else Way.WEBHOOK
    name, to, secret = (said.get(word, "").strip() for word in ("name", "to", "secret"))
    return NewSubscription(name, way, to, wanted(said), secret, said.get("owner", "").strip())


def edit(said: Mapping[str, str]) -> SubscriptionEdit:
    """What a form changes."""
    return SubscriptionEdit(said.get("name", "").strip(), said.get("to", "").strip(), wanted(said))


def beside(refused: Refused) -> Refused:
    """The same refusal, whose mistakes stand at the fields of the form."""
    if not isinstance(refused, Invalid):
        return refused
    found: Sequence[Mistake] = [Mistake(WITHIN.sub(r"\1", m.where), m.what, m.expected) for m in refused.mistakes]
    return Invalid(found)
