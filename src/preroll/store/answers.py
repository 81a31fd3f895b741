# SPDX-License-Identifier: Apache-2.0
"""Answers that were given to idempotency keys, for a day."""

from __future__ import annotations

from preroll.domain.window import DAY
from preroll.ports.store import StoredAnswer
from preroll.store.work import Work


class Answers:
    """The answers of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find(self, actor: str, route: str, key: str) -> StoredAnswer | None:
        row = self._work.db.one(
            "select digest, status, body from answer where actor = ? and route = ? and key = ? and at_us > ?",
            actor, route, key, self._work.now - DAY,
        )  # fmt: skip
        return None if row is None else StoredAnswer(*row)

    def keep(self, actor: str, route: str, key: str, answer: StoredAnswer) -> None:
        self._work.db.run("delete from answer where at_us <= ?", self._work.now - DAY)
        self._work.db.run(
            "insert into answer (actor, route, key, digest, status, body, at_us) values (?, ?, ?, ?, ?, ?, ?)"
            " on conflict (actor, route, key) do update set digest = excluded.digest, status = excluded.status,"
            " body = excluded.body, at_us = excluded.at_us",
            actor, route, key, answer.digest, answer.status, answer.body, self._work.now,
        )  # fmt: skip
