# SPDX-License-Identifier: Apache-2.0
"""Any catalogue: written as YAML, read, applied, exported, written and read again, it is the same."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from preroll.api import create_app
from preroll.api.documents import DocumentGiven
from preroll.api.editors import bundle_schema
from preroll.app import build
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.formats import bundle, writing
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock

Document = dict[str, Any]
KIND_AND_NAME = ("kind", "name")

ODD = (
    "yes",
    "1e3",
    "010",
    "~",
    "null",
    "12:30",
    "2026-01-01",
    "- a",
    "a: b",
    "#x",
    "=",
    "<<",
    "*a",
    "&a",
    "!t",
    "%",
    "1.",
)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(str.strip)
names = names | st.sampled_from(ODD)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20) | st.sampled_from(
    ("", "a\nb", "\ta\n", *ODD)
)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, plain, max_size=4)
lists = st.lists(names, max_size=3)
amounts = st.integers(0, 10**6).map(lambda n: n / 64) | st.integers(0, 10**6)


def some(needed: Document, **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in needed.items()},
        optional=optional,
    )


capabilities = (
    some({"choices": st.lists(names, min_size=1, max_size=3)})
    | some({"minimum": st.integers(0, 9)}, maximum=st.integers(9, 99))
    | some({"text": texts})
    | st.just({"time_dependent": True})
)
clock_times = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: "{:02}:{:02}".format(*t))
week_days = st.lists(st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), min_size=1, max_size=3)
hours = st.fixed_dictionaries({"days": week_days, "from": clock_times, "to": clock_times | st.just("24:00")})
years = st.integers(1980, 2019).map("{}-01-01T00:00:00Z".format)
later = st.integers(2020, 2090).map("{}-06-30T12:30:00+02:00".format)
availabilities = some(
    {},
    windows=st.lists(some({"from": years}, until=later) | some({"until": later}), max_size=2),
    blackouts=st.lists(some({"from": years, "reason": names}, until=later), max_size=2),
    days_ahead=st.integers(1, 99),
) | some(
    {"weekly": st.lists(hours.filter(lambda h: h["from"] != h["to"]), min_size=1, max_size=2)},
    zone=st.sampled_from(("UTC", "Europe/Paris")), days_ahead=st.integers(1, 99),
)  # fmt: skip
resources = some(
    {"kind": "resource", "name": names},
    driver=names, address=objects, function=names, pools=lists, concurrency=st.integers(1, 9),
    capacities=st.dictionaries(names.map("c{}".format), amounts, max_size=2),
    capabilities=st.dictionaries(names.map("a{}".format), capabilities, max_size=2),
    priority=st.integers(-9, 9), mode=st.sampled_from(("available", "maintenance")), hands_off=st.booleans(),
    device=names, properties=objects,
    labels=st.dictionaries(st.sampled_from(("site", "room")), st.sampled_from(("north", "1")), max_size=2),
    availability=st.none() | availabilities,
)  # fmt: skip
pools = some({"kind": "pool", "name": names}, description=texts, properties=objects)
parameters = some(
    {"name": st.sampled_from("abc"), "type": "number"},
    path=names, unit=names, minimum=st.integers(-9, 0) | st.just(-0.5), maximum=st.integers(10, 20) | st.just(10.5),
    default=st.integers(0, 9) | st.just(0.5), mandatory=st.booleans(), editable_after_deploy=st.booleans(),
    kinds=st.sampled_from((["configuration"], ["monitoring", "configuration"])),
)  # fmt: skip
values = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=3)
audits = some(
    {"name": names, "kind": "config"},
    after=st.lists(st.sampled_from(("START", "STOP")), max_size=2), within=st.sampled_from((0, 0.5, 5, 60)),
    unknown=st.sampled_from(("Down", "Pending")), parameters=some({}, values=objects, ignore=lists),
)  # fmt: skip
limits = some({}, lso=st.sampled_from((1, 2.5, 600)), late=st.sampled_from((None, 5)), attempts=st.integers(1, 9))
platforms = some(
    {"kind": "platform", "name": "default"},
    zone=st.sampled_from(("UTC", "Europe/Paris")), limits=limits, start_failure_script=names,
    start_failure_on_failed_events=st.booleans(), lock_bookings=st.booleans(), paused=st.booleans(),
    service_states=some({}, mapping=some({}, postroll=st.just("STOP"), initial=st.sampled_from((None, "STOP")))),
)  # fmt: skip


@st.composite
def catalogues(draw: st.DrawFn) -> list[Document]:
    """A bundle whose documents go together."""
    found: list[Document] = [{"kind": "bundle", "name": "all"}]
    if draw(st.booleans()):
        found.append(draw(platforms))
    profiles = draw(st.lists(names, max_size=2, unique=True))
    for name in profiles:
        known = [
            draw(parameters.map(lambda p, label=label: {**p, "name": label}))  # type: ignore[misc]
            for label in "abc"
        ]
        found.append({"kind": "profile_definition", "name": name, "parameters": known})
    of_profile = st.sampled_from(["", *profiles])
    interface = some({"name": names}, direction=st.sampled_from(("in", "out", "inout")), profile=of_profile)
    function = some(
        {"kind": "function", "name": names}, description=texts, properties=objects,
        interfaces=st.lists(interface, max_size=2, unique_by=lambda i: i["name"]),
    )  # fmt: skip
    found += draw(st.lists(pools, max_size=2, unique_by=lambda p: p["name"]))
    found += draw(st.lists(function, max_size=2, unique_by=lambda f: f["name"]))
    instances = draw(st.dictionaries(names, st.sampled_from(profiles), max_size=2)) if profiles else {}
    for name, definition in instances.items():
        states = st.dictionaries(st.sampled_from(("START", "yes")), values, max_size=2)
        instance = {"kind": "profile_instance", "name": name, "definition": definition}
        found.append(draw(some(instance, values=values, states=states)))
    found += draw(st.lists(resources, max_size=3, unique_by=lambda r: r["name"]))
    functions = {d["name"] for d in found if d["kind"] == "function"} | {d.get("function", "") for d in found}
    in_pools = {d["name"] for d in found if d["kind"] == "pool"} | {n for d in found for n in d.get("pools", ())}
    node = some(
        {"label": names}, hidden=st.booleans(), editable_after_deploy=st.booleans(),
        properties=objects, function=st.sampled_from(sorted(functions | {""})),
        pool=st.sampled_from(sorted(in_pools | {""})), optional=st.booleans(), order=st.integers(-9, 9),
        profile=st.sampled_from(profiles or [""]),
    )  # fmt: skip
    nodes = st.lists(node, max_size=3, unique_by=lambda n: n["label"])
    definition = some(
        {"kind": "service_definition", "name": names}, description=texts, properties=objects, nodes=nodes,
        actions=st.dictionaries(names, names, max_size=3),
        audits=st.lists(audits, max_size=2, unique_by=lambda a: a["name"]),
        publication=st.sampled_from(("draft", "published", "retired")),
    )  # fmt: skip
    found += draw(st.lists(definition, max_size=2, unique_by=lambda d: d["name"]))
    return found


def read(documents: list[Document]) -> list[Document]:
    return [dict(d.content) for d in bundle.read(writing.write(documents))]


ADAPTER: TypeAdapter[Any] = TypeAdapter(DocumentGiven)


def meaning(documents: list[Document]) -> dict[tuple[str, str], object]:
    """Documents as the domain has them, by kind and name."""
    return {(d["kind"], d["name"]): ADAPTER.validate_python(d).thing() for d in documents if d["kind"] != "bundle"}


async def there_and_back(documents: list[Document]) -> None:
    store = open_inline_store(StandingClock())
    app = build(store, None)
    await app.platforms.put(LOCAL, Platform("default"))
    transport = httpx.ASGITransport(create_app(app, stopping=lambda: True))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as api:
        answer = await api.post("catalogue", json={"documents": read(documents)})
        assert answer.status_code == 200, answer.text
        exported = (await api.get("catalogue")).json()["documents"]
        assert repr(read(exported)) == repr(exported)
        assert {("platform", "default"): Platform("default")} | meaning(documents) == meaning(exported)
        own = (await api.get("catalogue", params={"bundle": "all"})).json()["documents"]
        assert [d for d in exported if d["kind"] != "platform"] == own
        plan = (await api.post("catalogue/plan", json={"documents": read(exported)})).json()
        assert (plan["steps"], plan["unchanged"]) == ([], len(exported))
        plan = (await api.post("catalogue/plan", json={"documents": documents, "prune": True})).json()
        assert plan["steps"] == []
    store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(catalogues())
def test_an_export_applied_again_changes_nothing(documents: list[Document]):
    asyncio.run(there_and_back(documents))


def test_the_schema_for_editors_knows_every_kind_and_needs_it():
    schema = bundle_schema()
    kinds = {}
    for branch in schema["oneOf"]:
        shape = schema["$defs"][branch["$ref"].rpartition("/")[2]]
        kinds[shape["properties"]["kind"]["const"]] = shape
    assert set(kinds) == set(bundle.KINDS)
    assert all(set(KIND_AND_NAME) <= set(shape["required"]) for shape in kinds.values())
    assert all(shape["additionalProperties"] is False for shape in kinds.values())
