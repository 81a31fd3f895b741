# SPDX-License-Identifier: Apache-2.0
"""Platforms and their settings."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from preroll.app import sight
from preroll.app.bookings import Installed
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.permission import Actor, permit
from preroll.ports.store import Store, Tx

SIMULTANEOUS_MAX = 200
"""The vendor's own upper limit of LSO scripts at once (release note 43595)."""


class Platforms:
    """The domains that teams work in."""

    def __init__(self, store: Store, installed: Installed) -> None:
        self._store, self._installed = store, installed

    async def list(self, by: Actor) -> list[Platform]:
        """All platforms."""

        def query(tx: Tx) -> list[Platform]:
            permit(by, "view")
            return [found for found in tx.platforms.all() if by.sees(found.key)]

        return await self._store.read(query)

    async def get(self, by: Actor, name: str) -> Platform:
        """One platform by name."""

        def query(tx: Tx) -> Platform:
            return sight.platform(tx, by, name)

        return await self._store.read(query)

    async def put(self, by: Actor, platform: Platform) -> Platform:
        """Store a platform and its settings; a changed config gets the next version.

        Raises:
            Invalid: every mistake, each pair that the transition table lacks included.
        """

        def unit(tx: Tx) -> Platform:
            if mistakes := mistakes_of(platform):
                raise Invalid(mistakes)
            return put(tx, by, platform)[1]

        return await self._store.write(unit)


def put(tx: Tx, by: Actor, platform: Platform) -> tuple[Platform | None, Platform]:
    """Store a platform by its name and tell of it; returns what was there before and what is there now."""
    old = next((p for p in tx.platforms.all() if p.name == platform.name), None)
    permit(by, "config.change", old.key if old else None)
    if old and replace(platform.config, version=old.config.version) == old.config and platform.zone == old.zone:
        return old, old
    stored = tx.platforms.put(platform)
    kind = "platform.changed" if old else "platform.created"
    tx.changes.add(Change(kind, stored.id, stored.key, by.name, revision=stored.config.version))
    return old, stored


def mistakes_of(platform: Platform) -> list[Mistake]:
    """Everything wrong with a platform's settings."""
    found = []
    if not platform.name.strip():
        found.append(Mistake("name", "is empty", "a name"))
    try:
        ZoneInfo(platform.zone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append(Mistake("zone", f"is {platform.zone!r}", "an IANA time zone such as Europe/Brussels"))
    limits = platform.config.limits
    if not 1 <= limits.simultaneous_lso <= SIMULTANEOUS_MAX:
        found.append(Mistake("limits.simultaneous_lso", f"is {limits.simultaneous_lso}", f"1 to {SIMULTANEOUS_MAX}"))
    found += [
        Mistake("service_states.transitions", f"{before} -> {after} is needed by the stage mapping", "a row for it")
        for before, after in platform.config.service_states.gaps()
    ]
    return found
