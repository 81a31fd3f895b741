# SPDX-License-Identifier: Apache-2.0
"""People and tokens as the page shows them, and what its forms say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from preroll.app.tokens import TokenDetails
from preroll.app.users import NamedRights, UserDetails
from preroll.domain.errors import Invalid, PrerollError
from preroll.domain.permission import Role

EVERYWHERE = ""
ROLES: Mapping[Role, str] = {
    Role.VIEWER: "looks",
    Role.OPERATOR: "books, and runs what is booked",
    Role.PROVISIONER: "orders services",
    Role.DESIGNER: "makes what can be booked and ordered",
    Role.ADMIN: "everything: settings as well, and everywhere also people",
}
"""Role -> what it is trusted with."""


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody may do on a platform, or everywhere."""

    platform: str
    """Empty: everywhere."""
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class PersonShown:
    """A row of the list of people."""

    id: str
    name: str
    full_name: str
    roles: Sequence[str]
    """Such as ``admin`` and ``operator on tv``."""
    scopes: Sequence[str]
    signs_in: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class TokenShown:
    """A row of a list of tokens."""

    id: str
    name: str
    owner: str
    bounds: str
    ends_us: int
    used_us: int | None


def person(found: UserDetails) -> PersonShown:
    """A person in the list."""
    user = found.user
    roles = sorted(user.rights.roles) + [
        f"{role} on {found.platforms.get(key, key)}"
        for key, held in sorted(user.rights.on.items())
        for role in sorted(held)
    ]
    signs_in = "at the organisation" if user.issuer else "by password" if user.password else "not at all"
    return PersonShown(
        user.id, user.name, user.full_name, roles, sorted(user.rights.scopes), signs_in, user.disabled
    )  # fmt: skip


def lines(given: NamedRights, platforms: Iterable[str]) -> list[Line]:
    """What somebody may do: everywhere, then on each platform."""
    there = [Line(name, frozenset(given.on.get(name, ()))) for name in platforms]
    return [Line(EVERYWHERE, frozenset(given.roles)), *there]


def named(found: UserDetails) -> NamedRights:
    """Rights as people write them."""
    rights, names = found.user.rights, found.platforms
    return NamedRights(
        sorted(rights.roles), {names[key]: sorted(held) for key, held in rights.on.items() if key in names},
        sorted(rights.scopes),
    )  # fmt: skip


def given(roles: Iterable[str], scopes: str) -> NamedRights:
    """What a form says: ``admin``, ``operator@tv``; scopes with spaces or commas between them."""
    everywhere, there = [], dict[str, list[str]]()
    for word in roles:
        role, at, platform = word.partition("@")
        if at:
            there.setdefault(platform, []).append(role)
        else:
            everywhere.append(role)
    return NamedRights(everywhere, there, scopes.replace(",", " ").split())


def token(found: TokenDetails) -> TokenShown:
    """A token in a list."""
    one, bounds = found.token, found.token.bounds
    narrowed = [", ".join(sorted(bounds.roles)) or "all that its owner may"]
    if bounds.platforms:
        narrowed.append("on " + ", ".join(sorted(found.platforms.get(key, "?") for key in bounds.platforms)))
    return TokenShown(one.id, one.name, found.owner.name, " ".join(narrowed), one.ends_us, one.used_us)


def beside(refused: PrerollError | None) -> dict[str, str]:
    """What is told beside a field; what is wrong within the rights stands beside these."""
    told: dict[str, list[str]] = {}
    for one in refused.mistakes if isinstance(refused, Invalid) else ():
        told.setdefault("roles" if one.where.startswith("on.") else one.where, []).append(
            f"{one.what}; expected: {one.expected}"
        )
    return {where: "; ".join(lines) for where, lines in told.items()}
