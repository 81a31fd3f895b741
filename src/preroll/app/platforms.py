# SPDX-License-Identifier: Apache-2.0
"""Platforms and their settings: read, changed, undone, with their history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from preroll.app import sight
from preroll.app.aftermath import settle_changes
from preroll.app.bookings import Installed
from preroll.domain.changes import Change
from preroll.domain.config import Differing, Platform, PlatformConfig, differing
from preroll.domain.errors import Doomed, Invalid, Mistake, NotFound, Stale, WouldFail
from preroll.domain.foresight import fails
from preroll.domain.permission import Actor, permit
from preroll.ports.platforms import Edition
from preroll.ports.store import Store, Tx

SIMULTANEOUS_MAX = 200
"""The vendor's own upper limit of LSO scripts at once (release note 43595)."""
LISTED = 20
"""Bookings whose events would fail that are listed by name."""

Rule = Callable[[Platform], Platform]
"""From the stored settings to the new ones; asked again when the transaction is repeated."""


@dataclass(frozen=True, slots=True)
class Past:
    """A version of the settings, with what it changed."""

    edition: Edition
    changed: Sequence[Differing]


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

    async def put(
        self, by: Actor, platform: Platform, *, seen: int | None = None, force: bool = False, why: str = ""
    ) -> Platform:
        """Make a platform, or replace its settings; a changed config gets the next version.

        Args:
            seen: the version that the change was made on; None skips that guard.
            force: save it although the transition table lacks rows, events of bookings would fail, or bookings of
                resources with weekly hours in the platform's zone would lose them to another zone.

        Raises:
            Invalid: every mistake, each pair that the transition table lacks included. Stale.
            WouldFail: the bookings that are confirmed or run, and which of their events.
            Conflict: who would lose what to another zone.
        """

        def unit(tx: Tx) -> Platform:
            old = next((p for p in tx.platforms.all() if p.name == platform.name), None)
            if old is not None:
                sight.platform(tx, by, old.name, "config.change")
            if seen is not None and seen != (old.config.version if old else 0):
                raise Stale(f"platform {platform.name}", seen, old.config.version if old else 0)
            return _saved(tx, by, platform, force=force, why=why)

        return await self._store.write(unit)

    async def change(
        self, by: Actor, name: str, rule: Rule, *, seen: int | None = None, force: bool = False, why: str = ""
    ) -> Platform:
        """Change some settings of a platform; the others stay as they are stored.

        Raises:
            as ``put``, and what the rule raises.
        """

        def unit(tx: Tx) -> Platform:
            old = sight.platform(tx, by, name, "config.change")
            if seen is not None and seen != old.config.version:
                raise Stale(f"platform {name}", seen, old.config.version)
            return _saved(tx, by, rule(old), force=force, why=why)

        return await self._store.write(unit)

    async def history(self, by: Actor, name: str, before: int | None = None, limit: int = 100) -> Sequence[Past]:
        """Versions of the settings before one, the newest first, each with what it changed."""

        def query(tx: Tx) -> Sequence[Past]:
            platform = sight.platform(tx, by, name)
            found = tx.platforms.history(platform, before, limit + 1)
            bare = replace(platform, zone="", config=PlatformConfig())
            older = [edition.platform for edition in found[1:]] + ([bare] if len(found) <= limit else [])
            return [Past(e, differing(o, e.platform)) for e, o in zip(found[:limit], older, strict=False)]

        return await self._store.read(query)

    async def undo(
        self, by: Actor, name: str, to: int | None = None, *, seen: int | None = None, force: bool = False
    ) -> Platform:
        """Have the settings of an earlier version again, as a new version; None: of the one before.

        Raises:
            NotFound: there is no such version. Otherwise as ``put``.
        """

        def unit(tx: Tx) -> Platform:
            old = sight.platform(tx, by, name, "config.change")
            now = old.config.version
            if seen is not None and seen != now:
                raise Stale(f"platform {name}", seen, now)
            wanted = now - 1 if to is None else to
            found = tx.platforms.history(old, wanted + 1, 1)
            if not found or found[0].platform.config.version != wanted:
                raise NotFound("version of the settings", wanted, hint=f"there are versions 1 to {now}")
            return _saved(tx, by, found[0].platform, force=force, why=f"as version {wanted} had it")

        return await self._store.write(unit)


def _saved(tx: Tx, by: Actor, platform: Platform, *, force: bool, why: str) -> Platform:
    """Store a platform; weekly hours that are in its zone move with it, and bookings follow."""
    old, stored = put(tx, by, platform, force=force, why=why)
    if old and old.zone != stored.zone:
        settle_changes(tx, by, stored.key, [(old, stored)], force=force)
    return stored


def put(
    tx: Tx, by: Actor, platform: Platform, *, force: bool = False, why: str = ""
) -> tuple[Platform | None, Platform]:
    """Store a platform by its name and tell of it; returns what was there before and what is there now.

    Raises:
        Invalid. WouldFail. Neither for what ``force`` is for.
    """
    config = replace(platform.config, service_states=platform.config.service_states.spelled())
    platform = replace(platform, config=config)
    old = next((p for p in tx.platforms.all() if p.name == platform.name), None)
    permit(by, "config.change", old.key if old else None)
    if mistakes := mistakes_of(platform) + ([] if force else gaps_of(platform, old)):
        raise Invalid(mistakes)
    if old and replace(config, version=old.config.version) == old.config and platform.zone == old.zone:
        return old, old
    doomed, count = _doomed(tx, old, platform) if old else ((), 0)
    if doomed and not force:
        raise WouldFail(doomed, count)
    stored = tx.platforms.put(platform, actor=by.name, why=why)
    tx.changes.add(_told(by, old, stored, why, WouldFail(doomed, count) if doomed else None))
    return old, stored


def mistakes_of(platform: Platform) -> list[Mistake]:
    """Everything wrong with a platform's settings that no force can make right."""
    found = []
    if not platform.name.strip():
        found.append(Mistake("name", "is empty", "a name"))
    try:
        ZoneInfo(platform.zone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append(Mistake("zone", f"is {platform.zone!r}", "an IANA time zone such as Europe/Brussels"))
    config, limits = platform.config, platform.config.limits
    if not 1 <= limits.simultaneous_lso <= SIMULTANEOUS_MAX:
        found.append(Mistake("limits.simultaneous_lso", f"is {limits.simultaneous_lso}", f"1 to {SIMULTANEOUS_MAX}"))
    found += config.service_states.mistakes("service_states")
    found += config.lifecycle_colors.mistakes("lifecycle_colors")
    return found + config.defaults.mistakes("defaults")


def gaps_of(platform: Platform, old: Platform | None = None) -> list[Mistake]:
    """The rows that the stage mapping needs and the transition table lacks (SPEC 4), but those that lacked before."""
    accepted = old.config.service_states.gaps() if old else ()
    return [
        Mistake(
            "service_states.transitions", f"{before} -> {after} is needed by the stage mapping",
            "a row for it, or force: the event then fails",
        )
        for before, after in platform.config.service_states.spelled().gaps()
        if (before, after) not in accepted
    ]  # fmt: skip


def _doomed(tx: Tx, before: Platform, after: Platform) -> tuple[Sequence[Doomed], int]:
    """The first bookings with an event that the change makes fail, and how many there are."""
    old, new = before.config.service_states, after.config.service_states
    if (old.mapping, old.transitions) == (new.mapping, new.transitions):
        return (), 0
    standings = tx.bookings.standings(before.key)
    listed: list[Doomed] = []
    count = 0
    for standing, bookings in standings:
        actions = tx.catalogue.definition_by_key(standing.definition).actions
        ahead = fails(standing, new, actions)
        if ahead is None or fails(standing, old, actions) == ahead:
            continue
        count += bookings
        listed += [
            Doomed(b.id, b.name, b.state.value, ahead.event, ahead.what)
            for b in tx.bookings.at(before.key, standing, LISTED - len(listed))
        ]
    return listed, count


def _told(by: Actor, old: Platform | None, now: Platform, why: str, forced: WouldFail | None) -> Change:
    """Each setting with what it was and what it is, and the bookings that will feel it."""
    changed = differing(old, now) if old else []
    reasons = [why] if why else []
    if forced:
        reasons.append(f"forced: {forced}")
    return Change(
        "platform.changed" if old else "platform.created", now.id, now.key, by.name, revision=now.config.version,
        before="; ".join(f"{d.key}={d.before}" for d in changed),
        after="; ".join(f"{d.key}={d.after}" for d in changed), why="; ".join(reasons),
    )  # fmt: skip
