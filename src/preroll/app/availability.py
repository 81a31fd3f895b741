# SPDX-License-Identifier: Apache-2.0
"""What is free: eligible resources for each node, what is left of them, the next slot; and ways out of a conflict.

Advisory: the commit asks the same rule again under the lock of the resources (SPEC 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from preroll.app import holding, sight
from preroll.app.wanted_names import unknown_names
from preroll.domain.booking import Booking, NodeChoice, Timing
from preroll.domain.capacity import Wish
from preroll.domain.choosing import ranking
from preroll.domain.config import Ordering, PlatformConfig
from preroll.domain.definition import Node, ServiceDefinition
from preroll.domain.errors import Clash, Conflict, Invalid, Mistake, Way
from preroll.domain.lengths import length_said
from preroll.domain.near import listed
from preroll.domain.permission import Actor, permit
from preroll.domain.quarantine import standing
from preroll.domain.resource import Resource
from preroll.domain.usage import Left, Need, Usage, blocked, clashes, fitting, left, next_start
from preroll.domain.values import dataclass
from preroll.domain.window import DAY, FOREVER, Window
from preroll.ports.store import Store, Tx

SUGGESTED = 3
"""Resources and rivals that a refusal suggests for each node."""
HORIZON = 30 * DAY
"""How far ahead a free slot is looked for."""
NEAR_FIRST = (DAY, 6 * DAY, HORIZON)
"""Most are found soon, and a long look ahead reads many bookings."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a node wants; empty fields take what the service definition says."""

    function: str = ""
    pool: str = ""
    profile: str = ""
    """Name of a profile instance."""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """When, and what for."""

    timing: Timing
    platform: str = "default"
    definition: str | None = None
    definition_version: int | None = None
    nodes: Mapping[str, Wanted] = field(default_factory=dict)
    """Label -> what it wants; those that a service definition has and this leaves out are looked at as it says."""
    ignore: str = ""
    """Id of a booking, or of a service, whose own usage counts as free, for swaps."""
    guard_us: int | None = None
    """Resources that are free for so many microseconds before and after as well come first; None: the platform's."""
    order: Ordering | None = None
    """None: the platform's."""
    explain: bool = False
    """Tell of every candidate that is not eligible why."""
    count: int = 1
    """``next_start`` is when so many are free at once."""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Offer:
    """A resource that fits, and what is left of it over the whole window."""

    resource: Resource
    left: Sequence[Left]
    guarded: bool = True
    """It is free for the guard interval before and after as well."""


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What there is for one node."""

    eligible: Sequence[Offer]
    """At most as many as were asked for, best first."""
    candidates: int
    """How many resources have the function and are of the pool."""
    refused: Mapping[str, Sequence[Clash]]
    """Name -> each rule that the resource failed; only when asked to explain."""
    next_start: int | None
    """The first on-air start from the one that was asked for at which enough are free; None: not within 30 days."""


class Availability:
    """Questions about what is free."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def eligible(self, by: Actor, question: Question) -> Mapping[str, NodeAnswer]:
        """For each node, in one look, what could fill it.

        Raises:
            Invalid: every mistake in the question. NotFound: no such platform, definition or booking.
        """

        def query(tx: Tx) -> Mapping[str, NodeAnswer]:
            platform = sight.platform(tx, by, question.platform)
            mistakes = list(question.timing.mistakes())
            if question.definition is None and not question.nodes:
                mistakes.append(Mistake("nodes", "ask for nothing", "a node, or a service definition"))
            settled = _settled(question, platform.config)
            definition = None
            if question.definition is not None:
                definition = tx.catalogue.definition(platform.key, question.definition, question.definition_version)
            ignored = sight.booking(tx, by, question.ignore, hidden=True).key if question.ignore else 0
            wishes, wrong = _wishes(tx, platform.key, question, definition)
            if mistakes := mistakes + wrong:
                raise Invalid(mistakes)
            every = tx.catalogue.candidates(platform.key)
            found = {
                label: _answer(tx, settled, wish, every.of(node), ignored) for label, (node, wish) in wishes.items()
            }
            return {label: _veiled(tx, by, platform.key, answer) for label, answer in found.items()}

        return await self._store.read(query)

    async def ways_out(self, by: Actor, booking: Booking, conflict: Conflict) -> Conflict:
        """The same refusal with what would solve it: other resources, another time, who would have to yield."""

        def query(tx: Tx) -> Conflict:
            permit(by, "view", booking.platform)
            needs = holding.needs_of(tx, booking)
            ways = _ways(tx, booking, needs, conflict.clashes)
            whole = Conflict(by_node(conflict.clashes, needs), tuple(ways), conflict.losing)
            return sight.conflict(tx, by, booking.platform, whole)

        return await self._store.read(query)

    def spare(self, tx: Tx, booking: Booking, label: str) -> Resource | None:
        """The best resource that is free for a node of a stored booking and that it does not use; None: none is."""
        platform = tx.platforms.by_key(booking.platform)
        definition = tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
        choice, held = booking.nodes.get(label, NodeChoice()), set(booking.held)
        now = tx.catalogue.resource(choice.resource) if choice.resource else None
        node = (definition.node(label) if definition else None) or Node(label, now.function if now else "")
        wish = tx.catalogue.profiles(booking.platform).wish(node, choice, label)
        candidates = [r for r in tx.catalogue.candidates(platform.key).of(node) if r.id not in held]
        question = _settled(Question(booking.timing, limit=1), platform.config)
        found = _answer(tx, question, wish, candidates, booking.key).eligible
        return found[0].resource if found else None


def _wishes(
    tx: Tx, platform: int, question: Question, definition: ServiceDefinition | None
) -> tuple[dict[str, tuple[Node, Wish]], list[Mistake]]:
    """Label -> the node as it is asked for, and what it needs; and every mistake."""
    mistakes = [
        Mistake(f"nodes.{label}", f"is no node of {definition.name}", ", ".join(n.label for n in definition.nodes))
        for label in question.nodes
        if definition is not None and definition.node(label) is None
    ]
    shelf = tx.catalogue.profiles(platform)
    nodes = {node.label: node for node in definition.ordered} if definition else {}
    found = {}
    for label in nodes if definition else question.nodes:
        wanted, node = question.nodes.get(label, Wanted()), nodes.get(label, Node(label))
        if wanted.profile and wanted.profile not in shelf.instances:
            what = f"there is no profile instance {wanted.profile}"
            near = listed("profile", wanted.profile, shelf.instances)
            mistakes.append(Mistake(f"nodes.{label}.profile", what, near))
            continue
        filled = shelf.filled(node, NodeChoice(None, wanted.profile, wanted.values))
        profile = filled.profile
        if wanted.values and profile is None:
            mistakes.append(Mistake(f"nodes.{label}.values", "the node takes no profile", "no values"))
        if profile:
            mistakes += profile.mistakes(f"nodes.{label}.values", wanted.values)
        mistakes += unknown_names(tx, platform, f"nodes.{label}.", wanted.function, wanted.pool)
        asked = replace(node, function=wanted.function or node.function, pool=wanted.pool or node.pool)
        if not mistakes:
            found[label] = asked, filled.wish(label)
    return found, mistakes


def _settled(question: Question, config: PlatformConfig) -> Question:
    """The question with the platform's word where it leaves one open."""
    guard = config.guard_us if question.guard_us is None else question.guard_us
    return replace(question, guard_us=guard, order=question.order or config.ordering)


def _answer(tx: Tx, question: Question, wish: Wish, candidates: Sequence[Resource], ignored: int) -> NodeAnswer:
    held, guard = question.timing.held, question.guard_us or 0
    wide = Window(held.start - guard, None if held.end is None else held.end + guard)
    usages = tx.reservations.usages(candidates, wide, but=ignored, named=question.explain)
    wishes, now = (wish,), tx.now
    fits, fits_wide = fitting(wishes, held, now), fitting(wishes, wide, now)
    fit: list[Resource] = []
    tight: set[int] = set()
    refused: dict[str, Sequence[Clash]] = {}
    for resource in candidates:
        around = usages.get(resource.key, ())
        taken = _within(held, around) if guard else around
        if fits(resource, taken):
            fit.append(resource)
            if guard and not fits_wide(resource, around):
                tight.add(resource.key)
        elif question.explain:
            refused[resource.name] = clashes(resource, wishes, held, taken, now)
    start: int | None = held.start
    if len(fit) < question.count:
        start = _slot(tx, held, wish, candidates, ignored, question.count)

    def left_of(resource: Resource) -> Sequence[Left]:
        return left(resource, held, usages.get(resource.key, ()))

    fit.sort(key=ranking(wish, question.order or Ordering.PRIORITY, left_of))
    if tight:
        fit.sort(key=lambda resource: resource.key in tight)
    return NodeAnswer(
        tuple(Offer(r, left_of(r), r.key not in tight) for r in fit[: question.limit]), len(candidates), refused,
        None if start is None else question.timing.start + start - held.start,
    )  # fmt: skip


def _veiled(tx: Tx, by: Actor, platform: int, answer: NodeAnswer) -> NodeAnswer:
    """The answer, in which a booking that the actor may not see has no name."""
    refused = {name: sight.clashes(tx, by, platform, found) for name, found in answer.refused.items()}
    return replace(answer, refused=refused)


def _within(held: Window, usages: Sequence[Usage]) -> Sequence[Usage]:
    return [usage for usage in usages if usage.start < held.until and usage.end > held.start]


def _slot(tx: Tx, window: Window, wish: Wish, candidates: Sequence[Resource], ignored: int, count: int) -> int | None:
    """When so many of the candidates are free for as long as the window, within the horizon."""
    length = FOREVER if window.end is None else window.end - window.start
    for horizon in NEAR_FIRST:
        ahead = Window(window.start, None if window.end is None else window.end + horizon)
        usages = tx.reservations.usages(candidates, ahead, but=ignored, named=False)
        starts = Window(window.start, window.start + horizon)
        spans = [blocked(Need(r, (wish,)), usages.get(r.key, ()), starts, tx.now) for r in candidates]
        found = next_start(spans, length, window.start, count)
        if found is not None and found <= window.start + horizon:
            return found
    return None


def by_node(found: Sequence[Clash], needs: Sequence[Need]) -> list[Clash]:
    """The same, each with the nodes that ask for its resource."""
    labels = {need.resource.name: tuple(wish.label for wish in need.wishes if wish.label) for need in needs}
    return [replace(clash, nodes=labels.get(clash.resource, ())) for clash in found]


def _ways(tx: Tx, booking: Booking, needs: Sequence[Need], found: Sequence[Clash]) -> list[Way]:
    """Other resources for the nodes in conflict, then another time, then who would have to yield."""
    definition = tx.catalogue.definition_by_key(booking.definition) if booking.definition else None
    troubled = {clash.resource for clash in found}
    ways = []
    for need in needs:
        if need.resource.name in troubled and not booking.overlays:
            for wish in need.wishes:
                ways += _others(tx, booking, definition, need.resource, wish)
    return ways + _later(tx, booking, needs) + _yielding(tx, found)


def _others(
    tx: Tx, booking: Booking, definition: ServiceDefinition | None, now: Resource, wish: Wish
) -> list[Way]:  # fmt: skip
    node = (definition.node(wish.label) if definition else None) or Node(wish.label, now.function)
    known = {*booking.resources, _as_before(tx, booking, wish.label)}
    others = [r for r in tx.catalogue.candidates(booking.platform).of(node) if r.id not in known]
    answer = _answer(tx, Question(booking.timing, limit=SUGGESTED), wish, others, booking.key)
    return [
        Way(f"take {offer.resource.name} for {wish.label}", node=wish.label, resource=offer.resource.name)
        for offer in answer.eligible
    ]


def _as_before(tx: Tx, booking: Booking, label: str) -> str | None:
    """The resource with which a node of a changed booking would be as it is stored; None: none is."""
    if not booking.key or label not in booking.nodes:
        return None
    stored = tx.bookings.by_key(booking.key)
    was = stored.nodes.get(label)
    same = was and stored.timing == booking.timing and replace(booking.nodes[label], resource=was.resource) == was
    return was.resource if was and same else None


def _later(tx: Tx, booking: Booking, needs: Sequence[Need]) -> list[Way]:
    """The first start from which all that the booking chose is free."""
    held = booking.timing.held
    length = FOREVER if held.end is None else held.end - held.start
    usages = tx.reservations.usages(
        [need.resource for need in needs],
        Window(held.start, None if held.end is None else held.end + HORIZON),
        but=booking.key,
    )
    starts = Window(held.start, held.start + HORIZON)
    spans = [blocked(need, usages.get(need.resource.key, ()), starts, tx.now) for need in needs]
    found = next_start(spans, length, held.start, len(spans))
    if found is None or not held.start < found <= held.start + HORIZON:
        return []
    return [Way(f"start {length_said(found - held.start)} later", start_us=booking.timing.start + found - held.start)]


def _yielding(tx: Tx, found: Sequence[Clash]) -> list[Way]:
    """The rivals, the one that would lose first before the others (SPEC 6); who runs never loses."""
    rivals = [tx.bookings.get(ident, hidden=True) for ident in dict.fromkeys(c.rival for c in found if c.rival)]
    waiting = sorted((b for b in rivals if not b.began), key=standing, reverse=True)
    return [Way(f"move or cancel {b.name}, {b.state.value}", rival=b.id) for b in waiting[:SUGGESTED]]
