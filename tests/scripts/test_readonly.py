# SPDX-License-Identifier: Apache-2.0
"""What a context tells cannot be changed by the script that is told it, at whatever depth."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from preroll.scripts.readonly import read_only
from preroll.sdk import profile_load
from tests.scripts.test_context import ENCODER, Bench

TOLD = {"rate": 5, "lists": [[1], {"a": 2}], "deep": {"er": {"on": True}}, "none": None}

# fmt: off
CHANGES: list[Callable[[Any], object]] = [
    lambda d: d.__setitem__("rate", 6),          lambda d: d.__delitem__("rate"),   lambda d: d.update(rate=6),
    lambda d: d.pop("rate"),                     lambda d: d.popitem(),             lambda d: d.clear(),
    lambda d: d.setdefault("new", 1),            lambda d: d.__ior__({"new": 1}),   lambda d: d["lists"].append(1),
    lambda d: d["lists"].__setitem__(0, 1),      lambda d: d["lists"][0].clear(),   lambda d: d["lists"].sort(),
    lambda d: d["lists"].__iadd__([1]),          lambda d: d["lists"].extend([1]),  lambda d: d["lists"].pop(),
    lambda d: d["lists"].insert(0, 1),           lambda d: d["lists"].remove([1]),  lambda d: d["lists"].reverse(),
    lambda d: d["lists"].__imul__(2),            lambda d: d["lists"].__delitem__(0),
    lambda d: d["lists"][1].update(a=3),         lambda d: d["deep"]["er"].pop("on"),
]
# fmt: on


@pytest.mark.parametrize("change", CHANGES)
def test_every_way_to_change_it_is_refused_with_what_to_do_instead(change: Callable[[Any], object]) -> None:
    told = read_only(TOLD)
    with pytest.raises(TypeError, match=r"read only.*change a copy.*ctx\.change.*ctx\.set_property"):
        change(told)
    assert told == TOLD


def test_it_is_read_and_copied_as_json_is() -> None:
    told = read_only(TOLD)
    assert json.loads(json.dumps(told)) == TOLD
    assert {**told, "rate": 6}["rate"] == (told | {"rate": 6})["rate"] == 6
    assert isinstance(told["deep"], dict)
    assert isinstance(told["lists"], list)
    for other in (copy.deepcopy(told), pickle.loads(pickle.dumps(told))):
        assert other == TOLD
    copied = copy.deepcopy(told)
    copied["lists"][0].append(3)
    copied["deep"]["er"]["on"] = False
    assert told == TOLD
    for shallow in (dict(told), told.copy(), copy.copy(told)):
        assert type(shallow) is dict
    assert type(copy.copy(told["lists"])) is list


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.resources["encoder"].values.update(rate=9),
        lambda c: c.resources["encoder"].states["START"].update(rate=9),
        lambda c: c.resources["encoder"].defaults.clear(),
        lambda c: c.resources["encoder"].address.update(host="x"),
        lambda c: c.resources["encoder"].properties.update(x=1),
        lambda c: c.resources.pop("encoder"),
        lambda c: c.booking.properties.update(x=1),
    ],
)
async def test_a_script_that_changes_what_it_is_told_fails_and_says_so(change: Callable[[Any], object]) -> None:
    async def script(ctx: Any) -> None:
        change(ctx)

    message = await Bench().fails(script)
    assert "TypeError: what the context tells is read only" in message


async def test_a_profile_load_script_is_told_the_same_way() -> None:
    bench = Bench()

    @profile_load
    async def load(ctx: Any) -> None:
        ctx.values["rate"] = 9

    async def script(ctx: Any) -> None:
        await ctx.apply_profile("encoder")

    bench.scripts["load"] = load
    message = await bench.fails(script, equipment=(replace(ENCODER, load="load"),))
    assert "read only" in message
    assert bench.device.applied == []
