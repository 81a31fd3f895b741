# SPDX-License-Identifier: Apache-2.0
"""Every route against every role: one table says what each route needs; a route without a row fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import httpx
import pytest

from preroll.api import contract
from preroll.app import build
from preroll.app.order_holding import carry_services
from preroll.app.ordering import Target
from preroll.domain.config import Platform
from preroll.domain.order import OrderItem, OrderKind
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.permission import LOCAL, PERMISSIONS, ROLES, may
from preroll.ports.store import Tx
from preroll.store import open_inline_store
from tests.api.conftest import StandingClock, asked
from tests.api.people import PASSWORD, People, passwords

OPEN, ONESELF = "open", "oneself"
"""Who need not be known; and who need be no more than known."""
UNKNOWN = "019c0000-0000-7000-8000-000000000000"
QUESTION = {"start": "2026-03-01T13:00:00Z", "end": "2026-03-01T14:00:00Z", "nodes": {"a": {}}}

# fmt: off
ROUTES: dict[str, tuple[str, Any]] = {
    # operation                 needs                 a body, or a query, that it takes
    "create_booking":           ("booking.create",    asked(nodes={})),
    "list_bookings":            ("view",              None),
    "get_booking":              ("view",              None),
    "edit_booking":             ("booking.edit",      {"priority": 3}),
    "delete_booking":           ("booking.delete",    None),
    "set_booking_properties":   ("booking.properties", {"a": 1}),
    "rename_booking":           ("booking.rename",    {"name": "Another"}),
    "extend_booking":           ("booking.extend",    {"by": 60}),
    "get_free_busy":            ("view",              {"from": QUESTION["start"], "to": QUESTION["end"]}),
    "list_booking_runs":        ("view",              None),
    "get_booking_log":          ("view",              None),
    "list_booking_changes":     ("view",              None),
    "create_order":             ("order.create",      {"name": "O", "items": [{"name": "i", "kind": "provision"}]}),
    "list_orders":              ("view",              None),
    "get_order":                ("view",              None),
    "edit_order":               ("order.edit",        {"priority": 3}),
    "delete_order":             ("order.delete",      None),
    "check_order":              ("order.check",       {}),
    "schedule_order":           ("order.schedule",    {}),
    "reschedule_order":         ("order.reschedule",  {}),
    "unschedule_order":         ("order.unschedule",  {}),
    "retry_order":              ("order.retry",       {}),
    "answer_order":             ("order.answer",      {"every": "old"}),
    "approve_order":            ("order.approve",     {}),
    "cancel_order":             ("order.cancel",      {}),
    "take_over_order":          ("order.take-over",   {"plan": "x", "reason": "y"}),
    "clone_order":              ("order.create",      {}),
    "list_order_runs":          ("view",              None),
    "get_order_log":            ("view",              None),
    "list_order_changes":       ("view",              None),
    "list_services":            ("view",              None),
    "get_service":              ("view",              None),
    "audit_service":            ("service.audit",     {}),
    "accept_service":           ("service.accept",    {"drift": "x", "reason": "y"}),
    "approve_differences":      ("service.approve",   {"drift": "x", "reason": "y", "until": QUESTION["end"]}),
    "disapprove_differences":   ("service.approve",   {"reason": "y"}),
    "list_service_audits":      ("view",              None),
    "abandon_service":          ("service.abandon",   {"name": "Line"}),
    "list_service_changes":     ("view",              None),
    "ask_availability":         ("view",              QUESTION),
    "list_booking_audits":      ("view",              None),
    "get_run":                  ("view",              None),
    "get_run_log":              ("view",              None),
    "list_scripts":             ("view",              None),
    "list_changes":             ("view",              None),
    "stream_changes":           ("view",              None),
    "apply_catalogue":          ("catalogue.change",  {"documents": [{"kind": "resource", "name": "R"}]}),
    "export_catalogue":         ("view",              None),
    "plan_catalogue":           ("catalogue.change",  {"documents": [{"kind": "resource", "name": "R"}]}),
    "remove_document":          ("catalogue.change",  {"kind": "pool", "name": "none"}),
    "delete_resource":          ("catalogue.change",  None),
    "change_resource":          ("catalogue.change",  {"hands_off": True}),
    "add_resource":             ("booking.add",       {"node": "a"}),
    "swap_resource":            ("booking.swap",      {"node": "a"}),
    "remove_resource":          ("booking.remove",    {"node": "a"}),
    "force_service_state":      ("booking.force-state", {"state": "STANDBY"}),
    "apply_profile":            ("resource.apply",    {"profile": "I"}),
    "get_applied":              ("view",              None),
    "import_resources":         ("catalogue.change",  {"text": "name\nR\n"}),
    "list_resources":           ("view",              None),
    "get_resource":             ("view",              None),
    "list_profile_definitions": ("view",              None),
    "list_profile_instances":   ("view",              None),
    "get_resolved_profile":     ("view",              None),
    "list_service_definitions": ("view",              None),
    "get_service_definition":   ("view",              None),
    "publish_service_definition": ("catalogue.change", None),
    "retire_service_definition":  ("catalogue.change", None),
    "list_platforms":           ("view",              None),
    "get_platform":             ("view",              None),
    "put_platform":             ("config.change",     {"zone": "Europe/Brussels"}),
    "change_platform":          ("config.change",     {"set": {"limits.lso": 300}}),
    "platform_history":         ("view",              None),
    "undo_platform":            ("config.change",     {}),
    "platform_looks":           ("view",              None),
    "list_pools":               ("view",              None),
    "list_functions":           ("view",              None),
    "list_workers":             ("view",              None),
    "get_night":                ("view",              None),
    "get_sign_in_ways":         (OPEN,                None),
    "sign_in":                  (OPEN,                {"name": "nobody", "password": PASSWORD}),
    "begin_openid":             (OPEN,                None),
    "finish_openid":            (OPEN,                None),
    "sign_out":                 (ONESELF,             None),
    "get_me":                   (ONESELF,             None),
    "change_password":          (ONESELF,             {"old": "not the old one", "new": "another long password"}),
    "list_users":               ("user.view",         None),
    "create_user":              ("user.change",       {"name": "anna"}),
    "get_user":                 ("user.view",         None),
    "edit_user":                ("user.change",       {"full_name": "Anna"}),
    "remove_user":              ("user.change",       None),
    "sign_user_out":            ("user.change",       None),
    "unlock_user":              ("user.change",       None),
    "list_tokens":              (ONESELF,             None),
    "create_token":             (ONESELF,             {"name": "another"}),
    "revoke_token":             (ONESELF,             None),
    "list_subscriptions":       (ONESELF,             None),
    "create_subscription":      ("subscription.create", {"name": "s", "kind": "webhook", "to": "https://a.example/"}),
    "get_subscription":         (ONESELF,             None),
    "change_subscription":      (ONESELF,             {"paused": True}),
    "remove_subscription":      (ONESELF,             None),
    "renew_subscription_secret": (ONESELF,             None),
    "test_subscription":        (ONESELF,             None),
    "list_deliveries":          (ONESELF,             None),
    "redeliver":                (ONESELF,             None),
    "healthz":                  (OPEN,                None),
    "readyz":                   (OPEN,                None),
    "metrics":                  ("view",              None),
}
# fmt: on


@cache
def operations() -> dict[str, tuple[str, str]]:
    """Operation -> method and path."""
    return {
        op["operationId"]: (method.upper(), path)
        for path, methods in contract()["paths"].items()
        for method, op in methods.items()
    }


def row_of(operation: str) -> tuple[str, Any]:
    """What a route needs; an action of a booking needs the permission of its name; empty: nobody has said."""
    method, path = operations()[operation]
    action = f"booking.{path.removeprefix('/api/v1/bookings/{ident}/')}"
    derived = (action, {}) if method == "POST" and action in PERMISSIONS else ("", None)
    return ROUTES.get(operation, derived)


def rows() -> list[str]:
    """The operations that have one."""
    return [operation for operation in operations() if row_of(operation)[0]]


def test_every_route_has_a_row_and_every_row_a_route():
    known = operations()
    assert set(known) - set(rows()) == set(), f"say in {__name__}.ROUTES what they need"
    assert set(ROUTES) <= set(known)
    assert {needs for needs, _ in ROUTES.values()} <= set(PERMISSIONS) | {OPEN, ONESELF}


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def standing_service(tx: Tx) -> str:
    """A service that exists without an engine having made it."""
    made_of = tx.catalogue.definition(1, "D")
    service = tx.services.add(Service("Line", 1, made_of.key, deployed=1), ServiceRevision(1))
    item = OrderItem("line", OrderKind.PROVISION, service.id)
    carry_services(tx, [(service, Target(item, made_of, None, "Line", "START"))])
    return service.id


class Town:
    """A booking and a resource on each of two platforms, and somebody for each role."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.ids: dict[str, str] = {}

    @classmethod
    async def built(cls, stack: AsyncExitStack) -> Town:
        store = open_inline_store(StandingClock())
        stack.callback(store.close)
        app = build(store, None, passwords())
        for name in ("default", "other"):
            await app.platforms.put(LOCAL, Platform(name))
        town = cls(People(app, stack, stopping=True))
        root = await town.people.who("admin")
        documents = [
            {"kind": "resource", "name": "R"},
            {"kind": "profile_definition", "name": "P", "parameters": []},
            {"kind": "profile_instance", "name": "I", "definition": "P"},
            {"kind": "service_definition", "name": "D"},
        ]
        assert (await root.post("catalogue", json={"documents": documents})).status_code == 200
        made = await root.post("bookings", json=asked(nodes={}))
        town.ids["bookings"] = made.json()["id"]
        town.ids["scoped"] = (await root.post("bookings", json=asked(name="S", nodes={}, scopes=["sport"]))).json()[
            "id"
        ]
        item = {"name": "line", "kind": "provision", "values": {"definition": "D", "name": "Line 2"}}
        made = await root.post("orders", json={"name": "O", "items": [item]})
        town.ids["orders"] = made.json()["id"]
        assert (await root.post(f"orders/{town.ids['orders']}/schedule", json={})).status_code == 200
        town.ids["services"] = await store.write(standing_service)
        for noun in ("resources", "profile-instances", "service-definitions"):
            town.ids[noun] = (await root.get(noun)).json()["items"][0]["id"]
        town.clients = {role: await town.people.who(role) for role in ROLES}
        town.clients["nobody"] = town.people.client()
        town.clients["roleless"] = await town.people.who()
        town.clients["elsewhere"] = await town.people.who(on={"other": ["admin"]})
        town.clients["unscoped"] = await town.people.who("operator", "designer", "provisioner")
        await town.people.add("anna")
        return town

    def path(self, template: str, ident: str = "") -> str:
        noun = template.split("/")[3] if template.startswith("/api/v1/") else ""
        path = template.replace("{ident}", ident or self.ids.get(noun, UNKNOWN)).replace("{name}", "default")
        return f"http://localhost{path.replace('{named}', 'anna')}"

    async def send(self, who: str, operation: str, ident: str = "") -> httpx.Response:
        method, template = operations()[operation]
        body = row_of(operation)[1]
        told: dict[str, Any] = {"params" if method in ("GET", "DELETE") else "json": body}
        return await self.clients[who].request(method, self.path(template, ident), **told)


@pytest.fixture(scope="module")
def town(loop: asyncio.Runner) -> Iterator[Town]:
    stack = AsyncExitStack()
    yield loop.run(Town.built(stack))
    loop.run(stack.aclose())


@pytest.mark.parametrize("operation", rows())
def test_who_is_not_known_gets_nowhere(town: Town, loop: asyncio.Runner, operation: str):
    answer = loop.run(town.send("nobody", operation))
    if row_of(operation)[0] == OPEN:
        assert answer.status_code == {"sign_in": 401, "finish_openid": 401, "begin_openid": 404}.get(operation, 200)
    else:
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("operation", rows())
def test_every_route_is_for_the_roles_of_its_row(town: Town, loop: asyncio.Runner, operation: str, role: str):
    needs, _ = row_of(operation)
    if operation == "remove_user" and role in may(needs):
        pytest.skip("there is one anna")
    answer = loop.run(town.send(role, operation))
    if needs in (OPEN, ONESELF) or role in may(needs):
        assert answer.status_code != 403 or operation == "change_password", answer.text
        assert answer.status_code != 401 or needs == OPEN, answer.text
        assert answer.status_code < 500
    else:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (403, "not_permitted"), answer.text
        assert tuple(problem["roles"]) == may(needs)


@pytest.mark.parametrize("operation", rows())
def test_who_has_no_role_gets_no_further(town: Town, loop: asyncio.Runner, operation: str):
    if row_of(operation)[0] not in (OPEN, ONESELF):
        assert loop.run(town.send("roleless", operation)).status_code in (403, 404)


def on_one_thing() -> list[str]:
    return [op for op in rows() if "{ident}" in operations()[op][1] and row_of(op)[0] != ONESELF]


@pytest.mark.parametrize("operation", on_one_thing())
def test_what_is_on_another_platform_does_not_exist(town: Town, loop: asyncio.Runner, operation: str):
    real, unknown = loop.run(town.send("elsewhere", operation)), loop.run(town.send("elsewhere", operation, UNKNOWN))
    ident = town.path(operations()[operation][1]).split("/")[6]
    assert (real.status_code, unknown.status_code) == (404, 404)
    assert real.text.replace(ident, UNKNOWN) == unknown.text


@pytest.mark.parametrize("operation", [op for op in on_one_thing() if "/bookings/" in operations()[op][1]])
def test_a_booking_whose_scopes_one_lacks_does_not_exist(town: Town, loop: asyncio.Runner, operation: str):
    scoped = town.ids["scoped"]
    real, unknown = (loop.run(town.send("unscoped", operation, ident)) for ident in (scoped, UNKNOWN))
    assert (real.status_code, real.text.replace(scoped, UNKNOWN)) == (404, unknown.text)
    assert loop.run(town.send("admin", operation, scoped)).status_code != 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "bookings?platform=default", None),
        ("GET", "changes?platform=default", None),
        ("GET", "changes/stream?platform=default", None),
        ("GET", "catalogue?platform=default", None),
        ("GET", "resources?platform=default", None),
        ("GET", "service-definitions?platform=default", None),
        ("GET", "platforms/default", None),
        ("POST", "bookings", asked(nodes={})),
        ("POST", "availability", QUESTION),
        ("POST", "catalogue", {"documents": [{"kind": "resource", "name": "R"}]}),
        ("PUT", "platforms/default", {}),
    ],
)
def test_another_platform_does_not_exist_by_name(
    town: Town, loop: asyncio.Runner, method: str, path: str, body: dict[str, object] | None
):
    answer = loop.run(town.clients["elsewhere"].request(method, path, json=body))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text


def test_lists_leave_out_what_one_may_not_see(town: Town, loop: asyncio.Runner):
    def names(who: str) -> set[str]:
        return {item["name"] for item in loop.run(town.clients[who].get("bookings")).json()["items"]}

    assert "S" in names("admin")
    assert "S" not in names("unscoped")
    assert "News" in names("unscoped")
    assert names("elsewhere") == set()
    assert [p["name"] for p in loop.run(town.clients["elsewhere"].get("platforms")).json()] == ["other"]


async def test_scopes_are_given_by_those_who_have_them(people: People):
    sporty = await people.who("operator", scopes=["sport"])
    made = await sporty.post("bookings", json=asked(nodes={}, scopes=["sport"]))
    assert (made.status_code, made.json()["scopes"]) == (201, ["sport"])
    ident = made.json()["id"]
    for scopes, expected in ((["finance"], 422), (["sport", "finance"], 422), (["No Word"], 422), ([], 200)):
        answer = await sporty.patch(f"bookings/{ident}", json={"scopes": scopes})
        assert answer.status_code == expected, answer.text
    root = await people.who("admin")
    assert (await root.patch(f"bookings/{ident}", json={"scopes": ["b", "a", "b"]})).json()["scopes"] == ["a", "b"]
    assert (await sporty.get(f"bookings/{ident}")).status_code == 404


async def test_what_a_booking_waits_for_or_lost_does_not_name_one_that_one_may_not_see(people: People):
    root, plain = await people.who("admin"), await people.who("operator")
    await root.post("catalogue", json={"documents": [{"kind": "resource", "name": "ENC 1"}]})
    mine = (await plain.post("bookings", json=asked(priority=0))).json()
    secret = (await root.post("bookings", json=asked(name="Merger", scopes=["finance"], priority=5, force=True))).json()
    answer = await plain.get(f"bookings/{mine['id']}")
    assert answer.json()["state"] == "Quarantined"
    assert "Merger" not in answer.text
    assert secret["id"] not in answer.text
    assert "a booking that you may not see" in answer.text
    moved = await plain.patch(f"bookings/{mine['id']}", json={"properties": {"ticket": 7}})
    assert (moved.status_code, "Merger" in moved.text) == (200, False)
    assert "Merger" in (await root.get(f"bookings/{mine['id']}")).text


async def test_a_conflict_does_not_name_a_booking_that_one_may_not_see(people: People):
    root, plain = await people.who("admin"), await people.who("operator")
    await root.post("catalogue", json={"documents": [{"kind": "resource", "name": "ENC 1"}]})
    held = (await root.post("bookings", json=asked(name="Merger", scopes=["finance"], priority=5))).json()
    answer = await plain.post("bookings", json=asked())
    assert answer.status_code == 409
    assert "Merger" not in answer.text
    assert held["id"] not in answer.text
    assert answer.json()["clashes"][0]["rival_name"] == "a booking that you may not see"
    question = {**QUESTION, "nodes": {"a": {}}, "explain": True}
    free = await plain.post("availability", json=question)
    assert "a booking that you may not see" in free.text
    assert "Merger" not in free.text
