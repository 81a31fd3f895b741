# SPDX-License-Identifier: Apache-2.0
"""The items of an order as its form has them: which there are, what each says, and where its mistakes stand."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from preroll.app.services import ServiceDetails
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.order import OrderItem, OrderKind
from preroll.web.draft import Draft, node_field
from preroll.web.draft_shown import NodeShown
from preroll.web.fields import Field, Option
from preroll.web.order_draft import SERVICE_NAME, modifying, provisioning

FIRST, MOST = "1", 20
"""The place of the first item, whose fields stand without a prefix; and how many the form can have."""
ITEMS, ADD, DROP = "items", "add", "drop"
"""The places that there are; that one more is wanted, or this one not any more."""
KIND, SERVICE, DEFINITION, NAME, OF, ALL = "kind", "service", "definition", "item_name", "of", "item"
"""Fields of an item. ``of``: for what the others were shown; ``item``: where a mistake stands that has no field."""
NEED, NEED_NEW, AFTER = "need.", "need_new", "after."
SIBLING = "#"
"""Before a place: the item of this order that stands there."""
WHICH, STATE = "which", "state"
_ELSEWHERE = re.compile(r"item\d+\.")
_STAYS = frozenset({KIND, SERVICE, DEFINITION, NAME, SERVICE_NAME})
_FIELDS = {"name": NAME, "values.name": SERVICE_NAME, "values.revision": WHICH, "values.state": STATE}


def places(said: Mapping[str, str], count: int = 1) -> list[str]:
    """The places of the items that a form has, once what was pressed is done; without a word, of so many."""
    text = said.get(ITEMS) or ",".join(str(number) for number in range(1, count + 1))
    known = [place for place in text.split(",") if re.fullmatch(r"[1-9]\d{0,2}", place)]
    found = list(dict.fromkeys(known))[:MOST] or [FIRST]
    if len(found) > 1:
        found = [place for place in found if place != said.get(DROP)]
    if said.get(ADD) and len(found) < MOST:
        found.append(str(max(map(int, found)) + 1))
    return found


def prefix_of(place: str) -> str:
    """What the names of its fields begin with."""
    return "" if place == FIRST else f"item{place}."


def words_at(said: Mapping[str, str], place: str) -> dict[str, str]:
    """What a form says of one item."""
    prefix = prefix_of(place)
    if not prefix:
        return {name: word for name, word in said.items() if not _ELSEWHERE.match(name)}
    return {name.removeprefix(prefix): word for name, word in said.items() if name.startswith(prefix)}


def still_meant(said: Mapping[str, str], of: str) -> dict[str, str]:
    """What is said of an item, without what was said of another service before this one was chosen."""
    if said.get(OF, of) == of:
        return dict(said)
    return {name: word for name, word in said.items() if name in _STAYS or name.startswith(AFTER)}


@dataclass(frozen=True, slots=True)
class ItemForm:
    """An item that is filled in."""

    place: str
    kind: OrderKind
    said: Mapping[str, str]
    """What its fields say, named without its prefix."""
    draft: Draft | None = None
    """Of a kind that says what the service is made of."""
    service: ServiceDetails | None = None
    """None: it makes one, or none was chosen yet."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Id -> name of the resources of the service."""
    stored: OrderItem | None = None
    """The item of the order that is edited."""
    fixed: bool = False
    """Kind and service are not to be chosen."""
    needs: tuple[str, ...] = ()
    """Ids of services, and siblings."""
    after: tuple[str, ...] = ()
    """Places."""

    @property
    def prefix(self) -> str:
        """What the names of its fields begin with."""
        return prefix_of(self.place)

    @property
    def of(self) -> str:
        """For what its fields are shown."""
        return f"{self.kind} {self.service.service.id if self.service else ''}"

    @property
    def name(self) -> str:
        """Of the item."""
        usual = ALL if self.place == FIRST else f"{ALL} {self.place}"
        return self.said.get(NAME, "").strip() or usual

    def item(self, names: Mapping[str, str]) -> OrderItem:
        """What it asks for.

        Args:
            names: place -> name of the items of the order.

        Raises:
            Invalid: every mistake.
        """
        made = self._made()
        needs = tuple(names.get(n.removeprefix(SIBLING), n) if n.startswith(SIBLING) else n for n in self.needs)
        after = tuple(names[place] for place in self.after if place in names)
        return replace(made, after=after, needs=needs if self._says_needs else None)

    @property
    def _says_needs(self) -> bool:
        if self.kind is OrderKind.PROVISION:
            return bool(self.needs)
        return self.kind is OrderKind.MODIFY and set(self.needs) != set(
            self.service.service.needs if self.service else ()
        )

    def _made(self) -> OrderItem:
        if self.kind is OrderKind.PROVISION:
            if self.draft is None or self.draft.definition is None:
                raise Invalid([Mistake(DEFINITION, "is missing", "a service definition that is published")])
            made = self.stored if self.stored and self.stored.kind is self.kind else None
            return provisioning(self.draft, self.name, made.service if made else "")
        if self.service is None:
            raise Invalid([Mistake(SERVICE, "is missing", "a service that exists")])
        ident = self.service.service.id
        if self.kind is OrderKind.MODIFY and self.draft is not None:
            return modifying(self.draft, ident, self.names, self.name, must_differ=not self._says_needs)
        words = {"revision": self.said.get(WHICH, ""), "state": self.said.get(STATE, "")}
        says = {OrderKind.REDEPLOY: "revision", OrderKind.ACTIVATE: "state", OrderKind.DEACTIVATE: "state"}
        word = words.get(says.get(self.kind, ""), "")
        value: object = int(word) if word.isdecimal() and self.kind is OrderKind.REDEPLOY else word
        return OrderItem(self.name, self.kind, ident, values={says[self.kind]: value} if word else {})


def items_of(forms: Sequence[ItemForm]) -> tuple[OrderItem, ...]:
    """All that a form asks for.

    Raises:
        Invalid: every mistake, each by the name of its field.
    """
    found, mistakes = list[OrderItem](), list[Mistake]()
    names = {form.place: form.name for form in forms}
    for form in forms:
        try:
            found.append(form.item(names))
        except Invalid as wrong:
            mistakes += [replace(m, where=form.prefix + m.where) for m in wrong.mistakes]
    if mistakes:
        raise Invalid(mistakes)
    return tuple(found)


def beside(wrong: Invalid, forms: Sequence[ItemForm], known: Collection[str]) -> Invalid:
    """The same mistakes, each named by the field in which it stands; without one, at its item."""
    told: dict[str, list[Mistake]] = {}
    for mistake in wrong.mistakes:
        form, rest = _form_of(mistake.where, forms)
        if form is None:
            told.setdefault(mistake.where, []).append(mistake)
            continue
        where = form.prefix + _field_of(rest)
        if where not in known:
            where, mistake = form.prefix + ALL, replace(mistake, what=f"{rest} {mistake.what}")
        told.setdefault(where, []).append(mistake)
    return Invalid([_joined(where, found) for where, found in told.items()])


def _form_of(where: str, forms: Sequence[ItemForm]) -> tuple[ItemForm | None, str]:
    """The item that a place such as ``items.0.values.name`` is in, and where in it."""
    for index, form in enumerate(forms):
        for start in (f"items.{index}.", f"items.{form.name}."):
            if where.startswith(start):
                return form, where.removeprefix(start)
    return None, where


def _field_of(rest: str) -> str:
    if rest.startswith("needs"):
        return NEED_NEW
    return _FIELDS.get(rest) or node_field(rest.removeprefix("values."))


def _joined(where: str, found: Sequence[Mistake]) -> Mistake:
    if len(found) == 1:
        return replace(found[0], where=where)
    said = (m.what + (f" (expected: {m.expected})" if m.expected else "") for m in found)
    return Mistake(where, "; ".join(said), "")


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An item of the form as its page shows it; every name has its prefix."""

    place: str
    prefix: str
    of: str
    fields: Sequence[Field]
    draft: Draft | None
    rows: Sequence[NodeShown]
    said: Mapping[str, str]
    needs: Sequence[Option]
    """What it needs, as chosen."""
    need_new: Field | None
    """Where one more is chosen; None: its kind has no needs."""
    after: Sequence[tuple[Option, bool]]
    """The other items, and whether they come first."""
    has_properties: bool
    fixed: bool


def with_prefix(prefix: str, one: Field) -> Field:
    """A field of an item, by its whole name."""
    return replace(one, name=prefix + one.name)


def row_with_prefix(prefix: str, row: NodeShown) -> NodeShown:
    """A node of an item, all its fields by their whole names."""
    return replace(
        row,
        resource=with_prefix(prefix, row.resource),
        profile=with_prefix(prefix, row.profile) if row.profile else None,
        values=[with_prefix(prefix, one) for one in row.values],
        whole=with_prefix(prefix, row.whole) if row.whole else None,
        ways=[way if way.at_us else replace(way, name=prefix + way.name) for way in row.ways],
    )
