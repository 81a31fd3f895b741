# SPDX-License-Identifier: Apache-2.0
"""Who may do what. Until people have accounts there is one local actor, who may do everything."""

from __future__ import annotations

from dataclasses import dataclass

from preroll.domain.errors import NotPermitted


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person at this machine, or the engine itself."""

    name: str
    roles: frozenset[str] = frozenset()


LOCAL = Actor("local", frozenset({"admin"}))
ENGINE = Actor("engine", frozenset({"engine"}))

# fmt: off
PERMISSIONS: dict[str, frozenset[str]] = {
    # action                    roles that may (admin always may)
    "view":                     frozenset({"viewer", "operator", "provisioner", "designer", "engine"}),
    "booking.create":           frozenset({"operator"}),
    "booking.edit":             frozenset({"operator"}),
    "booking.force":            frozenset({"operator", "designer"}),
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
    "booking.rename":           frozenset({"operator"}),
    "booking.properties":       frozenset({"operator"}),
    "booking.duplicate":        frozenset({"operator"}),
    "booking.take":             frozenset({"operator"}),
    "booking.release":          frozenset({"operator"}),
    "booking.force-take":       frozenset({"operator"}),
    "booking.delete":           frozenset({"operator"}),
    "booking.audit":            frozenset({"operator", "provisioner"}),
    "catalogue.change":         frozenset({"designer"}),
    "config.change":            frozenset(),
}
# fmt: on


def permit(by: Actor, action: str, platform: int | None = None) -> None:
    """Refuse an action that no role of the actor allows. An action without a row is refused for everybody.

    Raises:
        NotPermitted: with the roles that would be needed.
    """
    roles = PERMISSIONS.get(action)
    if roles is None or not by.roles & (roles | {"admin"}):
        need = ", ".join(sorted((roles or frozenset()) | {"admin"}))
        where = f" on platform {platform}" if platform is not None else ""
        raise NotPermitted(f"{by.name} may not {action}{where}", hint=f"needs one of the roles: {need}")
