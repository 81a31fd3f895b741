# SPDX-License-Identifier: Apache-2.0
"""A refusal as people read it: what is in the way on each node, and each way out as something to click."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from preroll.domain.changes import Change
from preroll.domain.errors import (
    Clash,
    Conflict,
    InUse,
    Invalid,
    Losing,
    Mistake,
    NameInUse,
    NotReady,
    PrerollError,
    Refused,
    Stale,
    Way,
    by_state,
)
from preroll.domain.permission import may
from preroll.gate.statuses import status_of
from preroll.web.asked import TAKE
from preroll.web.command import FORCE, START_US, Ways
from preroll.web.problems import TO_DO


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a resource cannot be had: the rule that it failed, what was asked and is left, and who holds the rest."""

    resource: str
    nodes: str
    rule: str
    """What it is short of; empty: it is no matter of amounts."""
    asked: str
    left: str
    why: str
    rival: str
    rival_name: str
    start_us: int
    end_us: int | None
    opens_us: int | None


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way out: a word that is added to the form, or a page to go to."""

    text: str
    name: str = ""
    """Empty: it is a link."""
    value: str = ""
    href: str = ""
    at_us: int | None = None
    """The instant that it is about."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A conflict."""

    obstacles: Sequence[Obstacle]
    ways: Sequence[WayOut]
    losing: Sequence[Losing] = ()
    """Who would lose what by force."""
    force: WayOut | None = None
    """None: force is of no use here."""
    why_not: str = ""
    """Why the actor may not force; empty: it may."""
    otherwise: str = "No way out was found within 30 days: choose another time or another resource."
    """What to do when there are neither ways nor force."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused, where it was asked for."""

    status: int
    title: str
    text: str
    to_do: str
    listed: Sequence[str] = ()
    """Mistakes that stand in no field of the form."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Name of a field -> what is wrong with it."""
    dispute: Dispute | None = None
    changes: Sequence[Change] = ()
    """What others did in between."""


def refusal_of(
    error: PrerollError,
    fields: Collection[str],
    dispute: Dispute | None = None,
    history: Sequence[Change] = (),
) -> Refusal:
    """An error as the form shows it that was sent.

    Args:
        fields: names of its fields.
        dispute: a conflict, looked at.
        history: of the booking, where somebody else has changed it.
    """
    status, title = status_of(error)
    mistakes: Sequence[Mistake] = ()
    if isinstance(error, Invalid):
        mistakes = error.mistakes
    elif isinstance(error, NotReady):
        mistakes = error.missing
    elif isinstance(error, InUse):
        mistakes = error.uses
    beside = {m.where: _told(m) for m in mistakes if m.where in fields}
    listed = [f"{m.where} {_told(m)}" for m in mistakes if m.where not in fields]
    text = "" if mistakes or dispute else str(error)
    changes = changed_since(history, error.seen) if isinstance(error, Stale) else ()
    return Refusal(status, title, text, error.hint or TO_DO.get(status, ""), listed, beside, dispute, changes)


def _told(mistake: Mistake) -> str:
    return mistake.what + (f" (expected: {mistake.expected})" if mistake.expected else "")


def disputed(
    refused: Refused, taken: Mapping[str, Sequence[str]], ways: Ways, may_do: Callable[[str], bool], ident: str = ""
) -> Dispute | None:
    """A conflict with its ways out; None: it was refused for another reason.

    Args:
        taken: the name of each resource that is asked for -> its nodes.
        ways: which of them can be taken by asking again.
        may_do: may who asks do this?
        ident: of the booking; empty: it is a new one.
    """
    if isinstance(refused, NameInUse) and refused.clashes:
        otherwise = f"{refused.hint[:1].upper()}{refused.hint[1:]}."
        return Dispute([obstacle(clash, {}) for clash in refused.clashes], (), otherwise=otherwise)
    if not isinstance(refused, Conflict):
        return None
    found = [way for way in (_way(one, ways, ident) for one in refused.ways) if way is not None]
    force = _force(refused.losing) if refused.losing and Ways.FORCE in ways else None
    why_not = "" if may_do("booking.force") else f"it needs the role {' or '.join(may('booking.force'))}"
    losing = list({str(one): one for one in refused.losing}.values())
    return Dispute([obstacle(one, taken) for one in refused.clashes], found, losing, force, why_not)


def obstacle(clash: Clash, taken: Mapping[str, Sequence[str]]) -> Obstacle:
    """One rule that keeps a resource from being had."""
    rule = "" if clash.why else clash.dimension or "how many at once"
    return Obstacle(
        clash.resource, ", ".join(taken.get(clash.resource, ())), rule, f"{clash.asked:g}",
        f"{clash.left:g} of {clash.limit:g}", clash.why, clash.rival, clash.rival_name, clash.start_us, clash.end_us,
        clash.opens_us,
    )  # fmt: skip


def _way(way: Way, ways: Ways, ident: str) -> WayOut | None:
    text = way.text[:1].upper() + way.text[1:]
    if way.rival:
        return WayOut(text, href=f"/bookings/{way.rival}")
    if way.resource and Ways.NODE in ways:
        return WayOut(text, TAKE + way.node, way.resource)
    if way.start_us is not None and Ways.TIME in ways:
        return WayOut(text, START_US, str(way.start_us), at_us=way.start_us)
    if way.resource and ident:
        asked = urlencode({"node": way.node, "resource": way.resource})
        return WayOut(f"{text} first", href=f"/bookings/{ident}/swap?{asked}")
    return None


def _force(losing: Iterable[Losing]) -> WayOut:
    then = "; ".join(f"{names} would be {state}" for state, names in by_state(losing).items())
    return WayOut(f"Force it: {then}", FORCE, "1")


def changed_since(history: Sequence[Change], seen: int) -> list[Change]:
    """What happened to a booking after a revision of it, the newest first."""
    return [change for change in history if change.revision > seen][::-1]
