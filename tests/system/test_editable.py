# SPDX-License-Identifier: Apache-2.0
"""What a modify may change is what the definition says can be edited after deployment, and only what is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.domain.definition import Publication
from preroll.domain.errors import Invalid
from preroll.domain.order import OrderItem, OrderKind, OrderState
from preroll.domain.permission import LOCAL
from preroll.domain.profile import ProfileInstance
from tests.system.stage import ENCODING, HD
from tests.system.test_orders import LINE, Office, office, provision

__all__ = ["office"]

K = OrderKind


@pytest.fixture
async def service(office) -> str:
    """A line whose input stays, and whose node B stays as a whole."""
    fixed = replace(
        ENCODING, parameters=tuple(replace(p, editable_after_deploy=p.name != "input") for p in ENCODING.parameters)
    )
    nodes = tuple(replace(node, editable_after_deploy=node.label != "B") for node in LINE.nodes)
    other = ProfileInstance("HD 2", "Encoding", {"bitrate": 9, "input": "SDI 2"}, HD.states)
    same = ProfileInstance("HD 3", "Encoding", {"bitrate": 9, "input": "SDI 1"}, HD.states)
    await office.stage.app.catalogue.apply(LOCAL, "default", [fixed, other, same, replace(LINE, nodes=nodes)])
    return await office.line()


async def refused(office: Office, service: str, **nodes: object) -> list[str]:
    with pytest.raises(Invalid) as wrong:
        await office.make(OrderItem("it", K.MODIFY, service, values={"nodes": nodes}))
    return [str(mistake) for mistake in wrong.value.mistakes]


async def test_a_fixed_value_is_refused_by_name(office, service):
    assert await refused(office, service, A={"values": {"input": "SDI 2", "bitrate": 3}}) == [
        "items.0.values.nodes.A.values.input: cannot be changed after deployment"
        " (expected 'SDI 1', the value that it has)"
    ]


async def test_another_profile_may_not_bring_it_either(office, service):
    (told,) = await refused(office, service, A={"profile": "HD 2"})
    assert told.startswith("items.0.values.nodes.A.values.input")
    assert (
        await office.change(K.MODIFY, service, nodes={"A": {"profile": "HD 3"}})
    ).order.state is OrderState.COMPLETED


async def test_a_fixed_node_stays_and_the_others_may_move(office, service):
    (told,) = await refused(office, service, B={"resource": "enc-3"})
    assert told.startswith("items.0.values.nodes.B: cannot be changed after deployment")
    (told,) = await refused(office, service, B={"values": {"bitrate": 3}})
    assert told.startswith("items.0.values.nodes.B")
    done = await office.change(K.MODIFY, service, nodes={"A": {"resource": "enc-3"}})
    assert (done.order.state, office.device("enc-3")["video.input"]) == (OrderState.COMPLETED, "SDI 1")


@pytest.mark.parametrize("publication", [Publication.DRAFT, Publication.RETIRED])
async def test_only_a_published_definition_can_be_ordered(office, publication):
    await office.stage.app.catalogue.apply(LOCAL, "default", [replace(LINE, name="Other", publication=publication)])
    with pytest.raises(Invalid) as wrong:
        await office.make(provision(definition="Other", version=1))
    assert [str(m) for m in wrong.value.mistakes] == [
        f"items.0.values.definition: Other version 1 is {publication.value} (expected a published version)"
    ]


async def test_who_has_a_retired_definition_keeps_it_and_can_change(office, service):
    (first,) = await office.stage.rig.store.read(
        lambda tx: [tx.catalogue.definition_by_key(tx.services.get(service).definition)]
    )
    retired = replace(first.as_publication(Publication.RETIRED), id="", key=0, platform=0)
    await office.stage.app.catalogue.apply(LOCAL, "default", [retired])
    done = await office.change(K.MODIFY, service, nodes={"A": {"values": {"bitrate": 7}}})
    assert done.order.state is OrderState.COMPLETED
