# SPDX-License-Identifier: Apache-2.0
"""The form in which services are ordered, and changed: what is free is looked for while it is filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from preroll.app.availability import NodeAnswer, Question
from preroll.app.order_views import OrderDetails
from preroll.app.orders import NewOrder, OrderEdit, Time
from preroll.app.services import ServiceDetails
from preroll.domain.changes import Change
from preroll.domain.config import AskedTiming
from preroll.domain.errors import Invalid, Mistake, NotFound, Refused, Stale
from preroll.domain.order import LATEST_START, OrderItem, OrderKind, Together
from preroll.domain.permission import may
from preroll.web import order_draft as drafted
from preroll.web import order_items as itemed
from preroll.web import order_items_shown as items_shown
from preroll.web import orders_shown, services_shown
from preroll.web.asked import TAKE
from preroll.web.command import START_US, Ways
from preroll.web.dialog import revision_seen
from preroll.web.draft import RESOURCE, node_field, priority_said
from preroll.web.fields import Field
from preroll.web.frame import Frame, TheFrame
from preroll.web.order_commands import ORDER_COMMANDS
from preroll.web.order_items import ItemForm, ItemShown
from preroll.web.order_items_shown import Shop
from preroll.web.pages import order as order_page
from preroll.web.pages import service as service_page
from preroll.web.pages.booking import Ident
from preroll.web.refusals_shown import Refusal, disputed, refusal_of
from preroll.web.said import Said
from preroll.web.service_commands import SERVICE_COMMANDS
from preroll.web.station_time import Typed, instant, length, typed

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is filled in."""

    frame: Frame
    said: Mapping[str, str]
    path: str
    back: str
    title: str
    shop: Shop
    items: Sequence[ItemForm] = ()
    """Empty: there are more than the form can have; they stay as they are."""
    order: OrderDetails | None = None
    """The order that is edited; None: a new one."""
    service: ServiceDetails | None = None
    """The service that is modified; None: whichever its items say."""

    @property
    def at_us(self) -> int | None:
        """When it is to be deployed; None: now.

        Raises:
            Invalid: that cannot be read.
        """
        given = Typed.of(self.said, "at")
        return instant(given, self.frame.zone, "at") if given.text else None

    @property
    def together(self) -> Together:
        """What becomes of the other items when one fails."""
        word = self.said.get("together", "")
        return Together.BEST_EFFORT if word == Together.BEST_EFFORT.value else Together.ATOMIC

    @property
    def latest_us(self) -> int:
        """How late it may begin.

        Raises:
            Invalid: that is no length of time.
        """
        text = self.said.get("latest_start", "").strip()
        return length(text, "latest_start") if text else LATEST_START

    @property
    def scopes(self) -> tuple[str, ...]:
        """Those of the services that it is about."""
        return tuple(sorted({scope for one in self.items if one.service for scope in one.service.service.scopes}))


@router.get("/orders/new")
async def new(frame: TheFrame, said: Said) -> Response:
    """The form for a new order, with what the address says in it."""
    return await _shown(await _new(frame, said))


@router.post("/orders/new")
async def create(frame: TheFrame, said: Said) -> Response:
    """Order what the form says; or only look what is free for it."""
    return await _ordered(await _new(frame, _taken(said, frame.zone)))


@router.get("/services/{ident}/modify")
async def modify(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """The form with a service in it."""
    return await _shown(await _of_service(frame, ident, said))


@router.post("/services/{ident}/modify")
async def change(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Order that a service becomes what the form says; or only look what is free for it."""
    return await _ordered(await _of_service(frame, ident, _taken(said, frame.zone)))


@router.get("/orders/{ident}/edit")
async def edit(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """The form with an order in it."""
    return await _shown(await _of_order(frame, ident, said))


@router.post("/orders/{ident}/edit")
async def save(frame: TheFrame, ident: Ident, said: Said) -> Response:
    """Change an order to what the form says; or only look what is free for it."""
    form = await _of_order(frame, ident, _taken(said, frame.zone))
    if _looks(said):
        return await _shown(form)
    orders, by = frame.door.app.orders, frame.by
    try:
        edited = OrderEdit(
            name=form.said.get("name", ""), items=itemed.items_of(form.items) if form.items else None,
            together=form.together if "together" in said else None, latest_start_us=form.latest_us,
            external=form.said.get("external", ""), priority=priority_said(form.said),
        )  # fmt: skip
        done = await orders.edit(by, ident, revision_seen(said), edited)
        if said.get("then") == "check":
            done = await orders.check(by, ident, done.order.revision)
    except Refused as refused:
        return await _shown(form, refused)
    return RedirectResponse(f"/orders/{done.order.id}", 303)


async def _shop(frame: Frame) -> Shop:
    proposal = await frame.door.app.proposals.of(frame.by, frame.platform.name, AskedTiming())
    return Shop(frame.door.app, frame.by, frame.zone, frame.platform.key, proposal)


async def _new(frame: Frame, said: Mapping[str, str]) -> Form:
    shop = await _shop(frame)
    if (name := said.get("definition")) and name not in shop.proposal.definitions:
        raise NotFound("service that can be ordered", name)
    path = f"/orders/new?{urlencode({'platform': frame.platform.name})}"
    form = Form(frame, {**drafted.words_of(None), **said}, path, "/orders", "New order", shop)
    return await _with_items(form, said, ())


async def _of_service(frame: Frame, ident: str, said: Mapping[str, str]) -> Form:
    frame, found = await service_page.at_home(frame, ident)
    title, here = f"Modify {found.service.name}", f"/services/{ident}"
    words = {**drafted.words_of(None), "name": title[:200], **said}
    form = Form(frame, words, f"{here}/modify", here, title, await _shop(frame), service=found)
    return await _with_items(form, said, (OrderItem(itemed.ALL, OrderKind.MODIFY, ident),))


async def _of_order(frame: Frame, ident: str, said: Mapping[str, str]) -> Form:
    frame, found = await order_page.at_home(frame, ident)
    here, words = f"/orders/{ident}", {**drafted.words_of(found.order), **said}
    title = f"Edit {found.order.name}"
    form = Form(frame, words, f"{here}/edit", here, title, await _shop(frame), order=found)
    return form if len(found.order.items) > itemed.MOST else await _with_items(form, said, found.order.items)


async def _with_items(form: Form, said: Mapping[str, str], stored: Sequence[OrderItem]) -> Form:
    """The form with its items, each begun from what is stored of it."""
    app, by, order = form.frame.door.app, form.frame.by, form.order
    names = (await app.ordered.names_in_order(by, order.order.id)).resources if order else {}
    begun = {str(place): item for place, item in enumerate(stored, 1)}
    found = [
        await items_shown.item_form(
            form.shop, said, place, begun.get(place), fixed=form.service is not None and place == itemed.FIRST,
            order_names=names,
        )
        for place in itemed.places(said, len(stored) or 1)
    ]  # fmt: skip
    items = items_shown.among_themselves(found, asked=itemed.ITEMS in said)
    words = {name: word for name, word in form.said.items() if name not in (itemed.ADD, itemed.DROP)}
    return replace(form, items=items, said={**words, **items_shown.words_of_items(items)})


async def _ordered(form: Form) -> Response:
    """The new order's page: with its plan under way, or deployed, or why it could not be."""
    frame, said = form.frame, form.said
    if _looks(said):
        return await _shown(form)
    orders, by = frame.door.app.orders, frame.by
    try:
        at = form.at_us
        new = NewOrder(
            frame.platform.name, said.get("name", ""), itemed.items_of(form.items), form.together,
            latest_start_us=form.latest_us, priority=priority_said(said), external=said.get("external", "").strip(),
            scopes=form.scopes,
        )  # fmt: skip
        made = await orders.create(by, new)
    except Refused as refused:
        return await _shown(form, refused)
    ident = made.order.id
    try:
        match said.get("then"):
            case "check":
                await orders.check(by, ident, made.order.revision)
            case "deploy":
                await orders.schedule(by, ident, made.order.revision, Time(at))
    except Refused as refused:
        title = refusal_of(refused, ()).title
        dispute = disputed(refused, {}, Ways.NONE, frame.may)
        told = replace(refusal_of(refused, (), dispute), title=f"Ordered, but not deployed: {title}")
        return await order_page.details(frame, await orders.get(by, ident), told)
    return RedirectResponse(f"/orders/{ident}", 303)


async def _shown(form: Form, refused: Refused | None = None) -> Response:
    frame, app = form.frame, form.frame.door.app
    if refused is not None and form.order is not None:
        form = replace(form, order=await app.orders.get(frame.by, form.order.order.id))
    items, mistaken = await _items(form)
    fields = drafted.fields(form.said, frame.zone, timed=form.order is None, several=len(form.items) > 1)
    refusal = await _refusal(form, refused or mistaken, _known(fields, items))
    values: dict[str, Any] = {
        "said": form.said, "order": form.order.order if form.order else None, "path": form.path, "items": items,
        "back": form.back, "title": form.title, "fields": fields, "refused": refusal, "why_not": _why_not(form),
        "looked": refused is None, "all_the_same": isinstance(refused, Stale), "most": itemed.MOST,
    }  # fmt: skip
    status = refusal.status if refused and refusal else 200
    if frame.partial:
        return frame.part("_order_form.html", status, **values)
    return frame.page("order_form.html", status, **values)


async def _items(form: Form) -> tuple[Sequence[ItemShown], Refused | None]:
    """The items with what there is for each of their nodes, and what keeps one from knowing."""
    services, found = await form.shop.services(), list[ItemShown]()
    mistaken: Refused | None = None
    for one in form.items:
        answers, wrong = await _answers(form, one)
        mistaken = mistaken or wrong
        found.append(await items_shown.item_shown(form.shop, one, form.items, services, answers))
    return found, mistaken


def _known(fields: Sequence[Field], items: Sequence[ItemShown]) -> set[str]:
    """The names of all fields."""
    known = {one.name for one in fields}
    for item in items:
        known |= {item.prefix + itemed.ALL, item.prefix + itemed.NEED_NEW, *(one.name for one in item.fields)}
        known |= {one.name for row in item.rows for one in (row.resource, row.profile, *row.values) if one}
    return known


async def _answers(form: Form, item: ItemForm) -> tuple[Mapping[str, NodeAnswer], Refused | None]:
    """What there is for each node of an item from its time on, and what keeps one from knowing."""
    draft, frame = item.draft, form.frame
    if draft is None or draft.definition is None:
        return {}, None
    try:
        asked = AskedTiming(form.at_us, permanent=True, pre_roll=0)
        wanted = draft.wanted
    except Invalid as mistaken:
        return {}, Invalid([_at_field(mistake, item) for mistake in mistaken.mistakes])
    proposal = await frame.door.app.proposals.of(frame.by, frame.platform.name, asked)
    question = Question(
        proposal.timing, frame.platform.name, draft.definition.name, draft.definition.version, wanted,
        explain=True, ignore=item.service.service.id if item.service else "",
    )  # fmt: skip
    try:
        return await frame.door.app.availability.eligible(frame.by, question), None
    except Invalid as mistaken:
        return {}, Invalid([_at_field(mistake, item) for mistake in mistaken.mistakes])


def _at_field(mistake: Mistake, item: ItemForm) -> Mistake:
    where = mistake.where if mistake.where == "at" else item.prefix + node_field(mistake.where)
    return replace(mistake, where=where)


async def _refusal(form: Form, refused: Refused | None, known: set[str]) -> Refusal | None:
    if refused is None:
        return None
    told = itemed.beside(refused, form.items, known) if isinstance(refused, Invalid) else refused
    history: Sequence[Change] = ()
    if isinstance(refused, Stale) and form.order is not None:
        history = await form.frame.door.app.orders.history(form.frame.by, form.order.order.id)
    return refusal_of(told, known, None, history)


def _why_not(form: Form) -> str:
    frame = form.frame
    if form.order is not None:
        return orders_shown.why_not(form.order, ORDER_COMMANDS["edit"], frame.by.name, frame.may)
    if form.service is not None:
        return services_shown.why_not(form.service, SERVICE_COMMANDS["modify"], frame.may)
    return "" if frame.may("order.create") else f"it needs the role {' or '.join(may('order.create'))}"


def _looks(said: Mapping[str, str]) -> bool:
    """Is the form only to be shown anew?"""
    return any(said.get(name) for name in ("look", itemed.ADD, itemed.DROP))


def _taken(said: Mapping[str, str], zone: str) -> Mapping[str, str]:
    """What a form says, with a way out of a conflict in the fields that it is about."""
    words = {name: word for name, word in said.items() if name != START_US}
    for place in itemed.places(said):
        prefix = itemed.prefix_of(place)
        for name in [name for name in words if name.startswith(prefix + TAKE)]:
            words[prefix + RESOURCE + name.removeprefix(prefix + TAKE)] = words.pop(name)
    start = said.get(START_US, "")
    if not start.isdecimal() or len(start) >= len(str(2**62)):
        return words
    given = typed(int(start), zone)
    return {**words, "at": given.text, "at.which": given.which}
