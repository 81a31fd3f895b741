# SPDX-License-Identifier: Apache-2.0
"""Every state with every action, through the use cases: accepted or refused as the contract says, and never half."""

from __future__ import annotations

from itertools import product

import pytest

from preroll.domain.booking import ON_AIR, State
from preroll.domain.errors import ActionNotPossible, TransitionNotAllowed
from tests.system.stage import fails

HOUR = 3_600
ACTIONS = ("edit", "confirm", "leave-quarantine", "hold", "cancel", "finish", "retry", "acknowledge")
ADMITTED = {
    State.PARTIAL: {"edit", "confirm", "hold", "cancel"},
    State.CONFIRMED: {"edit", "hold", "cancel"},
    State.ON_HOLD: {"edit", "confirm", "cancel"},
    State.QUARANTINED: {"edit", "confirm", "leave-quarantine", "hold", "cancel"},
    State.PRE_ROLL: {"edit", "finish"},
    State.ACTIVE: {"edit", "finish"},
    State.POST_ROLL: {"edit", "finish"},
    State.FAILED_PRE_ROLL: {"edit", "finish", "retry", "acknowledge"},
    State.FAILED_ACTIVE: {"edit", "finish", "retry", "acknowledge"},
    State.FAILED_POST_ROLL: {"edit", "finish", "retry", "acknowledge"},
    State.FAILED_COMPLETED: {"retry", "acknowledge"},
    State.COMPLETED: set(),
    State.CANCELED: set(),
    State.FAILED: set(),
}
LEADS_TO = {
    "confirm": {None: State.CONFIRMED},
    "leave-quarantine": {None: State.CONFIRMED},
    "hold": {None: State.ON_HOLD},
    "cancel": {None: State.CANCELED},
    "finish": {
        State.PRE_ROLL: State.COMPLETED, State.FAILED_PRE_ROLL: State.COMPLETED,
        State.ACTIVE: State.COMPLETED, State.FAILED_ACTIVE: State.COMPLETED,
        State.POST_ROLL: State.COMPLETED, State.FAILED_POST_ROLL: State.COMPLETED,
    },
    "retry": {
        State.FAILED_PRE_ROLL: State.PRE_ROLL, State.FAILED_ACTIVE: State.ACTIVE,
        State.FAILED_POST_ROLL: State.POST_ROLL, State.FAILED_COMPLETED: State.COMPLETED,
    },
}  # fmt: skip
LEADS_TO["acknowledge"] = LEADS_TO["retry"]
SCRIPT = {
    State.FAILED_PRE_ROLL: "warm-up",
    State.FAILED_ACTIVE: "on-air",
    State.FAILED_POST_ROLL: "wind-down",
    State.FAILED_COMPLETED: "reset",
}
WHEN = {
    State.PRE_ROLL: -200, State.FAILED_PRE_ROLL: -200, State.ACTIVE: 100, State.FAILED_ACTIVE: 100,
    State.POST_ROLL: HOUR + 100, State.FAILED_POST_ROLL: HOUR + 100, State.COMPLETED: HOUR + 400,
    State.FAILED_COMPLETED: HOUR + 400,
}  # fmt: skip


async def brought_to(stage, state: State) -> str:
    """A booking that came to a state by the way that bookings come to it."""
    if script := SCRIPT.get(state):
        stage.cast.when(script, fails(), times=1)
    news = await stage.book(confirm=state is not State.PARTIAL)
    match state:
        case State.ON_HOLD:
            await stage.hold(news)
        case State.CANCELED:
            await stage.cancel(news)
        case State.QUARANTINED:
            rival = await stage.book("Cup", definition=None, confirm=False, priority=1, force=True)
            await stage.cancel(rival)
        case State.FAILED:
            stage.rig.crash()
            await stage.to(2 * HOUR)
            await stage.rig.start()
        case _ if state in WHEN:
            await stage.to(WHEN[state])
    assert await stage.state(news) is state
    return news


async def act(stage, action: str, ident: str) -> None:
    if action == "edit":
        await stage.edit(ident, properties={"ticket": 7})
    else:
        await getattr(stage, action.replace("-", "_"))(ident)


def test_the_table_is_whole():
    assert set(ADMITTED) == set(State)


@pytest.mark.parametrize(("state", "action"), list(product(State, ACTIONS)), ids=lambda word: str(word))
async def test_a_pair(stage, state, action):
    news = await brought_to(stage, state)
    before, told = await stage.see(news), await stage.history(news)
    assert set(before.possible) & set(ACTIONS) == ADMITTED[state]
    if action not in ADMITTED[state]:
        with pytest.raises((ActionNotPossible, TransitionNotAllowed)) as refused:
            await act(stage, action, news)
        assert refused.value.hint
        assert await stage.see(news) == before
        assert await stage.history(news) == told
        return
    await act(stage, action, news)
    await stage.rig.quiet()
    after = (await stage.see(news)).booking
    shrunk = action == "finish" and state in ON_AIR
    assert after.revision == before.booking.revision + 1 + shrunk
    ways = LEADS_TO.get(action, {None: state})
    assert after.state is ways.get(state, ways.get(None))
    assert len(await stage.history(news)) > len(told)
