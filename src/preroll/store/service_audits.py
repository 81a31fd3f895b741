# SPDX-License-Identifier: Apache-2.0
"""What audits found of services: differences with their approvals, alarms, and which audits are still to be planned."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from preroll.domain.auditing import ORDINAL, PLANNED
from preroll.domain.differences import Alarm, AlarmKind, Allowance, Difference, Gap, Known
from preroll.domain.permission import Sight
from preroll.domain.service_instance import EXISTS
from preroll.ports.service_audits import Alarmed
from preroll.store.bookings import seen
from preroll.store.documents import ANYTHING, clean
from preroll.store.services import COLUMNS, service_of
from preroll.store.sql import Row
from preroll.store.work import Work

_DIFFERENCES = (
    "select node, path, gap, expected, found, since_us, approved_by, reason, approved_us, until_us"
    " from service_difference where service = ? order by node, path"
)
_PLAN = f"b.booking = k.key and b.ordinal = {ORDINAL}"
_BY_PLAN = f"b.state = 'armed' and b.message like '{PLANNED}%'"
_OTHERWISE = f"b.state in ('running', 'disarmed') or (b.state = 'armed' and b.message not like '{PLANNED}%')"
_EXISTING = ", ".join(f"'{state.value}'" for state in sorted(EXISTS))
_OF_DEFINITION = (
    "select s.id from service s join booking k on k.id = s.id where s.platform = ? and s.definition = ?"
    f" and s.state in ({_EXISTING})"
)


class ServiceAudits:
    """The audits of the services of a transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def differences(self, service: int) -> list[Known]:
        return [_known(row) for row in self._work.db.all(_DIFFERENCES, service)]

    def keep_differences(self, service: int, known: Sequence[Known]) -> None:
        db = self._work.db
        db.run("delete from service_difference where service = ?", service)
        for one in known:
            d, a = one.difference, one.allowance
            db.run(
                "insert into service_difference (service, node, path, gap, expected, found, since_us, approved_by,"
                " reason, approved_us, until_us) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                service, clean(d.node), clean(d.path), d.gap.value, ANYTHING.encode(d.expected),
                ANYTHING.encode(d.found), one.since_us, a.by if a else "", clean(a.reason) if a else "",
                a.at_us if a else None, a.until_us if a else None,
            )  # fmt: skip

    def lapsed(self, limit: int) -> list[int]:
        rows = self._work.db.all(
            "select distinct service from service_difference where until_us <= ? order by service limit ?",
            self._work.now, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def alarms(self, service: int) -> list[Alarm]:
        rows = self._work.db.all(
            "select kind, what, since_us from service_alarm where service = ? order by kind", service
        )
        return [Alarm(AlarmKind(kind), what, since) for kind, what, since in rows]

    def keep_alarms(self, service: int, alarms: Sequence[Alarm]) -> None:
        db = self._work.db
        db.run("delete from service_alarm where service = ?", service)
        for one in alarms:
            db.run(
                "insert into service_alarm (service, kind, what, since_us) values (?, ?, ?, ?)",
                service, one.kind.value, clean(one.what), one.since_us,
            )  # fmt: skip

    def alarmed(self, platform: int, sight: Sight | None, limit: int) -> list[Alarmed]:
        terms: list[str] = ["platform = ?"]
        values: list[object] = [platform]
        if sight is not None:
            seen(sight, terms, values)
        rows = self._work.db.all(
            f"select a.kind, a.what, a.since_us, {', '.join(f's.{name}' for name in COLUMNS)} from service_alarm a"
            f" join (select * from service where {' and '.join(terms)}) s on s.key = a.service"
            " order by a.since_us, s.key, a.kind limit ?",
            *values, limit,
        )  # fmt: skip
        return [Alarmed(service_of(row[3:]), Alarm(AlarmKind(row[0]), row[1], row[2])) for row in rows]

    def definitions(self) -> Mapping[int, Collection[int]]:
        found: dict[int, list[int]] = {}
        for platform, definition in self._work.db.all(
            f"select distinct platform, definition from service where state in ({_EXISTING})"
            " order by platform, definition"
        ):
            found.setdefault(platform, []).append(definition)
        return found

    def unplanned(self, platform: int, definition: int, said: str, limit: int) -> list[str]:
        if said:
            open_ = f"select 1 from boundary b where {_PLAN} and ({_OTHERWISE} or ({_BY_PLAN} and b.message = ?))"
            wanted = f"not exists ({open_})"
        else:
            wanted = f"exists (select 1 from boundary b where {_PLAN} and {_BY_PLAN})"
        rows = self._work.db.all(
            f"{_OF_DEFINITION} and {wanted} order by s.key limit ?",
            platform, definition, *([said] if said else []), limit,
        )  # fmt: skip
        return [row[0] for row in rows]


def _known(row: Row) -> Known:
    node, path, gap, expected, found, since, by, reason, at, until = row
    difference = Difference(node, path, Gap(gap), ANYTHING.decode(expected), ANYTHING.decode(found))
    return Known(difference, since, Allowance(by, reason, at, until) if until is not None else None)
