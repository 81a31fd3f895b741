# SPDX-License-Identifier: Apache-2.0
"""The catalogue: resources, profiles and service definitions, put in by document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from preroll.app import aftermath, judgement, platforms, sight, uses
from preroll.app.comparison import ORDER, ChangeKind, Plan, Shelf, Step, compared, completed, sorted_out
from preroll.domain.bundle import PLATFORM, Bundle, Document, Title, Unread, kind_of, revision_of, title_of
from preroll.domain.changes import Change
from preroll.domain.config import Platform
from preroll.domain.definition import ServiceDefinition
from preroll.domain.errors import Conflict, Invalid, Mistake, NotFound, Stale, require_seen
from preroll.domain.inheritance import Resolved
from preroll.domain.naming import counted
from preroll.domain.permission import Actor, permit
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.ports.bundles import Batch, Prepared
from preroll.ports.scripts import ScriptKinds
from preroll.ports.store import Store, Tx

Documents = Sequence[Document | Platform | Bundle | Unread]
_Priced = tuple[Plan, aftermath.Aftermath | None]
ROUNDS = 5
"""How often a catalogue is compared again when somebody else changed it in between."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One document as it is stored now."""

    kind: str
    name: str
    id: str
    change: str
    """``added``, ``changed``, ``unchanged`` or ``removed``."""


class Catalogue:
    """Put and list what can be booked."""

    def __init__(self, store: Store, scripts: ScriptKinds = lambda: None) -> None:
        self._store, self._scripts = store, scripts

    async def plan(
        self, by: Actor, platform: str, documents: Documents, *, prune: bool = False, force: bool = False
    ) -> Plan:
        """What ``apply`` would do; nothing is written.

        Raises:
            Invalid: every mistake, each with ``<index>.<field>``.
        """
        found, _ = await self._store.read(partial(_planned, by, platform, documents, prune=prune, force=force))
        kinds = self._scripts()
        gaps = None if kinds is None else judgement.gaps_of(sorted_out(documents), kinds)
        return replace(found, gaps=gaps)

    async def apply(
        self,
        by: Actor,
        platform: str,
        documents: Documents,
        *,
        prune: bool = False,
        version: int | None = None,
        force: bool = False,
    ) -> list[Applied]:
        """Store documents by name, all in one transaction or none; the platform itself may be one of them.

        Compared on a snapshot, written in few statements if the catalogue is still the one that was compared.

        Args:
            prune: remove what the same bundle created and does not have any more.
            version: of the plan that was shown; None: whatever it takes.
            force: bookings that then have too little are quarantined; a transition table may have gaps.

        Raises:
            Invalid: every mistake, each with ``<index>.<field>``. InUse: what would be removed is needed.
            Stale: the catalogue is not at that version any more. Conflict: bookings would lose what they hold.
        """
        drafted = partial(_drafted, by, platform, documents, prune=prune, force=force)
        return await self._settled(by, drafted, version, force=force)

    async def change(
        self, by: Actor, ident: str, fields: Mapping[str, object], *, seen: int | None = None, force: bool = False
    ) -> Resource:
        """Set fields of a resource, by the way of ``apply``.

        Args:
            seen: the revision that the change was made on; None skips that guard.

        Raises:
            NotFound. Stale: it is at another revision. Conflict: bookings would lose what they hold.
        """

        def drafted(tx: Tx) -> _Draft:
            resource = sight.resource(tx, by, ident, "catalogue.change")
            require_seen(f"resource {resource.name}", seen, resource.revision)
            home = tx.platforms.by_key(resource.platform)
            documents = [replace(resource, **fields)]  # type: ignore[arg-type]
            return _drafted(by, home.name, documents, tx, prune=False, force=force)

        await self._settled(by, drafted, None, force=force)
        return await self.resource(by, ident)

    async def remove(self, by: Actor, platform: str, title: Title, *, force: bool = False) -> Applied:
        """Take one document out, by the way of ``apply``.

        Args:
            force: a resource that waiting bookings have; they are quarantined.

        Raises:
            NotFound. InUse: bookings that run, or other documents, need it. Conflict: bookings would lose it.
        """
        (removed,) = await self._settled(by, partial(_removal, by, platform, title), None, force=force)
        return removed

    async def remove_resource(self, by: Actor, ident: str, *, force: bool = False) -> Applied:
        """The same of a resource by id."""

        def drafted(tx: Tx) -> _Draft:
            resource = sight.resource(tx, by, ident, "catalogue.change")
            return _removal(by, tx.platforms.by_key(resource.platform).name, title_of(resource), tx)

        (removed,) = await self._settled(by, drafted, None, force=force)
        return removed

    async def _settled(
        self, by: Actor, drafted: Callable[[Tx], _Draft], version: int | None, *, force: bool
    ) -> list[Applied]:
        """Draft on a snapshot, then write; again when the catalogue was changed in between, unless that is told."""
        rounds = count(1)
        while True:
            draft = await self._store.read(drafted)
            plan = draft.plan
            if not plan.doing:
                return [_applied(step, step.document.id) for step in plan.steps]
            if version is not None and plan.version != version:
                raise _outdated(plan.platform, version, plan.version)
            uses.refuse({step.title: step.users for step in plan.steps if step.users})
            if plan.losing and not force:
                raise Conflict([], losing=plan.losing)
            try:
                stored = await self._store.write(partial(_carried_out, by, draft, force))
            except Stale as stale:
                if version is not None or next(rounds) == ROUNDS:
                    raise _outdated(plan.platform, stale.seen, stale.stored) from None
            else:
                return [_applied(step, stored.get(step.title, step.document).id) for step in plan.steps]

    async def export(
        self, by: Actor, platform: str, *, kinds: Collection[str] = (), names: Collection[str] = (), bundle: str = ""
    ) -> list[Document | Platform]:
        """The platform and its documents, of a definition the newest version; what others need comes first.

        Args:
            kinds: only these. names: only documents of these names.
            bundle: only what it created.
        """

        def query(tx: Tx) -> list[Document | Platform]:
            home = sight.platform(tx, by, platform)
            created = tx.bundles.created_by(home.key, bundle) if bundle else None
            everything: list[Document | Platform] = [] if bundle else [home]
            everything += [d for d in stored(tx, home) if created is None or title_of(d) in created]
            return [d for d in everything if (not kinds or kind_of(d) in kinds) and (not names or d.name in names)]

        found = await self._store.read(query)
        return sorted(found, key=lambda d: (ORDER.index(kind_of(d)), counted(d.name)))

    async def resources(self, by: Actor, platform: str) -> list[Resource]:
        """All resources of a platform, by name."""

        def query(tx: Tx) -> list[Resource]:
            home = sight.platform(tx, by, platform)
            return tx.catalogue.resources(home.key)

        return await self._store.read(query)

    async def resource(self, by: Actor, ident: str) -> Resource:
        """One resource by id."""

        def query(tx: Tx) -> Resource:
            return sight.resource(tx, by, ident)

        return await self._store.read(query)

    async def profile_definitions(self, by: Actor, platform: str) -> list[ProfileDefinition]:
        """All profile definitions of a platform, by name."""

        def query(tx: Tx) -> list[ProfileDefinition]:
            home = sight.platform(tx, by, platform)
            return tx.catalogue.profile_definitions(home.key)

        return await self._store.read(query)

    async def profile_instances(self, by: Actor, platform: str) -> list[ProfileInstance]:
        """All profile instances of a platform, by name."""

        def query(tx: Tx) -> list[ProfileInstance]:
            home = sight.platform(tx, by, platform)
            return tx.catalogue.profile_instances(home.key)

        return await self._store.read(query)

    async def profile(self, by: Actor, ident: str) -> tuple[ProfileInstance, Resolved]:
        """A profile instance by id, and what it says with all that it inherits.

        Raises:
            NotFound: there is none of that id.
        """

        def query(tx: Tx) -> tuple[ProfileInstance, Resolved]:
            for home in filter(lambda home: by.sees(home.key), tx.platforms.all()):
                profiles = tx.catalogue.profiles(home.key)
                found = next((i for i in profiles.instances.values() if i.id == ident), None)
                if found is not None:
                    permit(by, "view", home.key)
                    return found, profiles.resolved(found.name)
            raise NotFound("profile instance", ident)

        return await self._store.read(query)

    async def definitions(self, by: Actor, platform: str) -> list[ServiceDefinition]:
        """All versions of all service definitions of a platform, by name and version."""

        def query(tx: Tx) -> list[ServiceDefinition]:
            home = sight.platform(tx, by, platform)
            return tx.catalogue.definitions(home.key)

        return await self._store.read(query)


def stored(tx: Tx, home: Platform) -> list[Document]:
    """The documents of a catalogue; of a definition all versions, the newest last."""
    c, key = tx.catalogue, home.key
    newest = {definition.name: definition for definition in c.definitions(key)}
    return [
        *c.pools(key), *c.functions(key), *c.profile_definitions(key), *c.profile_instances(key), *c.resources(key),
        *newest.values(),
    ]  # fmt: skip


def _planned(by: Actor, platform: str, documents: Documents, tx: Tx, *, prune: bool, force: bool) -> _Priced:
    """The plan, on the snapshot of a transaction.

    Raises:
        Invalid: every mistake.
    """
    given = sorted_out(documents)
    home = next((p for p in tx.platforms.all() if p.name == platform), None)
    known = home is not None and by.sees(home.key)
    brought = {p.name for p in given.platforms.values()} | {u.name for u in given.unread.values() if u.kind == PLATFORM}
    if not known and (home or platform not in brought):
        raise NotFound("platform", platform)
    permit(by, "catalogue.change", home.key if home else None)
    shelf = Shelf(stored(tx, home) if home else ())
    given = completed(given, shelf)
    created: Collection[Title] = tx.bundles.created_by(home.key, given.bundle) if home and prune else ()
    steps = compared(shelf, home, given, created)
    plan = Plan(platform, home, given.bundle, tuple(steps))
    removed = plan.removed
    result = shelf.after(given.documents.values(), {title_of(document) for document in removed})
    found = _bundle_mistakes(documents, prune=prune) + judgement.mistakes_of(given, result, platform, home, force=force)
    if found:
        raise Invalid(found)
    if home is None:
        return plan, None
    users = uses.users_of(tx, home.key, removed, result) if removed else {}
    told = [replace(s, users=tuple(users.get(s.title, ()))) if s.after is None else s for s in steps]
    return _priced(tx, by, home, replace(plan, steps=tuple(told)))


def _priced(tx: Tx, by: Actor, home: Platform, plan: Plan) -> _Priced:
    """The plan with what it costs bookings, and how that was foreseen."""
    foreseen = aftermath.foresee(tx, home.key, _pairs(plan))
    cost = Conflict([], losing=foreseen.losing)
    return replace(plan, losing=tuple(sight.conflict(tx, by, home.key, cost).losing)), foreseen


def _pairs(plan: Plan) -> list[aftermath.Pair]:
    return [(step.before, step.after) for step in plan.doing]


def _bundle_mistakes(documents: Documents, *, prune: bool) -> list[Mistake]:
    names = [
        i for i, d in enumerate(documents) if isinstance(d, Bundle) or (isinstance(d, Unread) and d.kind == "bundle")
    ]
    found = [Mistake(f"{index}.kind", "a bundle has one name", "one document of kind: bundle") for index in names[1:]]
    if prune and not names:
        expected = "a document kind: bundle with a name: only what the same bundle created is ever removed"
        found.append(Mistake("prune", "the bundle has no name", expected))
    return found


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan, and what is to be written for it, worked out on the snapshot on which it was made."""

    plan: Plan
    prepared: Prepared
    changes: Sequence[Change]
    foreseen: aftermath.Aftermath | None = None


def _drafted(by: Actor, platform: str, documents: Documents, tx: Tx, *, prune: bool, force: bool) -> _Draft:
    plan, foreseen = _planned(by, platform, documents, tx, prune=prune, force=force)
    return _worked_out(by, plan, plan.home.key, tx, foreseen) if plan.home else _Draft(plan, Prepared((), {}), ())


def _removal(by: Actor, platform: str, title: Title, tx: Tx) -> _Draft:
    home = sight.platform(tx, by, platform, "catalogue.change")
    shelf = Shelf(stored(tx, home))
    document = shelf.get(title)
    if document is None:
        raise NotFound(title[0].replace("_", " "), title[1])
    users = uses.users_of(tx, home.key, [document], shelf.after((), {title}))
    step = Step(ChangeKind.REMOVED, document, None, tuple(users.get(title, ())))
    plan, foreseen = _priced(tx, by, home, Plan(platform, home, "", (step,)))
    return _worked_out(by, plan, home.key, tx, foreseen)


def _worked_out(by: Actor, plan: Plan, platform: int, tx: Tx, foreseen: aftermath.Aftermath | None = None) -> _Draft:
    batch = Batch(
        added=_after(plan.doing, ChangeKind.ADDED),
        changed=_after([step for step in plan.doing if not step.moved], ChangeKind.CHANGED),
        moved=[moved for step in plan.doing if (moved := step.moved)],
        removed=plan.removed,
        bundle=plan.bundle,
    )
    prepared = tx.bundles.prepare(platform, batch)
    steps = [step for step in plan.doing if not isinstance(step.document, Platform)]
    changes = [_change(by, platform, step, prepared.stored.get(step.title, step.document)) for step in steps]
    return _Draft(plan, prepared, changes, foreseen)


def _carried_out(by: Actor, draft: _Draft, force: bool, tx: Tx) -> Mapping[Title, Document | Platform]:  # noqa: FBT001 - bound
    """Write a plan down; returns what is stored now.

    Raises:
        Stale: the catalogue is another one now. InUse: a booking has come in between.
        Conflict: bookings would lose what they hold.
    """
    plan = draft.plan
    home = _home(tx, by, plan, force=force)
    if plan.home is None:
        draft = _worked_out(by, plan, home.key, tx)
    if any(isinstance(step.before, ProfileDefinition | ProfileInstance) for step in plan.doing):
        tx.reservations.lock_all(home.key)
    tx.bundles.carry_out(draft.prepared)
    if plan.removed:
        uses.refuse(uses.users_of(tx, home.key, plan.removed, Shelf()))
    aftermath.settle_changes(tx, by, home.key, _pairs(plan), force=force, foreseen=draft.foreseen)
    tx.changes.add_all(draft.changes)
    return {**draft.prepared.stored, title_of(home): home}


def _home(tx: Tx, by: Actor, plan: Plan, *, force: bool) -> Platform:
    """The platform, at the version that was compared, with its new settings if it has any."""
    settings = next((s for s in plan.doing if isinstance(s.after, Platform)), None)
    if plan.home is None:
        known = next((p for p in tx.platforms.all() if p.name == plan.platform), None)
        if known is not None:
            raise Stale(f"platform {plan.platform}", 0, known.catalogue_version)
    else:
        tx.bundles.advance(plan.home.key, plan.version)
    if settings is not None and isinstance(settings.after, Platform):
        return platforms.put(tx, by, replace(settings.after, catalogue_version=1), force=force)[1]
    home = tx.platforms.get(plan.platform)
    permit(by, "catalogue.change", home.key)
    return home


def _after(steps: Sequence[Step], change: ChangeKind) -> list[Document]:
    return [d for step in steps if step.change is change and (d := step.after) and not isinstance(d, Platform)]


def _change(by: Actor, platform: int, step: Step, now: Document | Platform) -> Change:
    kind = f"{step.title[0]}.{step.change.value}"
    if step.after is None:
        return Change(kind, now.id, platform, by.name, before=now.name, revision=revision_of(now))
    return Change(kind, now.id, platform, by.name, after=now.name, revision=revision_of(now))


def _applied(step: Step, ident: str) -> Applied:
    return Applied(*step.title, ident, step.change.value)


def _outdated(platform: str, seen: int, stored: int) -> Stale:
    return Stale(f"the catalogue of {platform}", seen, stored, hint="make a new plan, and apply that one")
