# SPDX-License-Identifier: Apache-2.0
"""Services as documents."""

from __future__ import annotations

import pytest

from preroll.app.services import ServiceDetails
from preroll.domain.booking import Booking, NodeChoice, State, Timing
from preroll.domain.definition import ServiceDefinition
from preroll.domain.ordered import Service, ServiceRevision
from preroll.domain.service_instance import Provisioned
from preroll.tmf.services import service_document


def details(state: Provisioned, runs: str = "START") -> ServiceDetails:
    nodes = {"encoder": NodeChoice("r1", "HD", {"key": "secret"})}
    carrier = Booking(1, "s1", 1, "Line", State.ACTIVE, Timing(0, None), nodes=nodes, properties={"channel": 7})
    service = Service("Line", 1, 1, state, runs, id="s1", created_us=0, changed_us=60_000_000)
    definition = ServiceDefinition("Contribution", version=2)
    return ServiceDetails(service, "tv", definition, carrier, (ServiceRevision(1, order="o1", item="line"),), ())


@pytest.mark.parametrize(
    ("state", "word", "enabled"),
    [
        (Provisioned.DEPLOYED, "active", True),
        (Provisioned.FAIL_DEPLOY, "active", False),  # TMF638: has started and is not enabled = has failed
        (Provisioned.DECOMMISSIONED, "terminated", False),
    ],
)
def test_a_service_tells_how_it_stands(state: Provisioned, word: str, enabled: bool):
    document = service_document(details(state))
    assert (document["state"], document["isServiceEnabled"], document["hasStarted"]) == (word, enabled, True)
    assert ("endDate" in document) == (state is Provisioned.DECOMMISSIONED)


def test_a_service_tells_what_it_is_made_of_and_nothing_that_may_be_secret():
    document = service_document(details(Provisioned.DEPLOYED, "STANDBY"))
    assert (document["id"], document["href"], document["state"]) == (
        "s1", "/tmf-api/serviceInventory/v4/service/s1", "inactive"
    )  # fmt: skip
    assert document["serviceSpecification"]["version"] == "2"
    assert [(c["name"], c["value"]) for c in document["serviceCharacteristic"]] == [
        ("channel", 7), ("node:encoder", {"resource": "r1", "profile": "HD"}),
    ]  # fmt: skip
    assert document["serviceOrderItem"][0]["serviceOrderHref"] == "/tmf-api/serviceOrdering/v4/serviceOrder/o1"
    assert document["serviceOrderItem"][0]["itemId"] == "line"
    assert "secret" not in str(document)
