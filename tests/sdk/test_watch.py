# SPDX-License-Identifier: Apache-2.0
"""The window of an audit: Up as soon as it is up, Down at its end, and never a look too many."""

from __future__ import annotations

from dataclasses import dataclass, field

from preroll.sdk import Audit, AuditState, Scene, watch

UP, DOWN, UNKNOWN = AuditState.UP, AuditState.DOWN, AuditState.UNKNOWN


@dataclass
class Answers:
    """A check that answers in turn; the last answer stays."""

    states: list[AuditState]
    takes: float = 0.0
    at: list[float] = field(default_factory=list)
    now: float = 50.0
    what = "a lamp"

    async def look(self, scene: Scene | None = None, /) -> Audit:
        self.at.append(round(self.now - 50, 2))
        self.now += self.takes
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return Audit(state, {"look": len(self.at)})

    async def pause(self, seconds: float) -> None:
        self.now += seconds

    async def seen(self, within: float) -> Audit:
        return await watch(self, within=within, now=lambda: self.now, pause=self.pause)


async def test_up_at_once_is_one_look() -> None:
    lamp = Answers([UP])
    audit = await lamp.seen(5)
    assert (audit.state, audit.tries, audit.what, lamp.at) == (UP, 1, "a lamp", [0])


async def test_up_as_soon_as_it_is_up() -> None:
    lamp = Answers([UNKNOWN, DOWN, DOWN, UP])
    audit = await lamp.seen(60)
    assert (audit.state, audit.tries, audit.evidence) == (UP, 4, {"look": 4})
    assert lamp.at == [0, 0.25, 0.62, 1.19]


async def test_down_only_at_the_end_with_the_last_evidence() -> None:
    lamp = Answers([DOWN])
    audit = await lamp.seen(2)
    assert (audit.state, audit.evidence) == (DOWN, {"look": len(lamp.at)})
    assert lamp.at[-1] == 2


async def test_no_window_is_one_look() -> None:
    lamp = Answers([DOWN])
    assert (await lamp.seen(0)).tries == 1


async def test_a_look_that_outlasts_the_window_is_the_last() -> None:
    lamp = Answers([DOWN], takes=10)
    assert (await lamp.seen(5)).tries == 1


async def test_what_could_not_be_looked_at_stays_unknown() -> None:
    assert (await Answers([DOWN, UNKNOWN]).seen(3)).state is UNKNOWN
