# SPDX-License-Identifier: Apache-2.0
"""What is said of changes: a webhook for each, and one letter for all that has happened since the last one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from preroll.app.deliveries import Due, Parcel
from preroll.domain.changes import Change
from preroll.domain.subscription import Kind, Subscription, message_id, noun_of, state_after
from preroll.ports.outbox import Message

TEST = "subscription.test"
"""The type of a message that tells of no change."""


def webhooks(subscription: Subscription, due: Due) -> Sequence[Parcel]:
    """One webhook for each change."""
    return [
        Parcel(
            Message(message_id(subscription.id, change), body_of(change, due.platforms.get(change.platform, ""))),
            change, change.position,
        )
        for change in due.changes
    ]  # fmt: skip


def letters(subscription: Subscription, due: Due) -> Sequence[Parcel]:
    """One letter for all of them; its id is that of the first, so that a repeat has it too."""
    if not due.changes:
        return []
    first, many = due.changes[0], len(due.changes)
    about = _line(first, due) if many == 1 else f"{many} changes"
    text = [f"Preroll: {about}", "", *(f"{written(c.at_us)}  {_line(c, due)}" for c in due.changes)]
    text += ["", f'This is what the subscription "{subscription.name}" asks for.']
    return [Parcel(Message(message_id(subscription.id, first), "\n".join(text)), first, due.position)]


def a_test(subscription: Subscription, ident: str, at_us: int) -> Message:
    """Something that tells of no change."""
    if subscription.kind is Kind.MAIL:
        text = f'Preroll: a test\n\nThe subscription "{subscription.name}" reaches you.'
        return Message(ident, text)
    change = Change(TEST, subscription.id, 0, "", revision=subscription.revision, at_us=at_us)
    return Message(ident, body_of(change, ""))


def body_of(change: Change, platform: str) -> str:
    """What a webhook says: ids and states. Who wants to know more asks the API, with rights of its own."""
    data = {
        "id": change.subject, "noun": noun_of(change), "platform": platform, "revision": change.revision,
        "state": state_after(change), "position": change.position,
    }  # fmt: skip
    return msgspec.json.encode({"type": change.kind, "timestamp": written(change.at_us), "data": data}).decode()


def written(instant_us: int) -> str:
    """An instant as ISO 8601, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)).isoformat().replace("+00:00", "Z")


def _line(change: Change, due: Due) -> str:
    what = " -> ".join(part for part in (change.before, change.after) if part)
    parts = [change.kind, f'"{due.names[change.subject]}"' if change.subject in due.names else change.subject, what]
    parts += [f"by {change.actor}", f"on {due.platforms[change.platform]}" if change.platform in due.platforms else ""]
    parts.append(f"({change.why})" if change.why else "")
    return " ".join(" ".join(parts).split())
