# SPDX-License-Identifier: Apache-2.0
"""The booking and its life cycle. Read the table: what it does not list cannot happen.

Seed: "Service Orchestration: booking life cycle states configuration"; table: SPEC 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from preroll.domain.errors import Mistake
from preroll.domain.machine import Machine
from preroll.domain.profile import ProfileBy, ProfileCopy
from preroll.domain.values import dataclass
from preroll.domain.window import DAY, SECOND, Window

MAX_ROLL = 7 * DAY
"""Pre-roll and post-roll are 0 to 7 days (SPEC 3)."""


class State(StrEnum):
    """A booking's life cycle state; the words are the seed's."""

    PARTIAL = "Partial"
    """Resources are booked; no orchestration will happen."""
    CONFIRMED = "Confirmed"
    """Everything mandatory is assigned; scheduled to be orchestrated."""
    ON_HOLD = "On-Hold"
    """Will not be executed; its resources stay reserved."""
    QUARANTINED = "Quarantined"
    """Lost a resource conflict; will not be orchestrated."""
    PRE_ROLL = "Pre-roll"
    """The configuration is on the resources."""
    ACTIVE = "Service Active"
    """On the air."""
    POST_ROLL = "Post-roll"
    """Resources are being reset to their defaults."""
    COMPLETED = "Completed"
    """Post-roll is over."""
    CANCELED = "Canceled"
    """Never executed; resources released."""
    FAILED = "Failed"
    """The orchestration could not be initiated."""
    FAILED_PRE_ROLL = "Failed Service Pre-Roll"
    """Orchestration at the start of pre-roll failed."""
    FAILED_ACTIVE = "Failed Service Active"
    """Orchestration at the end of pre-roll failed."""
    FAILED_POST_ROLL = "Failed Service Post-Roll"
    """Orchestration at the start of post-roll failed."""
    FAILED_COMPLETED = "Failed Completed"
    """Orchestration at the end of post-roll failed."""


class Trigger(StrEnum):
    """What can happen to a booking."""

    CONFIRM = "confirm"
    DEMOTE = "demote"
    HOLD = "hold"
    QUARANTINE = "quarantine"
    LEAVE_QUARANTINE = "leave quarantine"
    LEAVE_QUARANTINE_HELD = "leave quarantine, was On-Hold"
    CANCEL = "cancel"
    START_OF_PRE_ROLL = "start of pre-roll"
    END_OF_PRE_ROLL = "end of pre-roll"
    START_OF_POST_ROLL = "start of post-roll"
    END_OF_POST_ROLL = "end of post-roll"
    FINISH = "finish"
    CANNOT_INITIATE = "cannot be initiated"
    RETRY = "retry"
    ACKNOWLEDGE = "acknowledge"


class Carries(StrEnum):
    """What stands behind a booking: itself, or something that is held, run and journalled as one."""

    BOOKING = ""
    ORDER = "order"
    """A service order, from its schedule on; no list shows it as a booking."""
    SERVICE = "service"
    """A service that an order has made; no list shows it as a booking."""
    PROFILE = "profile"
    """A profile that is applied to one resource, outside of any booking; it holds nothing, and no list shows it."""


S, T = State, Trigger

WAITING = frozenset({S.PARTIAL, S.CONFIRMED, S.ON_HOLD, S.QUARANTINED})
"""Which states has a booking that no event has touched?"""
PREPARING = frozenset({S.PRE_ROLL, S.FAILED_PRE_ROLL})
ON_AIR = frozenset({S.ACTIVE, S.FAILED_ACTIVE})
WRAPPING = frozenset({S.POST_ROLL, S.FAILED_POST_ROLL})
RUNNING = PREPARING | ON_AIR | WRAPPING
"""Which states has a booking between its first event and its last?"""
ENDED = frozenset({S.COMPLETED, S.CANCELED, S.FAILED, S.FAILED_COMPLETED})
"""Which states release the resources?"""
FAILED_EVENT = frozenset({S.FAILED_PRE_ROLL, S.FAILED_ACTIVE, S.FAILED_POST_ROLL, S.FAILED_COMPLETED})
"""Which states mean that an event's script failed?"""
ORCHESTRATED = RUNNING | {S.CONFIRMED}
"""In which states do boundaries fire?"""

# fmt: off
LIFE_CYCLE: Machine[State, Trigger] = Machine("booking", S.PARTIAL, (
    # from                                          trigger                    ok             failed               why
    ({S.PARTIAL, S.ON_HOLD, S.QUARANTINED},         T.CONFIRM,                 S.CONFIRMED,   S.PARTIAL,           "all mandatory resources and values are there; failed: a created booking action"),
    ({S.CONFIRMED},                                 T.DEMOTE,                  S.PARTIAL,     None,                "a mandatory resource or value was taken away"),
    ({S.PARTIAL, S.CONFIRMED, S.QUARANTINED},       T.HOLD,                    S.ON_HOLD,     None,                "not executed; what is held stays held"),
    ({S.PARTIAL, S.CONFIRMED, S.ON_HOLD},           T.QUARANTINE,              S.QUARANTINED, None,                "lost a conflict; the other part stays held"),
    ({S.QUARANTINED},                               T.LEAVE_QUARANTINE,        S.PARTIAL,     None,                "no conflict is left; one that was Confirmed goes through confirm"),
    ({S.QUARANTINED},                               T.LEAVE_QUARANTINE_HELD,   S.ON_HOLD,     None,                "no conflict is left; back to what it was"),
    (WAITING,                                       T.CANCEL,                  S.CANCELED,    None,                "never executed; resources released"),
    ({S.CONFIRMED},                                 T.START_OF_PRE_ROLL,       S.PRE_ROLL,    S.FAILED_PRE_ROLL,   "the event's LSO script succeeded / failed"),
    (PREPARING,                                     T.END_OF_PRE_ROLL,         S.ACTIVE,      S.FAILED_ACTIVE,     "a failed event does not stop the clock"),
    (ON_AIR,                                        T.START_OF_POST_ROLL,      S.POST_ROLL,   S.FAILED_POST_ROLL,  "a failed event does not stop the clock"),
    (WRAPPING,                                      T.END_OF_POST_ROLL,        S.COMPLETED,   S.FAILED_COMPLETED,  "resources released either way; failed: marked not reset"),
    (PREPARING,                                     T.FINISH,                  S.COMPLETED,   S.FAILED_COMPLETED,  "abort in pre-roll: START and STOP are never run"),
    ({S.CONFIRMED},                                 T.CANNOT_INITIATE,         S.FAILED,      None,                "script missing, transition not allowed, window missed"),
    ({S.FAILED_PRE_ROLL},                           T.RETRY,                   S.PRE_ROLL,    S.FAILED_PRE_ROLL,   "from the first step that is not done; failed: unchanged"),
    ({S.FAILED_ACTIVE},                             T.RETRY,                   S.ACTIVE,      S.FAILED_ACTIVE,     "from the first step that is not done; failed: unchanged"),
    ({S.FAILED_POST_ROLL},                          T.RETRY,                   S.POST_ROLL,   S.FAILED_POST_ROLL,  "from the first step that is not done; failed: unchanged"),
    ({S.FAILED_COMPLETED},                          T.RETRY,                   S.COMPLETED,   S.FAILED_COMPLETED,  "only while no one else runs on its resources; failed: unchanged"),
    ({S.FAILED_PRE_ROLL},                           T.ACKNOWLEDGE,             S.PRE_ROLL,    None,                "repaired by hand, with a reason; undone steps stay listed"),
    ({S.FAILED_ACTIVE},                             T.ACKNOWLEDGE,             S.ACTIVE,      None,                "repaired by hand, with a reason; undone steps stay listed"),
    ({S.FAILED_POST_ROLL},                          T.ACKNOWLEDGE,             S.POST_ROLL,   None,                "repaired by hand, with a reason; undone steps stay listed"),
    ({S.FAILED_COMPLETED},                          T.ACKNOWLEDGE,             S.COMPLETED,   None,                "repaired by hand, with a reason; undone steps stay listed"),
), states=State)
# fmt: on


class Phase(StrEnum):
    """Where a booking is, seen from outside: which actions make sense."""

    WAITING = "waiting"
    RUNNING = "running"
    """From the claim of the first event to the end of the last, whatever the state shows (SPEC 3.1)."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Timing:
    """When: ``start`` and ``end`` are on-air, in microseconds of UTC; rolls are lengths. ``end`` None is permanent."""

    start: int
    end: int | None
    pre_roll: int = 0
    post_roll: int = 0

    @property
    def held(self) -> Window:
        """The window over which resources are held: [start - pre-roll, end + post-roll)."""
        return Window(self.start - self.pre_roll, None if self.end is None else self.end + self.post_roll)

    def mistakes(self) -> list[Mistake]:
        """Everything wrong with it (SPEC 3: rolls 0 to 7 days, whole seconds, an end after the start)."""
        found = []
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None and value % SECOND:
                found.append(Mistake(name, "has a part of a second", "a whole second"))
        for name, roll in (("pre_roll", self.pre_roll), ("post_roll", self.post_roll)):
            if not 0 <= roll <= MAX_ROLL:
                found.append(Mistake(name, f"is {roll // SECOND} s", "0 s to 604800 s (7 days)"))
            elif roll % SECOND:
                found.append(Mistake(name, "has a part of a second", "a whole second"))
        if self.end is not None and self.end <= self.start:
            found.append(
                Mistake("end", "is not after start", "an end after the start, or none for a permanent booking")
            )
        if self.end is None and self.post_roll:
            found.append(Mistake("post_roll", "is set without an end", "0 s for a permanent booking"))
        return found


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """What a booking chose for one node: a resource, a profile instance, and values of its own on top."""

    resource: str | None = None
    """The resource's id."""
    profile: str | None = None
    """The profile instance's name."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Parameter values that override the instance's."""
    profile_by: ProfileBy | None = None
    """None: as the node of the service definition says."""
    kept: ProfileCopy | None = None
    """What its profile said when it was copied; None: it is read at each event."""
    whole: bool = False
    """It takes the resource whole: every place and all of each capacity."""


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking as it is stored.

    ``revision`` counts what people and scripts edit (the ETag); ``state_version`` is the engine's compare-and-set.
    """

    key: int
    id: str
    platform: int
    name: str
    state: State
    timing: Timing
    definition: int | None = None
    """Key of the immutable version of the service definition that it is pinned to; None: a free list of resources."""
    nodes: Mapping[str, NodeChoice] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    priority: int = 0
    """Higher wins; default 0 (SPEC 6)."""
    service_state: str = ""
    began: bool = False
    """The first event was claimed: the booking runs, whatever the state shows."""
    entering: str = ""
    """The life cycle state that a run is on its way to; empty when nothing runs."""
    not_reset: bool = False
    """Its end failed: the devices may still be as it left them."""
    zone: str = "UTC"
    revision: int = 1
    state_version: int = 1
    created_us: int = 0
    created_by: str = ""
    changed_us: int = 0
    scopes: tuple[str, ...] = ()
    """Security scopes, sorted: only who has one of them knows that it exists; none: everybody on the platform."""
    hidden: bool = False
    """Deleted: shown nowhere, kept for its history."""
    owner: str = ""
    """Who alone may change it, where the platform locks bookings; empty: nobody has taken it."""
    leaving: Mapping[str, NodeChoice] = field(default_factory=dict)
    """Resources that were taken out while it ran, by node label: brought to their ended state before they are free."""
    orchestrated: bool = False
    """A free list whose profiles are loaded at START and STOP; False: it has a definition, or is only held."""
    carries: Carries = Carries.BOOKING
    finished: bool = False
    """Somebody ended it before its time: its post-roll lasts no longer than what it does there."""
    overlays: str = ""
    """Id of the service that has other values while this is on the air; empty: it is no overlay."""

    @property
    def phase(self) -> Phase:
        """Waiting, running or ended."""
        if self.state in ENDED:
            return Phase.ENDED
        return Phase.RUNNING if self.began or self.state in RUNNING else Phase.WAITING

    @property
    def resources(self) -> tuple[str, ...]:
        """Ids of the resources that it chose, each once, in node order."""
        return tuple(dict.fromkeys(n.resource for n in self.nodes.values() if n.resource))

    @property
    def held(self) -> tuple[str, ...]:
        """Ids of the resources that it holds: those that it chose, and those on their way out."""
        chosen = (*self.nodes.values(), *self.leaving.values())
        return tuple(dict.fromkeys(n.resource for n in chosen if n.resource))


def entering(trigger: Trigger | None, booking: Booking) -> str:
    """The life cycle state that an event is on its way to, for *entering Pre-roll*; empty for an aside."""
    edge = None if trigger is None else LIFE_CYCLE.edges.get((booking.state, trigger))
    return edge.ok.value if edge else ""
