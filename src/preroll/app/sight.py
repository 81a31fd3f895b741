# SPDX-License-Identifier: Apache-2.0
"""What an actor may know of: things of other platforms, and whatever carries scopes it lacks, do not exist for it.

Functions of a transaction. Each looks a thing up and refuses what the actor may not do with it; what is out of its
sight is refused as an unknown one is, so that nobody learns from the answer that it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from preroll.domain import booking as bookings
from preroll.domain.account import scope_mistakes
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Clash, Conflict, Invalid, Losing, Mistake, NotFound
from preroll.domain.ordered import Service
from preroll.domain.permission import UNBOUND, Actor, Role, permit
from preroll.domain.resource import Resource
from preroll.domain.usage import Usage
from preroll.ports.store import Tx

SOMEBODY = "a booking that you may not see"


def platform(tx: Tx, by: Actor, name: str, action: str = "view") -> Platform:
    """A platform by name.

    Raises:
        NotFound. NotPermitted.
    """
    found = tx.platforms.get(name)
    if not by.sees(found.key):
        raise NotFound("platform", name)
    permit(by, action, found.key)
    return found


def booking(tx: Tx, by: Actor, ident: str, action: str = "view", *, hidden: bool = False) -> bookings.Booking:
    """A booking by id.

    Args:
        hidden: also one that was deleted.

    Raises:
        NotFound. NotPermitted.
    """
    found = tx.bookings.get(ident, hidden=hidden)
    if not by.sees(found.platform, found.scopes):
        raise NotFound("booking", ident)
    permit(by, action, found.platform)
    return found


def resource(tx: Tx, by: Actor, ident: str, action: str = "view") -> Resource:
    """A resource by id.

    Raises:
        NotFound. NotPermitted.
    """
    found = tx.catalogue.resource(ident)
    if not by.sees(found.platform):
        raise NotFound("resource", ident)
    permit(by, action, found.platform)
    return found


def definition(tx: Tx, by: Actor, ident: str, action: str = "view") -> ServiceDefinition:
    """A version of a service definition by id.

    Raises:
        NotFound. NotPermitted.
    """
    found = tx.catalogue.definition_with_id(ident)
    if not by.sees(found.platform):
        raise NotFound("service definition", ident)
    permit(by, action, found.platform)
    return found


def require_scopes(by: Actor, platform: int, before: Collection[str], after: Collection[str]) -> None:
    """Refuse scopes that are none, or that the actor would give away or lock itself out with.

    Raises:
        Invalid: every mistake.
    """
    if not before and not after:
        return
    new = sorted(set(after) - set(before))
    mistakes = scope_mistakes("scopes", new)
    if not by.roles_on(platform) & UNBOUND:
        mistakes += [Mistake("scopes", f"{scope} is none of yours", "scopes that you have") for scope in new
                     if scope not in by.scopes]  # fmt: skip
        if after and by.scopes.isdisjoint(after):
            mistakes.append(Mistake("scopes", "leave none of yours: you would not see it any more", "one of yours"))
    if mistakes:
        raise Invalid(mistakes)


def changes(tx: Tx, by: Actor, found: Sequence[Change]) -> list[Change]:
    """Those that the actor may know of."""
    if by.sight is None:
        return list(found)
    subjects = {change.subject for change in found}
    scopes = {**tx.bookings.scopes(subjects), **tx.orders.scopes(subjects), **tx.services.scopes(subjects)}
    return [
        change
        for change in found
        if (change.platform or Role.ADMIN in by.roles) and by.sees(change.platform, scopes.get(change.subject, ()))
    ]


def clashes(tx: Tx, by: Actor, platform: int, found: Iterable[Clash]) -> list[Clash]:
    """Clashes in which a booking that the actor may not see has no name."""
    found = list(found)
    hidden = unseen(tx, by, platform, {clash.rival for clash in found})
    return [replace(c, rival="", rival_name=SOMEBODY) if c.rival in hidden else c for c in found]


def usages(tx: Tx, by: Actor, platform: int, found: Mapping[int, Sequence[Usage]]) -> Mapping[int, Sequence[Usage]]:
    """Usages by resource, in which a booking that the actor may not see has no name."""
    hidden = unseen(tx, by, platform, {usage.booking for held in found.values() for usage in held})
    if not hidden:
        return found
    return {
        key: [u._replace(booking="", name=SOMEBODY) if u.booking in hidden else u for u in held]
        for key, held in found.items()
    }


def conflict(tx: Tx, by: Actor, platform: int, found: Conflict) -> Conflict:
    """The same refusal, in which a booking that the actor may not see has no name."""
    hidden = unseen(tx, by, platform, {c.rival for c in found.clashes} | {one.booking for one in found.losing})
    if not hidden:
        return found
    names = {c.rival_name for c in found.clashes if c.rival in hidden}
    names |= {one.name for one in found.losing if one.booking in hidden}
    return Conflict(
        clashes(tx, by, platform, found.clashes),
        [way for way in found.ways if way.rival not in hidden],
        [_nameless(replace(x, booking="", name=SOMEBODY) if x.booking in hidden else x, names) for x in found.losing],
    )


def _nameless(one: Losing, names: Iterable[str]) -> Losing:
    what = one.what
    for name in names:
        what = what.replace(name, SOMEBODY)
    return replace(one, what=what)


def unseen(tx: Tx, by: Actor, platform: int, idents: Iterable[str]) -> set[str]:
    """Those of some bookings of a platform that the actor may not know of."""
    if by.sight is None:
        return set()
    scopes = tx.bookings.scopes({ident for ident in idents if ident})
    return {ident for ident, carried in scopes.items() if not by.sees(platform, carried)}


def service(tx: Tx, by: Actor, platform: int, named: str) -> Service | None:
    """A service of a platform by its id, or by the name that it has now; None: there is none, or it is out of sight."""
    found = tx.services.several([named]).get(named)
    if found is None:
        carrier = tx.bookings.named(platform, named, tx.now, None, None)
        ident = carrier.id if carrier is not None and carrier.carries is bookings.Carries.SERVICE else named
        found = tx.services.several([ident]).get(ident)
    return found if found and found.platform == platform and by.sees(platform, found.scopes) else None
