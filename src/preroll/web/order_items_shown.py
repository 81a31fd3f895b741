# SPDX-License-Identifier: Apache-2.0
"""The items of an order's form: each read from what there is, and shown with what could be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from preroll.app import App
from preroll.app.availability import NodeAnswer
from preroll.app.proposals import Proposal
from preroll.app.services import ServiceDetails
from preroll.domain.errors import NotFound
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.permission import Actor
from preroll.domain.service import START, STOP
from preroll.domain.service_instance import EXISTS
from preroll.ports.orders import ServiceFilter, SortBy, Sorting
from preroll.web.draft import Draft
from preroll.web.draft_shown import node_rows
from preroll.web.fields import Field, Kind, Option
from preroll.web.order_draft import FORMED, SERVICE_NAME, item_words
from preroll.web.order_items import (
    AFTER,
    ALL,
    DEFINITION,
    KIND,
    NAME,
    NEED,
    NEED_NEW,
    OF,
    SERVICE,
    SIBLING,
    ItemForm,
    ItemShown,
    prefix_of,
    row_with_prefix,
    still_meant,
    with_prefix,
    words_at,
)
from preroll.web.service_commands import ServiceAsked, run_state, which

K = OrderKind
KINDS = (
    Option(K.PROVISION.value, "Provision: make a service"), Option(K.MODIFY.value, "Modify a service"),
    Option(K.REDEPLOY.value, "Redeploy a service"), Option(K.ACTIVATE.value, "Activate a service"),
    Option(K.DEACTIVATE.value, "Deactivate a service"), Option(K.VALIDATE.value, "Audit a service"),
    Option(K.DECOMMISSION.value, "Decommission a service"),
)  # fmt: skip
LISTED = 200
"""Services to choose from, by name; any more are found by the command line."""
BY_NAME = Sorting(SortBy.NAME, down=False)


@dataclass(frozen=True, slots=True)
class Shop:
    """What there is to order of, for who fills the form in."""

    app: App
    by: Actor
    zone: str
    platform: int
    """Its key."""
    proposal: Proposal

    async def services(self) -> Mapping[str, str]:
        """Id -> name of those that exist, by name."""
        where = ServiceFilter(self.platform, EXISTS)
        page = (await self.app.ordered.services(self.by, where, BY_NAME, None, LISTED)).page
        return {service.id: service.name for service in page.items}

    async def service(self, ident: str) -> ServiceDetails | None:
        """One of them; None: there is none that the actor sees."""
        try:
            found = await self.app.services.get(self.by, ident) if ident else None
        except NotFound:
            return None
        return found if found and found.service.platform == self.platform else None


async def item_form(
    shop: Shop,
    said: Mapping[str, str],
    place: str,
    stored: OrderItem | None,
    *,
    fixed: bool,
    order_names: Mapping[str, str],
) -> ItemForm:
    """An item as it is filled in.

    Args:
        stored: what the form begins from; None: nothing.
        fixed: its kind and its service are those of ``stored``.
        order_names: id -> name of the resources of the order that is edited.
    """
    own = words_at(said, place)
    kind = _kind(own.get(KIND, ""), stored) if not fixed or stored is None else stored.kind
    same = stored if stored and stored.kind is kind else None
    wanted = same.service if same and (fixed or SERVICE not in own) else own.get(SERVICE, "")
    service = None if kind is K.PROVISION else await shop.service(wanted)
    if same and service and same.service != wanted:
        same = None
    shown_for = f"{kind} {service.service.id if service else ''}"
    asked, own = OF in own, still_meant(own, shown_for)
    names = dict(order_names)
    if service is not None:
        names |= (await shop.app.ordered.names_in_service(shop.by, wanted)).resources
    begun = same or OrderItem(ALL, kind, wanted)
    words = _words(shop, own, begun, service, names)
    draft = _draft(shop, words, kind, service)
    kept = asked and OF in own
    needs = _needs(own, begun, service) if kept or not asked else _needs({}, begun, service)
    after = tuple(n.removeprefix(AFTER) for n in own if n.startswith(AFTER))
    words = {name: word for name, word in words.items() if name != NEED_NEW and not name.startswith(NEED)}
    return ItemForm(place, kind, words, draft, service, names, same, fixed, needs, after)


def _kind(said: str, stored: OrderItem | None) -> OrderKind:
    known = {kind.value: kind for kind in OrderKind}
    return known.get(said) or (stored.kind if stored else K.PROVISION)


def _words(
    shop: Shop, own: Mapping[str, str], begun: OrderItem, service: ServiceDetails | None, names: Mapping[str, str]
) -> dict[str, str]:
    """What the fields of an item say: what it begins from, and on top what somebody has put there."""
    words: dict[str, str] = {KIND: begun.kind.value, SERVICE: service.service.id if service else ""}
    carrier = service.carrier if service and begun.kind is K.MODIFY else None
    if begun.kind is K.PROVISION or carrier is not None:
        words |= item_words(begun, carrier, names, shop.zone)
        words[DEFINITION] = words[DEFINITION] or next(iter(shop.proposal.definitions), "")
    if begun.name != ALL:
        words[NAME] = begun.name
    words |= {{"revision": "which"}.get(n, n): str(v) for n, v in begun.values.items() if begun.kind not in FORMED}
    return {**words, **own, KIND: begun.kind.value, SERVICE: words[SERVICE]}


def _draft(shop: Shop, words: Mapping[str, str], kind: OrderKind, service: ServiceDetails | None) -> Draft | None:
    if kind is K.PROVISION:
        return Draft(words, shop.zone, shop.proposal, shop.proposal.definitions.get(words[DEFINITION]))
    if kind is K.MODIFY and service is not None:
        return Draft(words, shop.zone, shop.proposal, service.definition, service.carrier)
    return None


def _needs(own: Mapping[str, str], begun: OrderItem, service: ServiceDetails | None) -> tuple[str, ...]:
    """What it needs, as chosen; where nobody was asked, as it is."""
    if OF in own or NEED_NEW in own:
        chosen = [name.removeprefix(NEED) for name, word in own.items() if name.startswith(NEED) and word]
        return tuple(dict.fromkeys([*chosen, *filter(None, [own.get(NEED_NEW, "")])]))
    if begun.needs is not None:
        return begun.needs
    return service.service.needs if service is not None and begun.kind is K.MODIFY else ()


async def item_shown(
    shop: Shop,
    form: ItemForm,
    forms: Sequence[ItemForm],
    services: Mapping[str, str],
    answers: Mapping[str, NodeAnswer],
) -> ItemShown:
    """An item with what could be chosen."""
    draft, prefix = form.draft, form.prefix
    rows = node_rows(draft, answers) if draft and draft.definition else []
    labels = {f"{SIBLING}{one.place}": f"{one.name}, of this order" for one in forms if one is not form} | dict(
        services
    )
    needs = [Option(ident, labels.get(ident, ident)) for ident in form.needs]
    own = form.service.service.id if form.service else ""
    others = [Option(i, name) for i, name in labels.items() if i not in (own, *form.needs)]
    wants = form.kind in FORMED and (others or needs)
    about = "" if len(services) < LISTED else f"The first {LISTED} by name."
    label = "Needs also" if needs else "Needs"
    new = Field(NEED_NEW, label, Kind.CHOICE, needed=False, options=[Option("", "Nothing"), *others], about=about)
    after = [(Option(f.place, f.name), f.place in form.after) for f in forms if f is not form]
    return ItemShown(
        form.place, prefix, form.of, [with_prefix(prefix, one) for one in await _fields(shop, form, forms, services)],
        draft, [row_with_prefix(prefix, row) for row in rows], form.said, needs,
        with_prefix(prefix, new) if wants else None, after,
        any(name.startswith("property.") for name in form.said), form.fixed,
    )  # fmt: skip


async def _fields(
    shop: Shop, form: ItemForm, forms: Sequence[ItemForm], services: Mapping[str, str]
) -> Sequence[Field]:  # fmt: skip
    found = [Field(NAME, "Name of the item", needed=False, value=form.name)] if len(forms) > 1 else []
    if not form.fixed:
        found.append(Field(KIND, "What to do", Kind.CHOICE, options=KINDS))
    if form.kind is K.PROVISION:
        known = [Option(name, name) for name in shop.proposal.definitions]
        named = Field(SERVICE_NAME, "Name of the service", needed=False, about="Empty: as the order.")
        return [*found, Field(DEFINITION, "Service", Kind.CHOICE, options=known), named]
    if not form.fixed:
        chosen = {form.service.service.id: form.service.service.name} if form.service else {}
        options = [Option("", "Choose one"), *(Option(i, name) for i, name in {**services, **chosen}.items())]
        found.append(Field(SERVICE, "Service", Kind.CHOICE, options=options))
    if form.service is None:
        return found
    asked = ServiceAsked(shop.app, shop.by, form.service, shop.zone, form.said)
    match form.kind:
        case K.REDEPLOY:
            found += await which(asked)
        case K.ACTIVATE:
            found += await run_state(START)(asked)
        case K.DEACTIVATE:
            found += await run_state(STOP)(asked)
    return found


def words_of_items(forms: Sequence[ItemForm]) -> dict[str, str]:
    """What the fields of all items say, by their whole names."""
    return {prefix_of(form.place) + name: word for form in forms for name, word in form.said.items()}


def among_themselves(forms: Sequence[ItemForm], *, asked: bool) -> list[ItemForm]:
    """The items as they name each other: by their place in the form.

    Args:
        asked: the form was filled in; else what is stored of them is shown.
    """
    makers = {form.stored.service: f"{SIBLING}{form.place}" for form in forms if form.stored and form.stored.service}
    named = {form.stored.name: form.place for form in forms if form.stored}
    there = {form.place for form in forms}
    found = []
    for form in forms:
        needs = [makers.get(ident, ident) for ident in form.needs]
        stored = tuple(named[name] for name in form.stored.after if name in named) if form.stored else ()
        gone = {need for need in needs if need.startswith(SIBLING) and need.removeprefix(SIBLING) not in there}
        kept = tuple(dict.fromkeys(need for need in needs if need not in gone))
        after = tuple(place for place in (form.after if asked else stored) if place in there)
        found.append(replace(form, needs=kept, after=after))
    return found
