# SPDX-License-Identifier: Apache-2.0
"""The catalogue: resources, profiles, definitions in immutable versions, platforms with all their settings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from preroll.domain.availability import Availability, Hours, Period, Weekday
from preroll.domain.config import Limits, Platform, PlatformConfig
from preroll.domain.definition import Node, Publication, ServiceDefinition
from preroll.domain.errors import NotFound
from preroll.domain.parameter import Parameter, ValueType
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Mode, Resource
from preroll.domain.service import ServiceStates, StageMapping
from tests import builders
from tests.builders import NOON


async def write(world, unit):
    return await world.store.write(unit)


async def test_a_resource_comes_back_as_it_went_in(world):
    rich = Resource(
        "Encoder 9", "http", {"url": "http://[::1]:8080", "port": 7}, "encoding", ("pool", "other"), 4, 2,
        Mode.MAINTENANCE, "chassis 3", {"rack": None}, platform=world.platform.key,
    )  # fmt: skip
    stored = await write(world, lambda tx: tx.catalogue.put_resource(rich))
    assert stored == replace(rich, id=stored.id, key=stored.key)
    assert await world.store.read(lambda tx: tx.catalogue.resource(stored.id)) == stored


async def test_a_resource_that_was_stored_before_there_were_calendars_is_always_open(world):
    ident = world.resources["enc-1"].id
    ((body,),) = await world.raw(f"select body from resource where id = '{ident}'")
    old = json.loads(body)
    assert old["data"].pop("availability") is None
    await write(world, lambda tx: tx._work.db.run("update resource set body = ? where id = ?", json.dumps(old), ident))
    assert (await world.store.read(lambda tx: tx.catalogue.resource(ident))).availability is None


async def test_hours_come_back_as_they_went_in(world):
    hours = Availability(
        (Period(NOON, None),), (Hours((Weekday.SATURDAY,), 1200, 120),), "Europe/Brussels",
        (Period(NOON, NOON + 5, "new lights"),), 30,
    )  # fmt: skip
    stored = await write(
        world, lambda tx: tx.catalogue.put_resource(replace(world.resources["enc-1"], availability=hours))
    )
    assert (await world.store.read(lambda tx: tx.catalogue.resource(stored.id))).availability == hours
    assert stored.revision == 2


async def test_an_id_may_be_brought_along(world):
    brought = Resource("mine", id="018f-mine", platform=world.platform.key)
    assert (await write(world, lambda tx: tx.catalogue.put_resource(brought))).id == "018f-mine"


async def test_to_put_again_is_to_replace_by_name(world):
    before = world.resources["enc-1"]
    again = await write(world, lambda tx: tx.catalogue.put_resource(replace(before, id="", key=0, concurrency=5)))
    assert (again.id, again.key, again.revision, again.concurrency) == (before.id, before.key, 2, 5)
    same = await write(world, lambda tx: tx.catalogue.put_resource(replace(again, id="", key=0)))
    assert same == again, "what says the same changes nothing"


async def test_a_resource_is_renamed_by_its_id(world):
    renamed = replace(world.resources["enc-1"], name="encoder one")
    await write(world, lambda tx: tx.catalogue.put_resource(renamed))
    names = [r.name for r in await world.store.read(lambda tx: tx.catalogue.resources(world.platform.key))]
    assert names == ["card-a", "card-b", "enc-2", "encoder one", "mux"]


async def test_resources_are_picked_by_id_or_name(world):
    ids = [world.resources["mux"].id, world.resources["enc-1"].id, "unknown"]
    pick = lambda **by: world.store.read(  # noqa: E731
        lambda tx: [r.name for r in tx.catalogue.resources(world.platform.key, **by)]
    )
    assert await pick(ids=ids) == ["enc-1", "mux"]
    assert await pick(names=["card-b", "nobody"]) == ["card-b"]
    assert await pick(ids=ids, names=["mux"]) == ["mux"]
    assert await pick(ids=[]) == []
    assert await world.store.read(lambda tx: tx.catalogue.resources(world.platform.key + 1)) == []


async def test_profiles_come_back_and_are_replaced_by_name(world):
    definition = ProfileDefinition(
        "Encoding",
        (
            Parameter("rate", ValueType.NUMBER, "video.rate", "Mbit/s", 0.5, 50, (), 8.0, True),
            Parameter("codec", ValueType.DISCRETE, choices=("AVC", "HEVC"), default="AVC"),
        ),
        {"http": "load"},
        platform=world.platform.key,
    )
    instance = ProfileInstance("HD", "Encoding", {"rate": 8.5}, {"PAUSE": {"rate": 0}}, platform=world.platform.key)
    first = await write(world, lambda tx: tx.catalogue.put_profile_definition(definition))
    second = await write(world, lambda tx: tx.catalogue.put_profile_instance(instance))
    again = await write(world, lambda tx: tx.catalogue.put_profile_instance(replace(instance, values={})))
    assert (first.parameters, first.revision) == (definition.parameters, 1)
    assert (again.id, again.key, again.revision) == (second.id, second.key, 2)
    assert await world.store.read(lambda tx: tx.catalogue.profile_definitions(world.platform.key)) == [first]
    assert await world.store.read(lambda tx: tx.catalogue.profile_instances(world.platform.key)) == [again]
    same = await write(world, lambda tx: tx.catalogue.put_profile_instance(replace(again, revision=1, id="")))
    assert same == again


async def test_a_changed_definition_is_a_new_version(world):
    first = world.definition
    changed = replace(first, nodes=(*first.nodes, Node("Decoder", order=2)), id="", key=0, version=1)
    second = await write(world, lambda tx: tx.catalogue.put_definition(changed))
    assert (second.version, second.key == first.key, second.id == first.id) == (2, False, False)
    get = lambda version=None: world.store.read(  # noqa: E731
        lambda tx: tx.catalogue.definition(world.platform.key, first.name, version)
    )
    assert (await get(1), await get(2), await get()) == (first, second, second)
    assert await world.store.read(lambda tx: tx.catalogue.definition_by_key(first.key)) == first
    assert await world.store.read(lambda tx: tx.catalogue.definitions(world.platform.key)) == [first, second]


async def test_a_definition_that_says_the_same_is_the_same(world):
    again = builders.definition(platform=world.platform.key, key=0)
    assert await write(world, lambda tx: tx.catalogue.put_definition(again)) == world.definition


async def test_the_newest_published_one_is_booked(world):
    draft = replace(world.definition, publication=Publication.DRAFT)
    stored = await write(world, lambda tx: tx.catalogue.put_definition(draft))
    newest = await world.store.read(lambda tx: tx.catalogue.definition(world.platform.key, draft.name))
    assert (newest, stored.version) == (world.definition, 2)


async def test_what_is_not_there_is_not_found(world):
    for query in (
        lambda tx: tx.catalogue.resource("nobody"),
        lambda tx: tx.catalogue.definition(world.platform.key, "Nothing"),
        lambda tx: tx.catalogue.definition(world.platform.key, world.definition.name, 9),
        lambda tx: tx.catalogue.definition_by_key(4711),
        lambda tx: tx.platforms.get("radio"),
        lambda tx: tx.platforms.by_key(4711),
        lambda tx: tx.boundaries.booking_of(4711),
        lambda tx: tx.records.run("nobody"),
    ):
        with pytest.raises(NotFound):
            await world.store.read(query)


async def test_every_change_of_the_catalogue_is_counted(world):
    version = lambda: world.store.read(lambda tx: tx.platforms.get("tv").catalogue_version)  # noqa: E731
    before = await version()
    await write(world, lambda tx: tx.catalogue.put_resource(Resource("new", platform=world.platform.key)))
    assert await version() == before + 1
    await write(world, lambda tx: tx.catalogue.put_resource(Resource("new", platform=world.platform.key)))
    assert await version() == before + 1


async def test_settings_have_versions_and_a_history(world):
    mapping = StageMapping(preroll=None, postroll="STANDBY")
    config = PlatformConfig(ServiceStates(mapping, (("STOP", "START"),)), Limits(late_us=5), "alarm", False)
    changed = await write(world, lambda tx: tx.platforms.put(Platform("tv", "Europe/Zurich", config)))
    assert (changed.key, changed.id, changed.zone) == (world.platform.key, world.platform.id, "Europe/Zurich")
    assert changed.config == replace(config, version=2)
    assert await world.store.read(lambda tx: tx.platforms.get("tv")) == changed
    same = await write(world, lambda tx: tx.platforms.put(Platform("tv", "Europe/Zurich", replace(config, version=1))))
    assert same.config.version == 2, "settings that say the same keep their version"
    assert await world.raw("select version from platform_config order by version") == [(1,), (2,)]


async def test_platforms_are_listed_by_name(world):
    await write(world, lambda tx: [tx.platforms.put(Platform(name)) for name in ("radio 10", "radio 2")])
    assert [p.name for p in await world.store.read(lambda tx: tx.platforms.all())] == ["radio 2", "radio 10", "tv"]


async def test_the_catalogue_is_listed_as_people_count(world):
    def unit(tx):
        c, key = tx.catalogue, world.platform.key
        for number in (10, 2):
            name = f"port-{number}"
            c.put_profile_instance(ProfileInstance(name, "Port", platform=key))
            c.put_resource(Resource(name, platform=key))
            c.put_definition(ServiceDefinition(name, platform=key))
        c.put_definition(ServiceDefinition("port-2", nodes=(Node("Source"),), platform=key))

    await write(world, unit)
    read = await world.store.read(lambda tx: tx.catalogue.resources(world.platform.key))
    assert [r.name for r in read if r.name.startswith("port")] == ["port-2", "port-10"]
    instances = await world.store.read(lambda tx: tx.catalogue.profile_instances(world.platform.key))
    assert [i.name for i in instances if i.name.startswith("port")] == ["port-2", "port-10"]
    versions = await world.store.read(lambda tx: tx.catalogue.definitions(world.platform.key))
    found = [(d.name, d.version) for d in versions if d.name.startswith("port")]
    assert found == [("port-2", 1), ("port-2", 2), ("port-10", 1)]


async def test_a_platform_of_those_that_were_read_is_not_read_again(world, monkeypatch):
    def look(tx):
        known = tx.platforms.all()
        with monkeypatch.context() as without:
            without.setattr(tx._work, "db", None)  # whoever asks the database now fails
            return known, tx.platforms.get(world.platform.name), tx.platforms.by_key(world.platform.key)

    known, named, keyed = await world.store.read(look)
    assert named == keyed == next(one for one in known if one.key == world.platform.key)
