# SPDX-License-Identifier: Apache-2.0
"""What an operator decides of orders and services, by the API and by the command line: done, and refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from preroll.api import create_app
from preroll.cli import connect
from preroll.cli.exits import OK, REFUSED, STALE, USAGE
from preroll.client import Client
from preroll.domain.config import Platform
from preroll.domain.permission import LOCAL
from preroll.domain.service_instance import Provisioned
from preroll.domain.window import DAY, SECOND
from tests.cli.conftest import Preroll, own_credentials, preroll
from tests.client.conftest import Direct
from tests.system.stage import CONFIG
from tests.system.test_order_questions import Asked, office
from tests.system.test_orders import ON, S, provision

__all__ = ["office", "own_credentials", "preroll"]
THERE = {"video.bitrate": 12, "video.input": "SDI 5"}


class Apart(Direct):
    """Answers in a thread of its own: a command runs while the loop of the test stands still."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answers: list[httpx.Response] = []
        answer = super().handle_request
        worker = threading.Thread(target=lambda: answers.append(answer(request)), daemon=True)
        worker.start()
        worker.join(60)
        return answers[0]


@pytest.fixture
def server(stage, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The API of the stage, which commands reach too."""
    api = create_app(stage.app, stopping=lambda: True)
    monkeypatch.delenv("PREROLL_SERVER", raising=False)
    monkeypatch.setattr(connect, "Client", partial(Client, transport=Apart(api)))
    return api


@pytest.fixture
def api(server: Any) -> Iterator[httpx.Client]:
    with httpx.Client(transport=Apart(server), base_url="http://localhost/api/v1/") as client:
        yield client


@pytest.fixture
async def asking(office: Asked, stage) -> str:
    """An order that asks what the second device has."""
    limits = replace(CONFIG.limits, operator_us=DAY)
    await stage.app.platforms.put(LOCAL, Platform("default", config=replace(CONFIG, limits=limits)))
    return await office.asking()


async def checked(office: Asked) -> tuple[str, str]:
    """A provision that was checked, of a line that stands there already; with the hash of its plan."""
    for name in ("enc-1", "enc-2"):
        office.stage.rig.devices.tamper(name, THERE)
    await office.stage.rig.until(office.stage.now + SECOND)
    ident = await office.make(provision())
    await office.orders.check(LOCAL, ident, None)
    seen = await office.end(ident)
    assert seen.plan is not None, seen.order.why
    return ident, seen.plan.hash


async def test_an_answer_by_the_api(asking: str, office: Asked, stage, api: httpx.Client):
    shown = api.get(f"orders/{asking}").json()
    assert [(q["node"], q["device"]) for q in shown["questions"]] == [("it/B", "enc-2")]
    wrong = api.post(f"orders/{asking}/answer", json={"has": {"it/A": "old"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "has.it/A")
    assert api.post(f"orders/{asking}/answer", json={"has": {"it/B": "blue"}}).status_code == 422
    stale = api.post(f"orders/{asking}/answer", json={"every": "old"}, headers={"If-Match": '"99"'})
    assert (stale.status_code, (await office.orders.get(LOCAL, asking)).order.state) == (412, S.IN_PROGRESS)
    done = api.post(f"orders/{asking}/answer", json={"has": {"it/B": "old"}})
    assert done.status_code == 200, done.text
    await stage.rig.quiet()
    ended = api.get(f"orders/{asking}").json()
    assert (ended["state"], ended["questions"], ended["residue"]) == ("Failed Deploy", [], {})
    again = api.post(f"orders/{asking}/answer", json={"every": "old"})
    assert (again.status_code, again.json()["code"]) == (409, "action_not_possible")


async def test_an_answer_by_the_command_line(asking: str, office: Asked, stage, server, preroll: Preroll):
    assert "enc-2" in preroll("order", "show", asking).out
    wrong = preroll("order", "answer", asking, "--has", "it/A=old")
    assert (wrong.code, "has.it/A" in wrong.err) == (USAGE, True)
    assert preroll("order", "answer", asking, "--every", "old", "--revision", "99").code == STALE
    assert (await office.orders.get(LOCAL, asking)).order.state is S.IN_PROGRESS
    done = preroll("order", "answer", asking, "--every", "old", "--json")
    assert (done.code, done.json["id"]) == (OK, asking)
    await stage.rig.quiet()
    assert (await office.orders.get(LOCAL, asking)).order.state is S.FAILED_DEPLOY
    again = preroll("order", "answer", asking, "--give-up")
    assert (again.code, "possible now" in again.err) == (REFUSED, True)


async def test_who_cannot_tell_gives_up_by_the_command_line(asking: str, office: Asked, stage, server, preroll):
    assert preroll("order", "answer", asking, "--give-up").code == OK
    await stage.rig.quiet()
    failed = await office.orders.get(LOCAL, asking)
    assert (failed.order.state, set(failed.residue)) == (S.FAILED_DEPLOY, {"it/B"})


async def test_a_take_over_by_the_api(office: Asked, api: httpx.Client):
    blind = api.post("orders", json={"name": "Blind", "items": [_item("Blind")]})
    path = f"orders/{blind.json()['id']}/take-over"
    unseen = api.post(path, json={"plan": "0" * 16, "reason": "it stands"})
    assert (unseen.status_code, "check it first" in unseen.json()["hint"]) == (409, True)
    ident, plan = await checked(office)
    path = f"orders/{ident}/take-over"
    other = api.post(path, json={"plan": "0" * 16, "reason": "it stands"})
    assert (other.status_code, plan in other.json()["detail"]) == (409, True)
    silent = api.post(path, json={"plan": plan, "reason": " "})
    assert (silent.status_code, silent.json()["errors"][0]["where"].removeprefix("body.")) == (422, "reason")
    done = api.post(path, json={"plan": plan, "reason": "it stands since spring"})
    assert (done.status_code, done.json()["state"]) == (200, "Completed"), done.text
    service = api.get(f"services/{done.json()['items'][0]['service']}").json()
    assert (service["state"], service["deployed"], service["differences"]) == ("Deployed", 1, [])
    assert office.device("enc-1") == THERE
    again = api.post(path, json={"plan": plan, "reason": "once more"})
    assert (again.status_code, again.json()["code"]) == (409, "action_not_possible")


async def test_a_take_over_by_the_command_line(office: Asked, server, preroll: Preroll):
    ident, plan = await checked(office)
    take = ("order", "take-over", ident, "--reason", "it stands since spring", "--plan")
    other = preroll(*take, "0" * 16)
    assert (other.code, plan in other.err) == (REFUSED, True)
    assert preroll(*take, plan, "--revision", "99").code == STALE
    assert preroll("order", "take-over", ident, "--plan", plan, "--reason", " ").code == USAGE
    assert (await office.orders.get(LOCAL, ident)).order.state is S.REQUESTED
    done = preroll(*take, plan, "--json")
    assert (done.code, done.json["state"]) == (OK, "Completed"), done.err
    service = await office.see(done.json["items"][0]["service"])
    assert (service.service.state, office.device("enc-2")) == (Provisioned.DEPLOYED, THERE)
    assert preroll(*take, plan).code == REFUSED


async def test_what_devices_have_is_accepted_by_the_command_line(office: Asked, stage, server, preroll: Preroll):
    line = await office.line()
    nothing = preroll("service", "accept", line, "--reason", "as agreed")
    assert nothing.code == REFUSED
    stage.rig.devices.tamper("enc-1", {"video.bitrate": 5})
    await office.services.audit(LOCAL, line)
    await stage.rig.quiet()
    assert preroll("service", "accept", line, "--reason", "as agreed", "--drift", "0123").code == REFUSED
    done = preroll("service", "accept", line, "--reason", "as agreed", "--json")
    assert (done.code, done.json["deployed"], done.json["differences"]) == (OK, 2, []), done.err
    assert office.device("enc-1") == {**ON, "video.bitrate": 5}


def _item(name: str) -> dict[str, Any]:
    made = provision(name)
    return {"name": "line", "kind": "provision", "values": {**made.values, "name": name}}
