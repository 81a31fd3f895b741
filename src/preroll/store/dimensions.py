# SPDX-License-Identifier: Apache-2.0
"""Names of what resources have of which bookings take a share: reservations hold a small number for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from preroll.domain.usage import CONCURRENCY
from preroll.store.work import Work

PLACES = 0
"""The number of concurrency, which needs no row."""
_ADD = "insert into dimension (name) values (?) on conflict (name) do nothing"


class Dimensions:
    """The dimensions of a transaction. A row is never changed or removed: what is stored for good is remembered."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def keys(self, names: Collection[str]) -> Mapping[str, int]:
        """The numbers of some; a new one is added."""
        known = self._work.memory.dimensions
        if missing := sorted(name for name in names if name and name not in known):
            known = known | self._read("name in ?texts", missing)
            known |= {name: self._added(name) for name in missing if name not in known}
        return {CONCURRENCY: PLACES, **known}

    def names(self, keys: Collection[int]) -> Mapping[int, str]:
        """The names of some."""
        found = self._by_key(self._work.memory.dimensions)
        if missing := sorted(set(keys) - found.keys()):
            found |= self._by_key(self._read("key in ?ints", missing))
        return found

    def _by_key(self, numbered: Mapping[str, int]) -> dict[int, str]:
        return {PLACES: CONCURRENCY} | {key: name for name, key in numbered.items()}

    def _read(self, term: str, wanted: list[str] | list[int]) -> dict[str, int]:
        work = self._work
        found: dict[str, int] = dict(work.db.all(f"select name, key from dimension where {term}", wanted))
        if not work.dimensions_added:
            work.memory.dimensions = work.memory.dimensions | found
        return found

    def _added(self, name: str) -> int:
        self._work.dimensions_added = True
        self._work.db.send(_ADD, name)
        row = self._work.db.one("select key from dimension where name = ?", name)
        assert row is not None  # noqa: S101 - it was inserted
        return int(row[0])
