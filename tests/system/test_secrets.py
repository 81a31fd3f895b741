# SPDX-License-Identifier: Apache-2.0
"""A secret of a profile, from the catalogue to the device: no door shows it, no table has it, no line tells it."""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import replace

import httpx
import pytest

from preroll.api import create_app
from preroll.domain.booking import State
from preroll.domain.errors import Invalid
from preroll.domain.parameter import Parameter
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileInstance
from preroll.domain.resource import Resource
from preroll.drivers.sim import FaultKind
from preroll.drivers.sim.driver import SimDriver
from preroll.sdk import AuthFailed, Secret
from tests.system.stage import ENCODING, HD, fails

CANARY, TYPED = "c4nary-in-the-environment", "c4nary-typed-by-mistake"
LOGIN = "c4nary-of-an-address"
KEYED = replace(ENCODING, parameters=(*ENCODING.parameters, Parameter("key", path="video.key", secret=True)))
SECRETIVE = replace(HD, values={**HD.values, "key": "env:KEY"})


@pytest.fixture
async def stage(stage, monkeypatch):
    monkeypatch.setenv("PREROLL_SECRET_KEY", CANARY)
    await stage.app.catalogue.apply(LOCAL, "default", [KEYED, SECRETIVE])
    return stage


@pytest.fixture
async def api(stage):
    looked = itertools.cycle([False, True])  # a stream tells what there is, and ends
    transport = httpx.ASGITransport(create_app(stage.app, stopping=lambda: next(looked)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1/") as client:
        yield client


async def stored(stage) -> str:
    """All rows of all tables, and the bytes of the database as a backup copies them."""

    def query(tx) -> str:
        db = tx._work.db
        tables = [name for (name,) in db.all("select name from sqlite_master where type = 'table'")]
        rows = repr({table: db.all(f"select * from {table}") for table in tables})
        return rows + db._connection.serialize().decode("utf-8", "replace")

    return await stage.rig.store.read(query)


async def shown(api: httpx.AsyncClient, ident: str) -> str:
    """All that the doors answer about a booking and its catalogue."""
    paths = [
        "bookings", f"bookings/{ident}", f"bookings/{ident}/runs", f"bookings/{ident}/log",
        f"bookings/{ident}/changes", "changes", "changes/stream?after=", "catalogue", "profile-definitions",
        "profile-instances", "resources",
    ]  # fmt: skip
    answers = [await api.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    return "".join(answer.text for answer in answers)


async def test_it_reaches_the_device_and_nothing_else(stage, api, caplog):
    caplog.set_level(logging.DEBUG)
    good = await stage.book("Good")
    await stage.to(1)
    assert stage.device()["video.key"] == CANARY
    await stage.to(4000)
    assert await stage.state(good) is State.COMPLETED
    rows, answers = await stored(stage), await shown(api, good)
    assert Secret(CANARY).digest in rows
    assert Secret(CANARY).digest in answers
    assert "env:KEY" in answers
    assert CANARY not in rows + answers + caplog.text


async def test_nor_does_what_goes_wrong_show_it(stage, api, caplog):
    caplog.set_level(logging.DEBUG)
    stage.cast.when("warm-up", fails(f"cannot use {CANARY}"))
    bad = await stage.book("Bad")
    await stage.to(1)
    runs = await stage.runs(bad)
    assert runs[0].run.message == "cannot use <secret>"
    assert CANARY not in await stored(stage) + await shown(api, bad) + caplog.text


async def test_nor_does_a_device_that_did_not_take_it(stage, api, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    stage.rig.devices.fault("enc-1", FaultKind.LIES)
    bad = await stage.book("Bad")
    await stage.to(4000)
    told = "".join(run.run.message for run in await stage.runs(bad))
    assert "video.key: expected <secret>, found " in told
    assert "video.key: expected <secret>" in await shown(api, bad)
    assert CANARY not in await stored(stage) + await shown(api, bad) + caplog.text + "".join(capfd.readouterr())


async def test_nor_does_a_device_that_repeats_the_one_of_its_address(stage, api, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PREROLL_SECRET_LOGIN", LOGIN)
    await stage.app.catalogue.apply(LOCAL, "default", [Resource("enc-1", address={"device": "env:LOGIN"})])
    monkeypatch.setattr(SimDriver, "open", _repeats)
    bad = await stage.book("Bad")
    await stage.to(4000)
    everything = await stored(stage) + await shown(api, bad)
    assert "nobody is called <secret> here" in everything
    assert "env:LOGIN" in everything
    assert LOGIN not in everything + caplog.text


async def _repeats(driver) -> None:
    raise AuthFailed(f"nobody is called {LOGIN} here")


async def test_one_that_is_typed_in_is_refused_at_each_door_and_not_repeated(stage, api, caplog):
    caplog.set_level(logging.DEBUG)
    news = await stage.book(confirm=False)
    node = {"resource": "enc-2", "values": {"key": TYPED}}
    times = {"start": "2030-03-01T13:00:00Z", "end": "2030-03-01T14:00:00Z"}
    instance = {"kind": "profile_instance", "name": "X", "definition": "Encoding", "values": {"key": TYPED}}
    state = {"START": {"key": TYPED}}
    parameter = {"name": "key", "secret": True, "default": TYPED}
    definition = {"kind": "profile_definition", "name": "Y", "parameters": [parameter]}
    keyed = {"Idempotency-Key": "once"}
    answers = [
        await api.post("catalogue", json={"documents": [instance]}),
        await api.post("catalogue", json={"documents": [{**instance, "values": {}, "states": state}]}),
        await api.post("catalogue/plan", json={"documents": [instance]}),
        await api.post("catalogue", json={"documents": [definition]}),
        await api.post("bookings", json={
            "name": "B", "definition": "Contribution", "nodes": {"Encoder": node}, **times}, headers=keyed),
        await api.patch(f"bookings/{news}", json={"nodes": {"Encoder": node}}, headers={"If-Match": "*"}),
        await api.post("availability", json={
            "definition": "Contribution", "nodes": {"Encoder": {"values": {"key": TYPED}}}, **times}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [422] * len(answers), [a.text for a in answers]
    for answer in answers:
        (mistake,) = json.loads(answer.text)["errors"]
        assert mistake["where"].endswith((".key", ".default"))
        assert "is no reference to a secret" in str(mistake)
    everything = "".join(answer.text for answer in answers) + await stored(stage) + await shown(api, news)
    assert TYPED not in everything + caplog.text


async def test_a_parameter_becomes_a_secret_only_when_no_instance_has_a_plain_value(stage):
    plain = replace(ENCODING, parameters=(*ENCODING.parameters, Parameter("pin", path="video.pin")))
    await stage.app.catalogue.apply(LOCAL, "default", [
        replace(plain, name="Other"), ProfileInstance("Pinned", "Other", {"pin": TYPED}),
    ])  # fmt: skip
    secret = replace(plain, name="Other", parameters=(*ENCODING.parameters, Parameter("pin", secret=True)))
    with pytest.raises(Invalid) as refused:
        await stage.app.catalogue.apply(LOCAL, "default", [secret])
    told = "0.parameters: do not fit profile instance Pinned: values.pin is no reference to a secret"
    assert told in str(refused.value)
    assert TYPED not in str(refused.value)
    with_reference = ProfileInstance("Pinned", "Other", {"pin": "env:PIN"})
    await stage.app.catalogue.apply(LOCAL, "default", [secret, with_reference])
