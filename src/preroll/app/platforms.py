# SPDX-License-Identifier: Apache-2.0
"""Platforms and their settings: read, changed, undone, with their history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from preroll.app import sight
from preroll.app.aftermath import Aftermath, foresee, settle_changes
from preroll.domain.changes import Change
from preroll.domain.config import Differing, Platform, PlatformConfig, differing
from preroll.domain.errors import Doomed, Invalid, Mistake, NotFound, WouldFail, require_seen
from preroll.domain.foresight import fails
from preroll.domain.permission import Actor, permit
from preroll.ports.platforms import Edition
from preroll.ports.scripts import ScriptKind, ScriptKinds, misfit
from preroll.ports.store import Store, Tx

LISTED = 20
"""Bookings whose events would fail, or that are touched, that are listed by name."""
SCOPED = "a booking with scopes"
"""In the change log, which people read who may not know its name."""

TABLE, SCRIPT, DEFINITION = "service_states.transitions", "start_failure_script", "defaults.definition"
FORCIBLE = frozenset({TABLE, SCRIPT, DEFINITION})
"""Settings whose mistakes force makes right."""
FELT = ("service_states", "limits", "start_failure", "paused", "shrink_post_roll")
"""Settings that are read at the events of bookings."""

Rule = Callable[[Platform], Platform]
"""From the stored settings to the new ones; asked again when the transaction is repeated. It may raise Unread."""
Wanted = tuple[Platform, str, Sequence[Mistake]]
"""A platform as it is to be, why, and what was wanted besides but cannot be read."""
Moved = tuple[Platform, Aftermath]
"""A platform as it was on a snapshot, and what another zone would do to bookings."""


class Unread(Invalid):
    """Some of what a rule is to change cannot be read; the rest is judged as well, so that all is told at once."""

    def __init__(self, mistakes: Sequence[Mistake], rest: Platform) -> None:
        super().__init__(mistakes)
        self.rest = rest
        """The platform with what could be read."""


@dataclass(frozen=True, slots=True)
class Past:
    """A version of the settings, with what it changed."""

    edition: Edition
    changed: Sequence[Differing]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What saving settings would come to."""

    platform: Platform
    """As it would be stored."""
    mistakes: Sequence[Mistake] = ()
    """What no force can make right."""
    lacks: Sequence[tuple[str, str]] = ()
    """Pairs that the stage mapping needs and the transition table does not allow: with force alone."""
    doomed: Sequence[Doomed] = ()
    """The first bookings with an event that would fail: with force alone."""
    count: int = 0
    """How many there are."""


class Platforms:
    """The domains that teams work in."""

    def __init__(self, store: Store, scripts: ScriptKinds) -> None:
        self._store, self._scripts = store, scripts

    def start_failure_scripts(self) -> Sequence[str] | None:
        """Installed scripts that can be the start failure script, by name; None: this process does not know."""
        kinds = self._scripts()
        return None if kinds is None else sorted(n for n, kind in kinds.items() if kind is ScriptKind.START_FAILURE)

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
            force: save it although the transition table lacks rows, a script or a definition is named that is not
                there, events of bookings would fail, or bookings of resources with weekly hours in the platform's
                zone would lose them to another zone.

        Raises:
            Invalid: every mistake, each pair that the transition table lacks and each script or definition that is
                not there included. Stale.
            WouldFail: the bookings that are confirmed or run, and which of their events.
            Conflict: who would lose what to another zone.
        """

        def wanted(tx: Tx) -> Wanted:
            old = _named(tx, platform.name)
            if old is not None:
                sight.platform(tx, by, old.name, "config.change")
            require_seen(f"platform {platform.name}", seen, old.config.version if old else 0)
            return platform, why, ()

        return await self._saved(by, wanted, force=force)

    async def change(
        self, by: Actor, name: str, rule: Rule, *, seen: int | None = None, force: bool = False, why: str = ""
    ) -> Platform:
        """Change some settings of a platform; the others stay as they are stored.

        Raises:
            as ``put``, and what the rule raises.
        """

        def wanted(tx: Tx) -> Wanted:
            old = sight.platform(tx, by, name, "config.change")
            require_seen(f"platform {name}", seen, old.config.version)
            try:
                return rule(old), why, ()
            except Unread as error:
                return error.rest, why, error.mistakes

        return await self._saved(by, wanted, force=force)

    async def foresee(self, by: Actor, name: str, rule: Rule) -> Foreseen:
        """What a change would come to; nothing is changed."""

        def query(tx: Tx) -> Foreseen:
            old = sight.platform(tx, by, name)
            new = _spelled(rule(old))
            mistakes, lacks = mistakes_of(new), lacking(new, old)
            return Foreseen(new, mistakes, lacks, *(((), 0) if mistakes else _doomed(tx, old, new)))

        return await self._store.read(query)

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

        def wanted(tx: Tx) -> Wanted:
            old = sight.platform(tx, by, name, "config.change")
            now = old.config.version
            require_seen(f"platform {name}", seen, now)
            earlier = now - 1 if to is None else to
            found = tx.platforms.history(old, earlier + 1, 1)
            if not found or found[0].platform.config.version != earlier:
                raise NotFound("version of the settings", earlier, hint=f"there are versions 1 to {now}")
            return found[0].platform, f"as version {earlier} had it", ()

        return await self._saved(by, wanted, force=force)

    async def _saved(self, by: Actor, wanted: Callable[[Tx], Wanted], *, force: bool) -> Platform:
        """Foresee on a snapshot what another zone does to bookings, then store what is wanted."""
        moved = await self._store.read(lambda tx: _moved(tx, wanted(tx)[0]))
        installed = self._scripts()

        def unit(tx: Tx) -> Platform:
            platform, why, unread = wanted(tx)
            amiss = [*unread, *(() if force else _not_there(tx, platform, installed))]
            return _saved(tx, by, (platform, why), moved, force=force, amiss=amiss)

        return await self._store.write(unit)


def _named(tx: Tx, name: str) -> Platform | None:
    return next((p for p in tx.platforms.all() if p.name == name), None)


def _moved(tx: Tx, platform: Platform) -> Moved | None:
    """What another zone does to bookings; None: the zone stays as it is, or cannot be."""
    old = _named(tx, platform.name)
    if old is None or old.zone == platform.zone or mistakes_of(platform):
        return None
    return old, foresee(tx, old.key, [(old, platform)])


def _not_there(tx: Tx, platform: Platform, installed: Mapping[str, ScriptKind] | None) -> Sequence[Mistake]:
    """What the settings name and is not there, but for what they named before; a bundle may bring it along.

    Args:
        installed: None: this process does not know.
    """
    now, old, found = platform.config, _named(tx, platform.name), list[Mistake]()
    was = old.config if old else PlatformConfig()
    script, definition = now.start_failure_script, now.defaults.definition
    if installed is not None and script not in ("", was.start_failure_script):
        wrong = misfit(installed.get(script), ScriptKind.START_FAILURE)
        found += (
            [Mistake(SCRIPT, f"{script} {wrong}", "one that preroll scripts list shows, or force")] if wrong else []
        )
    if old is not None and definition not in ("", was.defaults.definition):
        try:
            tx.catalogue.definition(old.key, definition)
        except NotFound as error:
            found.append(Mistake(DEFINITION, f"there is {error}", "one that preroll definition list shows, or force"))
    return found


def _saved(
    tx: Tx, by: Actor, wanted: tuple[Platform, str], moved: Moved | None, *, force: bool, amiss: Sequence[Mistake]
) -> Platform:
    """Store a platform; weekly hours that are in its zone move with it, and bookings follow."""
    platform, why = wanted
    old, stored = put(tx, by, platform, force=force, why=why, amiss=amiss)
    if old and old.zone != stored.zone:
        foreseen = moved[1] if moved and moved[0] == old else None
        settle_changes(tx, by, stored.key, [(old, stored)], force=force, foreseen=foreseen)
    return stored


def put(
    tx: Tx, by: Actor, platform: Platform, *, force: bool = False, why: str = "", amiss: Sequence[Mistake] = ()
) -> tuple[Platform | None, Platform]:
    """Store a platform by its name and tell of it; returns what was there before and what is there now.

    Args:
        amiss: what speaks against it beside its own mistakes.

    Raises:
        Invalid. WouldFail. Neither for what ``force`` is for.
    """
    platform = _spelled(platform)
    config = platform.config
    old = _named(tx, platform.name)
    permit(by, "config.change", old.key if old else None)
    if mistakes := [*mistakes_of(platform), *amiss, *(() if force else gaps_of(platform, old))]:
        raise Invalid(mistakes)
    if old and replace(config, version=old.config.version) == old.config and platform.zone == old.zone:
        return old, old
    doomed, count = _doomed(tx, old, platform) if old else ((), 0)
    if doomed and not force:
        raise WouldFail(doomed, count)
    stored = tx.platforms.put(platform, seen=old.config.version if old else None, actor=by.name, why=why)
    tx.changes.add(_told(tx, by, old, stored, [why, _forced(doomed, count)]))
    return old, stored


def _spelled(platform: Platform) -> Platform:
    config = replace(platform.config, service_states=platform.config.service_states.spelled())
    return replace(platform, config=config)


def mistakes_of(platform: Platform) -> list[Mistake]:
    """Everything wrong with a platform's settings that no force can make right."""
    found = []
    if not platform.name.strip():
        found.append(Mistake("name", "is empty", "a name"))
    try:
        ZoneInfo(platform.zone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append(Mistake("zone", f"is {platform.zone!r}", "an IANA time zone such as Europe/Brussels"))
    return found + platform.config.mistakes()


def lacking(platform: Platform, old: Platform | None = None) -> list[tuple[str, str]]:
    """The rows that the stage mapping needs and the transition table lacks (SPEC 4), but those that lacked before."""
    accepted = old.config.service_states.gaps() if old else ()
    return [pair for pair in platform.config.service_states.spelled().gaps() if pair not in accepted]


def gaps_of(platform: Platform, old: Platform | None = None) -> list[Mistake]:
    """The same, told."""
    return [
        Mistake(
            TABLE, f"{before} -> {after} is needed by the stage mapping",
            "a row for it, or force: the event then fails",
        )
        for before, after in lacking(platform, old)
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
        if not standing.definition:
            continue
        actions = tx.catalogue.definition_by_key(standing.definition).actions
        ahead = fails(standing, new, actions)
        if ahead is None or fails(standing, old, actions) == ahead:
            continue
        count += bookings
        listed += [
            Doomed(b.id, b.name, b.state.value, ahead.event, ahead.what, scoped=bool(b.scopes))
            for b in tx.bookings.at(before.key, standing, LISTED - len(listed))
        ]
    return listed, count


def _told(tx: Tx, by: Actor, old: Platform | None, now: Platform, reasons: Sequence[str]) -> Change:
    """Each setting with what it was and what it is, and the bookings that will feel it."""
    changed = differing(old, now) if old else []
    felt = any(d.key.startswith(FELT) for d in changed)
    why = [*reasons, _touched(tx, now) if felt else ""]
    return Change(
        "platform.changed" if old else "platform.created", now.id, now.key, by.name, revision=now.config.version,
        before="; ".join(f"{d.key}={d.before}" for d in changed),
        after="; ".join(f"{d.key}={d.after}" for d in changed), why="; ".join(filter(None, why)),
    )  # fmt: skip


def _forced(doomed: Sequence[Doomed], count: int) -> str:
    """Whose events were made to fail; the log is read by people who may not know of every booking."""
    told = [replace(d, name=SCOPED) if d.scoped else d for d in doomed]
    return f"forced: {WouldFail(told, count)}" if told else ""


def _touched(tx: Tx, platform: Platform) -> str:
    """The bookings whose events ahead will be carried out with the new settings."""
    standings = tx.bookings.standings(platform.key)
    count = sum(bookings for _, bookings in standings)
    named: list[str] = []
    for standing, _ in standings:
        found = tx.bookings.at(platform.key, standing, LISTED - len(named)) if len(named) < LISTED else ()
        named += [SCOPED if b.scopes else f"{b.name} ({b.id})" for b in found]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    return f"touches {count} booking{'s' * (count != 1)}: {', '.join(named)}{more}" if count else ""
