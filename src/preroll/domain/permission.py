# SPDX-License-Identifier: Apache-2.0
"""Who may do what: roles per platform and everywhere, security scopes, and one table of permissions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from preroll.domain.errors import NotFound, NotPermitted


class Role(StrEnum):
    """What somebody is trusted with, on one platform or everywhere."""

    VIEWER = "viewer"
    """Looks."""
    OPERATOR = "operator"
    """Books, and runs what is booked."""
    PROVISIONER = "provisioner"
    """Orders services."""
    DESIGNER = "designer"
    """Makes what can be booked and ordered."""
    ADMIN = "admin"
    """Everything: settings as well, and everywhere also people."""


ROLES = frozenset(role.value for role in Role)
ENGINE_ROLE = "engine"
UNBOUND = frozenset({Role.ADMIN.value, ENGINE_ROLE})
"""Roles to which no security scope is closed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a token is narrowed to; empty: all that its owner has."""

    roles: frozenset[str] = frozenset()
    platforms: frozenset[int] = frozenset()

    def within(self, other: Bounds) -> Bounds | None:
        """What is in both; None: nothing."""
        roles = self.roles & other.roles if self.roles and other.roles else self.roles | other.roles
        both = self.platforms and other.platforms
        platforms = self.platforms & other.platforms if both else self.platforms | other.platforms
        empty = (self.roles and other.roles and not roles) or (both and not platforms)
        return None if empty else Bounds(roles, platforms)


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody was given."""

    roles: frozenset[str] = frozenset()
    """Everywhere, on platforms that do not exist yet as well."""
    on: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Platform -> roles there, on top."""
    scopes: frozenset[str] = frozenset()
    """Bookings that carry scopes are seen by who has one of them."""

    def within(self, bounds: Bounds) -> Rights:
        """The same, narrowed: never more than either of them says."""

        def cut(roles: frozenset[str]) -> frozenset[str]:
            held = roles | ROLES if Role.ADMIN in roles else roles
            return held & bounds.roles if bounds.roles else roles

        if not bounds.platforms:
            return replace(self, roles=cut(self.roles), on={p: cut(roles) for p, roles in self.on.items()})
        on = {p: cut(self.roles | self.on.get(p, frozenset())) for p in bounds.platforms}
        return replace(self, roles=frozenset(), on=on)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person, one of a person's tokens, a person at this machine, or the engine itself."""

    name: str
    roles: frozenset[str] = frozenset()
    """Everywhere."""
    on: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Platform -> roles there, on top."""
    scopes: frozenset[str] = frozenset()
    user: str = ""
    """Id of the person; empty: nobody who has an account."""
    bounds: Bounds = Bounds()
    """Of the token by which it asks."""
    ends_us: int | None = None
    """When that token ends; None: it asks by none."""

    def roles_on(self, platform: int) -> frozenset[str]:
        """The roles on one platform."""
        return self.roles | self.on.get(platform, frozenset()) if self.on else self.roles

    def sees(self, platform: int, scopes: Collection[str] = ()) -> bool:
        """May this actor know that something of a platform, with these scopes, is there at all?"""
        roles = self.roles_on(platform)
        if not scopes:
            return bool(roles)
        return bool(roles & UNBOUND) or (bool(roles) and not self.scopes.isdisjoint(scopes))

    @property
    def sight(self) -> Sight | None:
        """What it sees, for lists; None: everything."""
        if self.roles & UNBOUND:
            return None
        return Sight(
            platforms=None if self.roles else frozenset(p for p, roles in self.on.items() if roles),
            whole=frozenset(p for p, roles in self.on.items() if roles & UNBOUND),
            scopes=self.scopes,
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """Which bookings an actor sees: those of its platforms that carry no scope, or one that it has."""

    platforms: frozenset[int] | None
    """None: all."""
    whole: frozenset[int]
    """Platforms on which no scope is closed to it."""
    scopes: frozenset[str]


LOCAL = Actor("local", frozenset({Role.ADMIN.value}))
ENGINE = Actor("engine", frozenset({ENGINE_ROLE}))
ANYBODY = ROLES - {Role.ADMIN}

# fmt: off
PERMISSIONS: dict[str, frozenset[str]] = {
    # action                    roles that may (admin always may)
    "view":                     ANYBODY | {ENGINE_ROLE},
    "booking.create":           frozenset({"operator"}),
    "booking.edit":             frozenset({"operator"}),
    "booking.force":            frozenset({"operator", "provisioner", "designer"}),
    "booking.confirm":          frozenset({"operator"}),
    "booking.leave-quarantine": frozenset({"operator"}),
    "booking.hold":             frozenset({"operator"}),
    "booking.cancel":           frozenset({"operator"}),
    "booking.finish":           frozenset({"operator"}),
    "booking.retry":            frozenset({"operator"}),
    "booking.acknowledge":      frozenset({"operator"}),
    "booking.start-now":        frozenset({"operator"}),
    "booking.extend":           frozenset({"operator"}),
    "booking.adjust":           frozenset({"operator"}),
    "booking.add":              frozenset({"operator"}),
    "booking.swap":             frozenset({"operator"}),
    "booking.remove":           frozenset({"operator"}),
    "booking.force-state":      frozenset({"operator"}),
    "booking.apply-now":        frozenset({"operator"}),
    "booking.rename":           frozenset({"operator"}),
    "booking.properties":       frozenset({"operator"}),
    "booking.duplicate":        frozenset({"operator"}),
    "booking.take":             frozenset({"operator"}),
    "booking.release":          frozenset({"operator"}),
    "booking.force-take":       frozenset({"operator"}),
    "booking.delete":           frozenset({"operator"}),
    "booking.audit":            frozenset({"operator", "provisioner"}),
    "resource.apply":           frozenset({"operator", "designer"}),
    "order.create":             frozenset({"provisioner"}),
    "order.edit":               frozenset({"provisioner"}),
    "order.check":              frozenset({"provisioner"}),
    "order.schedule":           frozenset({"provisioner"}),
    "order.reschedule":         frozenset({"provisioner"}),
    "order.unschedule":         frozenset({"provisioner"}),
    "order.cancel":             frozenset({"provisioner", "operator"}),
    "order.retry":              frozenset({"provisioner"}),
    "order.answer":             frozenset({"provisioner", "operator"}),
    "order.approve":            frozenset({"provisioner", "operator"}),
    "order.take-over":          frozenset({"provisioner"}),
    "order.delete":             frozenset({"provisioner"}),
    "service.audit":            frozenset({"provisioner", "operator"}),
    "service.abandon":          frozenset({"operator"}),
    "service.accept":           frozenset({"provisioner", "operator"}),
    "service.approve":          frozenset({"provisioner", "operator"}),
    "subscription.create":      frozenset({"operator", "provisioner", "designer"}),
    "subscription.view":        frozenset(),  # other people's; one's own needs no role
    "subscription.change":      frozenset(),
    "subscription.refer":       frozenset(),  # to a secret of this machine, by its name
    "catalogue.change":         frozenset({"designer"}),
    "config.change":            frozenset(),
    "user.view":                frozenset(),
    "user.change":              frozenset(),
}
# fmt: on


def permit(by: Actor, action: str, platform: int | None = None) -> None:
    """Refuse an action that no role of the actor allows. An action without a row is refused for everybody.

    Without a platform, looking needs a role anywhere, and all else needs its role everywhere.

    Raises:
        NotFound: the actor has no role on the platform; what is there does not exist for it.
        NotPermitted: with the roles that would do.
    """
    if platform is not None:
        held = by.roles_on(platform)
        if not held and by.on:
            raise NotFound("platform", platform)
    else:
        held = by.roles.union(*by.on.values()) if action == "view" else by.roles
    if not _is_of(held, action):
        where = "" if platform is None else f" on platform {platform}"
        raise NotPermitted(f"{by.name} may not {action}{where}", roles=may(action))


def allows(by: Actor, action: str, platform: int) -> bool:
    """Does a role of the actor allow it on a platform?"""
    return _is_of(by.roles_on(platform), action)


def _is_of(held: Set[str], action: str) -> bool:
    allowed = PERMISSIONS.get(action)
    return allowed is not None and bool(held & allowed or Role.ADMIN in held)


def may(action: str) -> tuple[str, ...]:
    """The roles that may do it."""
    return tuple(sorted(PERMISSIONS.get(action, frozenset()) - {ENGINE_ROLE} | {Role.ADMIN}))


def unknown_roles(roles: Iterable[str]) -> list[str]:
    """Those that are no role at all."""
    return sorted(set(roles) - ROLES)
