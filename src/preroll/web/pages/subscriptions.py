# SPDX-License-Identifier: Apache-2.0
"""Subscriptions: who is told of what; made, tried, changed, paused and ended, and what was given up sent again."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi.responses import RedirectResponse

from preroll.app.subscriptions import SubscriptionEdit
from preroll.domain.errors import NotFound, Refused
from preroll.domain.permission import Role
from preroll.ports.outbox import Outcome
from preroll.web import subscriptions_shown as shown
from preroll.web.dialog import revision_seen
from preroll.web.fields import require
from preroll.web.frame import Frame, TheFrame
from preroll.web.refusals_shown import Refusal, refusal_of
from preroll.web.said import Said

router = APIRouter(prefix="/subscriptions")

Ident = Annotated[str, Path(max_length=64)]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of what was just asked."""

    done: str = ""
    """In words; empty: nothing was asked."""
    secret: str = ""
    """Of a webhook; shown this once."""
    outcome: Outcome | None = None
    """Of something that was sent."""
    refused: Refusal | None = None
    said: Said = field(default_factory=dict)


NOTHING = Came()


@router.get("")
async def subscriptions(frame: TheFrame) -> Response:
    """One's own subscriptions; for an admin everywhere, everybody's."""
    found = await frame.door.app.subscriptions.list(frame.by, everybody=_everybody(frame))
    rows = [(one, shown.what(one), shown.how(one)) for one in found]
    return frame.page("subscriptions.html", rows=rows, everybody=_everybody(frame), creates=_creates(frame))


@router.get("/new")
async def new(frame: TheFrame) -> Response:
    """A form for one more."""
    return _form(frame, {})


@router.post("")
async def create(frame: TheFrame, said: Said) -> Response:
    """Tell somebody from now on; the answer is the only page that shows the secret."""
    try:
        require(_fields(frame), said)
        made, secret = await frame.door.app.subscriptions.create(frame.by, shown.new(said))
    except Refused as refused:
        return _form(frame, said, refused)
    return await _page(frame, made.subscription.id, Came("It is made, and told from now on.", secret))


@router.get("/{ident}")
async def subscription(frame: TheFrame, ident: Ident) -> Response:
    """One subscription, how it does, and what was not taken."""
    return await _page(frame, ident)


@router.post("/{ident}")
async def act(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Do something with it."""
    word, _, which = said.get("do", "").partition(" ")
    doing = DOINGS.get(word)
    if doing is None:
        raise NotFound("action", word)
    try:
        came = await doing(frame, ident, {**said, "message": which})
    except Refused as refused:
        told = refusal_of(shown.beside(refused), {one.name for one in _fields(frame)})
        came = Came(refused=told, said=said if word == "save" else {})
    if word == "remove" and came.refused is None:
        return RedirectResponse("/subscriptions", 303)
    return await _page(frame, ident, came)


async def _save(frame: Frame, ident: str, said: Said) -> Came:
    await frame.door.app.subscriptions.change(frame.by, ident, revision_seen(said), shown.edit(said))
    return Came("It is saved, and tried at once.")


async def _pause(frame: Frame, ident: str, said: Said) -> Came:
    pause = said["do"] == "pause"
    await frame.door.app.subscriptions.change(frame.by, ident, revision_seen(said), SubscriptionEdit(paused=pause))
    return Came("It is paused." if pause else "It goes on; what has happened meanwhile is told now.")


async def _secret(frame: Frame, ident: str, _: Said) -> Came:
    secret = (await frame.door.app.subscriptions.renew_secret(frame.by, ident))[1]
    return Came("It is signed with another secret from now on.", secret)


async def _test(frame: Frame, ident: str, _: Said) -> Came:
    return Came("A test was sent.", outcome=await frame.door.app.subscriptions.test(frame.by, ident))


async def _redeliver(frame: Frame, ident: str, said: Said) -> Came:
    outcome = await frame.door.app.subscriptions.redeliver(frame.by, ident, said["message"])
    return Came("It was sent again.", outcome=outcome)


async def _remove(frame: Frame, ident: str, _: Said) -> Came:
    await frame.door.app.subscriptions.remove(frame.by, ident)
    return NOTHING


# fmt: off
DOINGS: Mapping[str, Callable[[Frame, str, Said], Coroutine[Any, Any, Came]]] = {
    # button      what it does
    "save":       _save,
    "pause":      _pause,
    "resume":     _pause,
    "secret":     _secret,
    "test":       _test,
    "redeliver":  _redeliver,
    "remove":     _remove,
}
# fmt: on


def _everybody(frame: Frame) -> bool:
    return Role.ADMIN in frame.by.roles


def _creates(frame: Frame) -> bool:
    return _everybody(frame) or any(
        frame.by.roles_on(one.key) & {Role.OPERATOR, Role.PROVISIONER, Role.DESIGNER} for one in frame.platforms
    )


def _fields(frame: Frame) -> list[Any]:
    return shown.fields([one.name for one in frame.platforms], names_owner=_everybody(frame))


def _form(frame: Frame, said: Said, refused: Refused | None = None) -> Response:
    asked = _fields(frame)
    told = refusal_of(shown.beside(refused), {one.name for one in asked}) if refused else None
    values: dict[str, Any] = {"fields": asked, "said": said, "refused": told}
    return frame.page("subscription_new.html", told.status if told else 200, **values)


async def _page(frame: Frame, ident: str, came: Came = NOTHING) -> Response:
    """The page of a subscription, with what came of what was just asked."""
    found = await frame.door.app.subscriptions.get(frame.by, ident)
    open_ = await frame.door.app.subscriptions.outstanding(frame.by, ident)
    values: dict[str, Any] = {
        "found": found, "one": found.subscription, "what": shown.what(found), "how": shown.how(found), "came": came,
        "open": open_, "fields": shown.fields([one.name for one in frame.platforms], found),
    }  # fmt: skip
    return frame.page("subscription.html", came.refused.status if came.refused else 200, **values)
