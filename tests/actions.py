# SPDX-License-Identifier: Apache-2.0
"""SPEC 3.1 and 3.2 written out a second time: which action each state of a booking admits, and how it is asked for."""

from __future__ import annotations

from preroll.api.fields import when
from preroll.domain.booking import State
from preroll.domain.window import DAY, MINUTE
from tests.builders import NOON

ALWAYS = "properties duplicate take release force-take"
BOTH = f"{ALWAYS} edit adjust rename add swap remove"
WAITING, RUNNING = BOTH, f"{BOTH} finish extend audit force-state apply-now"
CONTRACT = {
    State.PARTIAL: f"{WAITING} confirm hold cancel",
    State.CONFIRMED: f"{WAITING} hold cancel start-now",
    State.ON_HOLD: f"{WAITING} confirm cancel",
    State.QUARANTINED: f"{WAITING} confirm leave-quarantine hold cancel",
    State.PRE_ROLL: RUNNING,
    State.FAILED_PRE_ROLL: f"{RUNNING} retry acknowledge",
    State.ACTIVE: RUNNING,
    State.FAILED_ACTIVE: f"{RUNNING} retry acknowledge",
    State.POST_ROLL: RUNNING,
    State.FAILED_POST_ROLL: f"{RUNNING} retry acknowledge",
    State.FAILED_COMPLETED: f"{ALWAYS} retry acknowledge delete",
    State.COMPLETED: f"{ALWAYS} delete",
    State.CANCELED: f"{ALWAYS} delete",
    State.FAILED: f"{ALWAYS} delete",
}
"""SPEC 3.1 and 3.2, for a booking that is reset."""

RUNS_IN = {
    State.PRE_ROLL: "STANDBY", State.FAILED_PRE_ROLL: "STANDBY", State.ACTIVE: "START", State.FAILED_ACTIVE: "START",
    State.POST_ROLL: "PAUSE", State.FAILED_POST_ROLL: "PAUSE",
}  # fmt: skip
"""The service state of each running state."""

Request = tuple[str, str, object]


def requests(state: State) -> dict[str, Request]:
    """Action -> (method, path under the booking, body) of a request that makes sense in this state, if any does."""
    wrapping = state in (State.POST_ROLL, State.FAILED_POST_ROLL)
    posted = {
        "confirm": None, "leave-quarantine": {}, "hold": None, "cancel": {"why": "rain"}, "start-now": {},
        "finish": {"why": "over"}, "extend": {"by": 60}, "rename": {"name": "Other"},
        "adjust": {"post_roll": 900} if wrapping else {"end": when(NOON + 90 * MINUTE).isoformat()},
        "add": {"node": "Decoder", "resource": "enc-3", "apply_now": True},
        "swap": {"node": "Encoder", "apply_now": True}, "remove": {"node": "Decoder", "apply_now": True},
        "force-state": {"state": RUNS_IN.get(state, "STANDBY")}, "duplicate": {"start": when(NOON + DAY).isoformat()},
        "retry": {}, "apply-now": {}, "acknowledge": {"why": "repaired"}, "audit": None, "take": None, "release": None,
        "force-take": None,
    }  # fmt: skip
    found: dict[str, Request] = {action: ("POST", f"/{action}", body) for action, body in posted.items()}
    found["edit"] = ("PATCH", "", {"properties": {"ticket": 7}})
    found["properties"] = ("PATCH", "/properties", {"ticket": 7})
    found["delete"] = ("DELETE", "", None)
    return found
