# SPDX-License-Identifier: Apache-2.0
"""What audits found of services, as it is stored; on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.auditing import PLANNED, audit_planned
from preroll.domain.booking import Booking, Carries, State, Timing
from preroll.domain.differences import Alarm, AlarmKind, Allowance, Difference, Gap, Known
from preroll.domain.errors import NotFound
from preroll.domain.permission import LOCAL, Actor
from preroll.domain.service_instance import Provisioned
from tests.store.test_orders import FIRST, SERVICE

KNOWN = [
    Known(Difference("A", "if.mtu", Gap.CHANGED, 1500, 9000), 3, Allowance("eve", "agreed\0", 5, 90)),
    Known(Difference("A", "x", Gap.MISSING, [1, {"a": None}], None), 4),
    Known(Difference("B", "if.mtu", Gap.EXTRA, None, True), 4),
]
ALARMS = [Alarm(AlarmKind.DOWN, "port", 7), Alarm(AlarmKind.DRIFT, "mtu", 8)]
SAID = f"{PLANNED}every 1h"


@pytest.fixture
async def service(world):
    def unit(tx):
        made = tx.services.add(SERVICE, FIRST)
        tx.bookings.add(
            Booking(0, made.id, 1, made.name, State.ACTIVE, Timing(0, None), began=True, hidden=True,
                    carries=Carries.SERVICE)
        )  # fmt: skip
        return made

    return await world.store.write(unit)


async def test_differences_and_alarms_are_read_as_they_were_stored_and_replaced(world, service):
    def put(tx):
        tx.service_audits.keep_differences(service.key, KNOWN)
        tx.service_audits.keep_alarms(service.key, ALARMS)

    await world.store.write(put)
    found = await world.store.read(lambda tx: tx.service_audits.differences(service.key))
    assert found[1:] == KNOWN[1:]
    assert found[0].allowance == replace(KNOWN[0].allowance, reason="agreed\ufffd")
    assert await world.store.read(lambda tx: tx.service_audits.alarms(service.key)) == ALARMS
    await world.store.write(lambda tx: tx.service_audits.keep_differences(service.key, KNOWN[1:2]))
    assert await world.store.read(lambda tx: tx.service_audits.differences(service.key)) == KNOWN[1:2]
    await world.store.write(lambda tx: tx.service_audits.keep_alarms(service.key, []))
    assert await world.store.read(lambda tx: tx.service_audits.alarms(service.key)) == []


async def test_approvals_lapse_at_their_end(world, service):
    await world.store.write(lambda tx: tx.service_audits.keep_differences(service.key, KNOWN))
    world.clock.us = 89
    assert await world.store.read(lambda tx: tx.service_audits.lapsed(5)) == []
    world.clock.us = 90
    assert await world.store.read(lambda tx: tx.service_audits.lapsed(5)) == [service.key]
    assert await world.store.read(lambda tx: tx.services.by_key(service.key)) == service
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.services.by_key(999))


async def test_alarms_are_listed_oldest_first_for_those_who_see_the_service(world, service):
    await world.store.write(lambda tx: tx.service_audits.keep_alarms(service.key, ALARMS[::-1]))
    listed = await world.store.read(lambda tx: tx.service_audits.alarmed(1, LOCAL.sight, 5))
    assert [(one.service, one.alarm) for one in listed] == [(service, alarm) for alarm in ALARMS]
    blind = Actor("eve", frozenset({"operator"}))
    assert await world.store.read(lambda tx: tx.service_audits.alarmed(1, blind.sight, 5)) == []
    sees = Actor("eve", frozenset({"operator"}), scopes=frozenset({"sport"}))
    assert len(await world.store.read(lambda tx: tx.service_audits.alarmed(1, sees.sight, 1))) == 1
    assert await world.store.read(lambda tx: tx.service_audits.alarmed(2, None, 5)) == []


async def test_what_is_still_to_be_planned_is_found_by_the_words_of_the_schedule(world, service):
    def unplanned(said: str):
        return world.store.read(lambda tx: tx.service_audits.unplanned(1, SERVICE.definition, said, 5))

    def plan(due, said):
        def unit(tx):
            carrier = tx.bookings.get(service.id, hidden=True)
            tx.boundaries.upsert(audit_planned(tx.boundaries.of(carrier.key), carrier.key, due, said))

        return world.store.write(unit)

    assert await world.store.read(lambda tx: tx.service_audits.definitions()) == {1: [SERVICE.definition]}
    assert (await unplanned(SAID), await unplanned("")) == ([service.id], [])
    await plan(10**15, SAID)
    assert (await unplanned(SAID), await unplanned(f"{SAID}; more")) == ([], [service.id])
    assert await unplanned("") == [service.id]
    await plan(None, "")
    assert (await unplanned(SAID), await unplanned("")) == ([service.id], [])
    await world.store.write(lambda tx: tx.services.put(replace(service, state=Provisioned.DECOMMISSIONED)))
    assert await unplanned(SAID) == []
    assert await world.store.read(lambda tx: tx.service_audits.definitions()) == {}
