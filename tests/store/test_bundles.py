# SPDX-License-Identifier: Apache-2.0
"""Whole bundles in the store: many documents in few statements, and only at the version that was compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.bundle import title_of
from preroll.domain.definition import Publication
from preroll.domain.errors import NotFound, Stale
from preroll.domain.function import Direction, Function, Interface, Pool
from preroll.domain.profile import ProfileDefinition, ProfileInstance
from preroll.domain.resource import Resource
from preroll.ports.bundles import Batch


async def carried_out(world, batch: Batch):
    home = world.platform.key
    prepared = await world.store.read(lambda tx: tx.bundles.prepare(home, batch))

    def unit(tx):
        tx.bundles.advance(home, tx.platforms.by_key(home).catalogue_version)
        tx.bundles.carry_out(prepared)

    await world.store.write(unit)
    return prepared.stored


async def resources(world) -> dict[str, Resource]:
    return {r.name: r for r in await world.store.read(lambda tx: tx.catalogue.resources(world.platform.key))}


async def test_many_documents_of_every_kind_come_back_as_they_went_in(world):
    many = [Resource(f"R{n:03}", properties={"n": n}, labels={"site": "north"}) for n in range(300)]
    profile, instance = ProfileDefinition("P"), ProfileInstance("I", "P", {"a": 1})
    definition = replace(world.definition, name="Other", key=0, id="")
    pool = Pool("A", "roof", {"floor": 9})
    function = Function("F", profile="P", interfaces=(Interface("in", Direction.IN, "P", optional=False),))
    stored = await carried_out(world, Batch([*many, pool, function, profile, instance, definition], bundle="b"))
    found = await resources(world)
    assert [replace(found[r.name], key=0) for r in many] == [stored[title_of(r)] for r in many]
    assert found["R007"].properties == {"n": 7}
    home = world.platform.key
    (kept,) = await world.store.read(lambda tx: tx.catalogue.profile_definitions(home))
    assert replace(kept, key=0) == stored["profile_definition", "P"]
    (kept,) = await world.store.read(lambda tx: tx.catalogue.profile_instances(home))
    assert replace(kept, key=0) == stored["profile_instance", "I"]
    (kept,) = await world.store.read(lambda tx: tx.catalogue.pools(home))
    assert replace(kept, key=0) == stored["pool", "A"] == replace(pool, id=kept.id, platform=home)
    (kept,) = await world.store.read(lambda tx: tx.catalogue.functions(home))
    assert replace(kept, key=0) == stored["function", "F"] == replace(function, id=kept.id, platform=home)
    kept = await world.store.read(lambda tx: tx.catalogue.definition(home, "Other"))
    assert (kept.version, kept.nodes) == (1, definition.nodes)
    created = await world.store.read(lambda tx: tx.bundles.created_by(home, "b"))
    assert created == {title_of(d) for d in [*many, pool, function, profile, instance, definition]}
    assert await world.store.read(lambda tx: tx.bundles.created_by(home, "c")) == set()


async def test_pools_and_functions_are_changed_and_removed(world):
    home = world.platform.key
    await carried_out(world, Batch([Pool("A"), Function("F")], bundle="b"))
    (pool,) = await world.store.read(lambda tx: tx.catalogue.pools(home))
    (function,) = await world.store.read(lambda tx: tx.catalogue.functions(home))
    await carried_out(world, Batch(changed=[replace(pool, description="roof")], removed=[function]))
    (again,) = await world.store.read(lambda tx: tx.catalogue.pools(home))
    assert (again.id, again.revision, again.description) == (pool.id, 2, "roof")
    assert await world.store.read(lambda tx: tx.catalogue.functions(home)) == []
    assert await world.store.read(lambda tx: tx.bundles.created_by(home, "b")) == {("pool", "A")}


async def test_a_version_is_published_and_retired_in_its_place(world):
    home, first = world.platform.key, world.definition
    by_key = lambda: world.store.read(lambda tx: tx.catalogue.definition_by_key(first.key))  # noqa: E731
    assert (await by_key()).publication is Publication.PUBLISHED
    await carried_out(world, Batch(moved=[first.as_publication(Publication.RETIRED)]))
    retired = replace(first, publication=Publication.RETIRED)
    assert await by_key() == retired
    assert await world.store.read(lambda tx: tx.catalogue.definition_with_id(first.id)) == retired
    assert await world.store.read(lambda tx: tx.catalogue.definitions(home)) == [retired]
    with pytest.raises(NotFound, match="is retired"):
        await world.store.read(lambda tx: tx.catalogue.definition(home, first.name))
    assert await world.store.read(lambda tx: tx.catalogue.definition(home, first.name, 1)) == retired
    await carried_out(world, Batch(moved=[first]))
    assert await world.store.read(lambda tx: tx.catalogue.definition(home, first.name)) == first
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.catalogue.definition_with_id("nobody"))


async def test_changes_keep_ids_and_count(world):
    before = await resources(world)
    changed = [replace(r, concurrency=7) for r in before.values()]
    await carried_out(world, Batch(changed=[*changed, replace(world.definition, publication=Publication.RETIRED)]))
    after = await resources(world)
    assert {n: (r.id, r.key, r.revision, r.concurrency) for n, r in after.items()} == {
        n: (r.id, r.key, r.revision + 1, 7) for n, r in before.items()
    }
    versions = await world.store.read(lambda tx: tx.catalogue.definitions(world.platform.key))
    assert [(d.version, d.publication) for d in versions] == [(1, Publication.PUBLISHED), (2, Publication.RETIRED)]


async def test_what_was_removed_is_not_listed_but_known_by_its_id(world):
    gone, definition = (await resources(world))["enc-1"], world.definition
    await carried_out(world, Batch(removed=[gone, definition]))
    assert "enc-1" not in await resources(world)
    assert (await world.store.read(lambda tx: tx.catalogue.resource(gone.id))).name == "enc-1"
    assert await world.store.read(lambda tx: tx.catalogue.definition_by_key(definition.key)) == definition
    with pytest.raises(NotFound):
        await world.store.read(lambda tx: tx.catalogue.definition(world.platform.key, definition.name))
    await carried_out(world, Batch([Resource("enc-1", concurrency=9), replace(definition, id="", key=0)]))
    back = (await resources(world))["enc-1"]
    assert (back.id, back.key, back.concurrency, back.revision) == (gone.id, gone.key, 9, gone.revision + 1)
    found = await world.store.read(lambda tx: tx.catalogue.definition(world.platform.key, definition.name))
    assert found.version == 2


async def test_a_single_put_brings_back_what_was_removed(world):
    gone, definition = (await resources(world))["enc-1"], world.definition
    await carried_out(world, Batch(removed=[gone, definition]))
    await world.store.write(lambda tx: tx.catalogue.put_resource(replace(gone, id="", key=0)))
    await world.store.write(lambda tx: tx.catalogue.put_definition(definition))
    assert (await resources(world))["enc-1"].id == gone.id
    found = await world.store.read(lambda tx: tx.catalogue.definition(world.platform.key, definition.name))
    assert found.version == 2


async def test_a_catalogue_that_has_changed_is_told(world):
    home = await world.store.read(lambda tx: tx.platforms.get("tv"))
    await world.store.write(lambda tx: tx.bundles.advance(home.key, home.catalogue_version))
    with pytest.raises(Stale) as refused:
        await world.store.write(lambda tx: tx.bundles.advance(home.key, home.catalogue_version))
    assert (refused.value.seen, refused.value.stored) == (home.catalogue_version, home.catalogue_version + 1)


async def test_new_settings_are_a_change_and_the_same_ones_are_none(world):
    home = await world.store.read(lambda tx: tx.platforms.get("tv"))
    same = await world.store.write(lambda tx: tx.platforms.put(home))
    moved = await world.store.write(lambda tx: tx.platforms.put(replace(home, zone="Asia/Tokyo")))
    assert (same.catalogue_version, moved.catalogue_version) == (home.catalogue_version, home.catalogue_version + 1)
