# SPDX-License-Identifier: Apache-2.0
"""Platforms and the history of their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from preroll.domain.config import Platform, PlatformConfig
from preroll.domain.errors import NotFound
from preroll.domain.naming import counted
from preroll.ports.platforms import Edition
from preroll.store.documents import Codec
from preroll.store.races import LostRace
from preroll.store.sql import Row
from preroll.store.work import Work

CONFIG: Codec[PlatformConfig] = Codec(PlatformConfig)
_COLUMNS = "key, id, name, zone, catalogue_version, config_version, config"


class Platforms:
    """The platforms of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, name: str) -> Platform:
        found = next((p for p in self._work.platforms.values() if p.name == name), None)
        if found is not None:
            return found
        row = self._work.db.one(f"select {_COLUMNS} from platform where name = ?", name)
        if row is None:
            raise NotFound("platform", name, hint="preroll platform list shows them all")
        return self._read(row)

    def by_key(self, key: int) -> Platform:
        found = self.found(key)
        if found is None:
            raise NotFound("platform", key)
        return found

    def found(self, key: int) -> Platform | None:
        """The one of this key, if there is one."""
        return self._work.platforms.get(key) or self.by_keys([key]).get(key)

    def by_keys(self, keys: Iterable[int]) -> dict[int, Platform]:
        """Those of these keys that exist."""
        return self.ask(keys)()

    def ask(self, keys: Iterable[int]) -> Callable[[], dict[int, Platform]]:
        """The same, when it is wanted."""
        known, wanted = self._work.platforms, set(keys)
        missing = [key for key in wanted if key not in known]
        rows = self._work.db.later(f"select {_COLUMNS} from platform where key in ?ints", missing) if missing else list

        def found() -> dict[int, Platform]:
            for row in rows():
                self._read(row)
            return {key: known[key] for key in wanted if key in known}

        return found

    def all(self) -> list[Platform]:
        return self.ask_all()()

    def ask_all(self) -> Callable[[], list[Platform]]:
        """The same, when it is wanted."""
        rows = self._work.db.later(f"select {_COLUMNS} from platform")
        return lambda: sorted(map(self._read, rows()), key=lambda home: counted(home.name))

    def put(self, platform: Platform, *, seen: int | None = None, actor: str = "", why: str = "") -> Platform:
        work = self._work
        work.change_catalogue()
        row = work.db.one(f"select {_COLUMNS} from platform where name = ? for no key update", platform.name)
        if row is None:
            return self._insert(platform, actor, why)
        stored = self._platform(row)
        if seen is not None and seen != stored.config.version:
            raise LostRace(f"platform {stored.name}", seen, stored.config.version, ("platform", stored.key))
        config = replace(platform.config, version=stored.config.version)
        moved = int(config != stored.config or platform.zone != stored.zone)
        config = replace(config, version=stored.config.version + moved)
        now = replace(platform, id=stored.id, key=stored.key, config=config)
        now = replace(now, catalogue_version=max(stored.catalogue_version + moved, platform.catalogue_version))
        if moved:
            self._remember(now, actor, why)
            work.memory.alarms.looked_us, work.due = None, True
        work.db.run(
            "update platform set zone = ?, catalogue_version = ?, config_version = ?, config = ? where key = ?",
            now.zone, now.catalogue_version, config.version, CONFIG.encode(config), now.key,
        )  # fmt: skip
        return now

    def history(self, platform: Platform, before: int | None, limit: int) -> list[Edition]:
        rows = self._work.db.all(
            "select version, config, zone, at_us, actor, why from platform_config where platform = ? and version < ?"
            " order by version desc limit ?",
            platform.key, platform.config.version + 1 if before is None else before, limit,
        )  # fmt: skip
        return [_edition(platform, row) for row in rows]

    def touch(self, key: int) -> None:
        """The platform's catalogue has changed."""
        self._work.change_catalogue()
        self._work.db.run("update platform set catalogue_version = catalogue_version + 1 where key = ?", key)

    def _insert(self, platform: Platform, actor: str, why: str) -> Platform:
        config = replace(platform.config, version=1)
        new = replace(platform, id=platform.id or self._work.new_id(), config=config)
        row = self._work.db.one(
            "insert into platform (id, name, zone, catalogue_version, config_version, config)"
            " values (?, ?, ?, ?, 1, ?) returning key",
            new.id, new.name, new.zone, new.catalogue_version, CONFIG.encode(config),
        )  # fmt: skip
        assert row is not None  # noqa: S101 - it was inserted
        new = replace(new, key=row[0])
        self._remember(new, actor, why)
        return new

    def _remember(self, platform: Platform, actor: str, why: str) -> None:
        self._work.db.run(
            "insert into platform_config (platform, version, config, zone, at_us, actor, why)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            platform.key, platform.config.version, CONFIG.encode(platform.config), platform.zone, self._work.now,
            actor, why,
        )  # fmt: skip

    def _read(self, row: Row) -> Platform:
        """As it was read first in this transaction: whoever compares with what is stored finds what came between."""
        return self._work.platforms.setdefault(row[0], self._platform(row))

    def _platform(self, row: Row) -> Platform:
        key, ident, name, zone, catalogue_version, version, text = row
        configs = self._work.memory.configs
        config = configs.get((key, version))
        if config is None:
            config = configs[key, version] = CONFIG.decode(text)
        return Platform(name, zone, config, ident, key, catalogue_version)


def _edition(platform: Platform, row: Row) -> Edition:
    version, text, zone, at_us, actor, why = row
    config = replace(CONFIG.decode(text), version=version)
    return Edition(replace(platform, zone=zone or platform.zone, config=config), at_us, actor, why)
