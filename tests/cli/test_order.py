# SPDX-License-Identifier: Apache-2.0
"""Service orders at the command line: what is printed, and how commands end."""

from __future__ import annotations

import pytest

from preroll.cli.exits import NOT_FOUND, REFUSED, STALE, USAGE
from preroll.cli.order_editing import Given
from preroll.client.orders import Item
from tests.cli.conftest import Preroll

pytestmark = pytest.mark.usefixtures("server", "catalogue")
AT = "2026-03-01T13:00:00Z"
LINE = ("Line to B", "--definition", "Line", "--node", "A=ENC 1", "--node", "B=ENC 2")


@pytest.fixture
def catalogue(server: object, preroll: Preroll, tmp_path):
    file = tmp_path / "bundle.yaml"
    file.write_text(
        "kind: resource\nname: ENC 1\n---\nkind: resource\nname: ENC 2\n---\n"
        "kind: service_definition\nname: Line\nnodes: [{label: A}, {label: B}]\n"
    )
    assert preroll("apply", str(file)).code == 0


def test_an_order_from_first_to_last(preroll: Preroll):
    made = preroll("order", "provision", *LINE, "--json").json
    assert (made["state"], made["items"][0]["kind"]) == ("Requested", "provision")
    shown = preroll("order", "schedule", "line to b", "--at", AT, "--latest-start", "10m").out
    assert "state     Scheduled" in shown
    assert "2026-03-01 13:00:00Z" in shown
    listed = preroll("order", "list").out.splitlines()
    assert listed[0].split() == ["id", "name", "state", "due", "why", "by"]
    assert "Scheduled" in listed[1]
    refused = preroll("order", "retry", made["id"])
    assert (refused.code, "possible now" in refused.err) == (REFUSED, True)
    assert "unschedule" in preroll("order", "show", made["id"]).out
    assert preroll("order", "unschedule", made["id"]).code == 0
    assert preroll("order", "cancel", made["id"], "--why", "not wanted").code == 0
    assert "not wanted" in preroll("order", "history", made["id"]).out
    assert preroll("order", "log", made["id"]).out == "the log is empty\n"
    clone = preroll("order", "clone", made["id"], "--name", "Again", "--json").json
    assert preroll("order", "delete", clone["id"], "--json").json == {"deleted": clone["id"]}


def test_provision_at_once_and_several_items_from_a_file(preroll: Preroll, tmp_path):
    made = preroll("order", "provision", *LINE, "--at", AT, "--json").json
    assert (made["state"], made["due"]) == ("Scheduled", AT)
    file = tmp_path / "order.yaml"
    file.write_text(
        "name: Two lines\ntogether: best effort\nitems:\n"
        "- {name: one, kind: provision, values: {definition: Line, nodes: {A: {resource: ENC 1}, B: {resource: ENC 2}}}}\n"  # noqa: E501
        "- {name: two, kind: provision, after: [one], values: {definition: Line, name: L2,"
        " nodes: {A: {resource: ENC 1}, B: {resource: ENC 2}}}}\n"
    )
    both = preroll("order", "create", str(file), "--json").json
    assert [item["after"] for item in both["items"]] == [[], ["one"]]
    refused = preroll("order", "schedule", both["id"])
    assert (refused.code, "held by Line to B" in refused.err) == (REFUSED, True)
    names = [order["name"] for order in preroll("order", "list", "--json").json]
    again = preroll("order", "provision", "Line to C", *LINE[1:], "--now")
    assert (again.code, "held by Line to B" in again.err) == (REFUSED, True)
    assert [order["name"] for order in preroll("order", "list", "--json").json] == names, "nothing is left behind"
    file.write_text("[1")
    assert preroll("order", "create", str(file)).code == USAGE


def test_an_order_is_edited_item_by_item(preroll: Preroll, tmp_path):
    made = preroll("order", "provision", *LINE, "--property", "who=us", "--json").json
    edit = ("order", "edit", made["id"])
    after = preroll(
        *edit, "--node", "A=ENC 2", "--node", "B=ENC 1", "--name", "Line 9", "--priority", "4", "--json"
    ).json
    (item,) = after["items"]
    assert (after["name"], after["priority"], after["state"]) == ("Line 9", 4, "Requested")
    were, are = ({k: n["resource"] for k, n in i["values"]["nodes"].items()} for i in (made["items"][0], item))
    assert were["A"] != were["B"]
    assert are == {"A": were["B"], "B": were["A"]}
    assert (item["values"]["properties"], item["service"]) == ({"who": "us"}, made["items"][0]["service"])
    stale = preroll(*edit, "--name", "Other", "--revision", "1")
    assert (stale.code, preroll(*edit).code) == (STALE, USAGE)
    missing = preroll(*edit, "--item", "two", "--whole", "B")
    assert (missing.code, "--item says which: service" in missing.err) == (USAGE, True)
    assert preroll("order", "show", made["id"], "--json").json["revision"] == after["revision"], "nothing was changed"


@pytest.mark.parametrize(("kind", "emptied"), [("provision", {}), ("modify", {"B": None})])
def test_what_is_given_of_a_node_goes_into_what_the_item_says_of_it(kind, emptied):
    before = {"nodes": {"A": {"resource": "ENC 1", "values": {"rate": 5}}, "B": {"resource": "ENC 2"}}, "name": "Line"}
    given = Given({"A": {"values": {"delay": 2}}, "B": None, "C": {"resource": "ENC 3"}}, {"who": "us"})
    assert given.into(Item("one", kind, "", None, [], before, "Requested", "")) == {
        "nodes": {"A": {"resource": "ENC 1", "values": {"rate": 5, "delay": 2}}, "C": {"resource": "ENC 3"}} | emptied,
        "properties": {"who": "us"},
        "name": "Line",
    }


def test_what_a_service_needs_is_named_and_shown(preroll: Preroll):
    trunk = preroll("order", "provision", *LINE, "--json").json["items"][0]["service"]
    made = preroll("order", "provision", "Line 7", *LINE[1:], "--needs", trunk, "--json").json
    assert made["items"][0]["needs"] == [trunk]
    assert trunk in preroll("order", "show", made["id"]).out
    refused = preroll("order", "provision", "Line 8", *LINE[1:], "--needs", "Trunk")
    assert (refused.code, "'Trunk' is no service" in refused.err) == (USAGE, True)


def test_what_is_not_there_is_said(preroll: Preroll):
    assert preroll("order", "show", "nothing").code == NOT_FOUND
    assert preroll("order", "decommission", "nothing").code == NOT_FOUND
    assert preroll("service", "show", "nothing").code == NOT_FOUND
    cup = ("Cup", "--start", AT, "--end", "2026-03-01T14:00:00Z", "--overlays", "Line", "--value", "A.rate=5")
    refused = preroll("booking", "create", *cup)
    assert (refused.code, "'Line' is no service" in refused.err) == (USAGE, True)
    assert preroll("order", "provision", *LINE, "--now", "--at", AT).code == USAGE
    assert "preroll order schedule --help shows what it takes" in preroll("order", "schedule", "x", "--noww").err
    assert preroll("service", "list").out == "no services\n"
    assert preroll("order", "list").out == "no orders\n"
