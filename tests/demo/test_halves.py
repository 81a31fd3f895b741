# SPDX-License-Identifier: Apache-2.0
"""One half of the demo by itself, for whoever writes scripts for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from preroll.cli import demo
from preroll.demo import performance, world
from preroll.demo.cast import BOTH, Half
from preroll.demo.circuit_verdicts import BESIDE_THE_MEDIA, CIRCUIT
from preroll.demo.line_verdicts import LINE_ORDERED
from preroll.demo.verdicts import ALWAYS, MEDIA, judge
from preroll.demo.world import Unavailable, World, read_bundle
from tests.demo.circuit_told import circuits


@pytest.mark.parametrize(
    ("only", "halves"), [(None, BOTH), ("media", frozenset({Half.MEDIA})), ("circuit", frozenset({Half.CIRCUIT}))]
)
def test_only_chooses_the_half(monkeypatch: pytest.MonkeyPatch, only: str | None, halves: frozenset[Half]) -> None:
    asked: list[performance.Options] = []
    monkeypatch.setattr(performance, "main", lambda options: asked.append(options) or 0)
    with pytest.raises(SystemExit) as ended:
        demo.demo(None, only=only, keep=False, plain=True, as_json=False)
    assert (ended.value.code, asked[0].halves) == (0, halves)


async def test_without_media_nodes_no_ffmpeg_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    def missing() -> str:
        raise Unavailable("not installed: av")

    monkeypatch.setattr(world, "require_parts", missing)
    async with World(tmp_path, chains=0) as empty:
        assert empty.nodes == {}
        assert "platform" in [document["kind"] for document in read_bundle(tmp_path / "bundle")]
    with pytest.raises(Unavailable, match="not installed"):
        await World(tmp_path, chains=1).__aenter__()


def test_what_is_not_played_is_not_judged() -> None:
    told = circuits()

    def judged(halves: frozenset[Half]) -> list[str]:
        return [verdict.promise for verdict in judge(replace(told, halves=halves))]

    names = [
        [promise for promise, _ in promises]
        for promises in (MEDIA, (*CIRCUIT, *LINE_ORDERED), BESIDE_THE_MEDIA, ALWAYS)
    ]
    media, circuit, beside, always = names
    assert judged(frozenset({Half.MEDIA})) == media + always
    assert judged(frozenset({Half.CIRCUIT})) == circuit + always
    assert judged(BOTH) == media + circuit + beside + always
