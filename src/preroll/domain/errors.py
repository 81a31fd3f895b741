# SPDX-License-Identifier: Apache-2.0
"""One tree for everything that can be refused or go wrong; no HTTP codes inside, each door has its own table.

PrerollError
├─ NotFound                     no such thing (or it belongs to another platform)
├─ NotSignedIn                  nobody knows who asks
├─ SignInLocked                 too many failed sign-ins; for a while no more are tried
├─ ProviderUnavailable          the OpenID Connect provider does not answer as it should
├─ NotPermitted                 the actor may not do this
├─ Refused                      a rule said no; nothing was changed
│  ├─ Invalid                     bad input: every mistake, each with the field it is in
│  ├─ TransitionNotAllowed        the state machine has no such row
│  ├─ ActionNotPossible           the booking's phase does not admit the action
│  ├─ NotReady                    what is missing before a booking can be confirmed
│  ├─ Conflict                    a resource is not free
│  ├─ WouldFail                   events of bookings would fail with these settings
│  ├─ NameInUse                   another booking has the name at that time
│  ├─ InUse                       something else still needs it
│  ├─ Stale                       somebody else changed it first
│  └─ KeyReused                   an idempotency key was used with another body
├─ StoreUnavailable             the outcome of a commit is not known, or the store cannot be reached
├─ EngineRunning                another engine works on this file
├─ EngineLost                   the engine of this process has ended by itself
└─ BadSettings                  the process cannot start like this
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class PrerollError(Exception):
    """Something was refused or went wrong."""

    code = "error"
    """A stable word for programs; part of the API's contract."""
    hint = ""
    """What to do next."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or type(self).__doc__ or self.code)
        if hint:
            self.hint = hint


class NotFound(PrerollError):
    """There is no such thing."""

    code = "not_found"

    def __init__(self, kind: str, ident: object, *, hint: str = "") -> None:
        super().__init__(f"no {kind} {ident!s}", hint=hint)
        self.kind, self.ident = kind, str(ident)


class NotSignedIn(PrerollError):
    """Nobody knows who asks: there is no valid session or token."""

    code = "not_signed_in"
    hint = "sign in (preroll login), or send a token: Authorization: Bearer TOKEN"


class SignInLocked(PrerollError):
    """Too many sign-ins have failed; for a while no more are tried."""

    code = "sign_in_locked"

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__("too many sign-ins have failed", hint=f"try again in {seconds} s, or ask an admin")


class ProviderUnavailable(PrerollError):
    """The OpenID Connect provider cannot be reached, or does not answer as it should."""

    code = "provider_unavailable"
    hint = "try again; if it stays so, the server's log says what the provider answered"


class NotPermitted(PrerollError):
    """The actor may not do this; with the roles that would do, when roles are what it lacks."""

    code = "not_permitted"

    def __init__(self, message: str = "", *, hint: str = "", roles: Sequence[str] = ()) -> None:
        self.roles = tuple(roles)
        super().__init__(message, hint=hint or (f"needs one of the roles: {', '.join(roles)}" if roles else ""))


class Refused(PrerollError):
    """A rule said no; nothing was changed."""

    code = "refused"


def known_id(ident: str) -> Refused:
    """Somebody brings an id of its own, and it is taken: perhaps by the same request, whose answer was lost."""
    return Refused(f"a booking with the id {ident} exists", hint="if you have made it, read it; else use another id")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in an input: where, what, and what was expected."""

    where: str
    what: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" (expected {self.expected})" if self.expected else "")


class Invalid(Refused):
    """The input has mistakes."""

    code = "invalid"

    def __init__(self, mistakes: Sequence[Mistake], *, hint: str = "") -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(map(str, self.mistakes)), hint=hint)


class TransitionNotAllowed(Refused):
    """The state machine has no such row."""

    code = "transition_not_allowed"

    def __init__(self, machine: str, state: str, trigger: str, possible: Sequence[str] = ()) -> None:
        self.machine, self.state, self.trigger, self.possible = machine, state, trigger, tuple(possible)
        can = ", ".join(self.possible) or "nothing"
        super().__init__(f"{machine}: {trigger} is not possible in state {state}", hint=f"possible now: {can}")


class ActionNotPossible(Refused):
    """The booking's phase does not admit the action."""

    code = "action_not_possible"


class NotReady(Refused):
    """Something is missing before the booking can be confirmed; everything that is missing is listed."""

    code = "not_ready"

    def __init__(self, missing: Sequence[Mistake]) -> None:
        self.missing = tuple(missing)
        super().__init__("; ".join(map(str, self.missing)), hint="give it what is missing, then confirm again")


@dataclass(frozen=True, slots=True)
class Clash:
    """One rule that keeps a resource from being held: how much is left, who holds the rest, and when."""

    resource: str
    rival: str
    """Id of the booking that is in the way; empty: nobody in particular."""
    rival_name: str
    start_us: int
    end_us: int | None
    limit: float
    asked: float
    left: float
    dimension: str = ""
    """Empty: how many at once; otherwise the name of a capacity or of a capability."""
    why: str = ""
    """Set when it is no matter of amounts."""
    opens_us: int | None = None
    """It is closed then, and opens again at this instant; None: it is not closed, or never opens again."""
    nodes: tuple[str, ...] = ()
    """Labels of the nodes that ask for the resource, where a booking was refused."""

    def __str__(self) -> str:
        if self.why:
            return f"{self.resource}: {self.why}"
        what = f"{self.resource}{f' ({self.dimension})' if self.dimension else ''}"
        who = f" is held by {self.rival_name} ({self.rival})" if self.rival else ""
        return f"{what}{who}: {self.left:g} of {self.limit:g} left, {self.asked:g} asked"


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a conflict."""

    text: str
    """For a person: what to do."""
    node: str = ""
    """Label of the node that takes another resource."""
    resource: str = ""
    """Name of the other resource."""
    start_us: int | None = None
    """On-air start at which everything asked for is free."""
    rival: str = ""
    """Id of the booking that would have to yield."""


_QUARANTINED = "Quarantined"


@dataclass(frozen=True, slots=True)
class Losing:
    """What one booking would lose if a refused change were forced; the one to be saved may be among them."""

    booking: str
    """Id."""
    name: str
    state: str
    resource: str
    dimension: str
    """Empty: its place among those that hold the resource at once."""
    amount: float
    start_us: int
    end_us: int | None
    kind: str
    """Of conflict."""
    what: str
    """For a person: what, and to whom."""
    runs: bool = False
    """It runs: it loses nothing, and would be marked in conflict."""
    reason: str = ""
    """What brings it about."""
    becomes: str = _QUARANTINED
    """Its state then; of one that runs, the same as now."""

    def __str__(self) -> str:
        return f"{self.name} ({self.state}) {'would be in conflict on' if self.runs else 'would lose'} {self.what}"


def by_state(losing: Iterable[Losing]) -> dict[str, str]:
    """State -> the names of those who would be in it then, ``Cup final, Gala``; of who runs nothing changes."""
    names: dict[str, dict[str, None]] = {}
    for one in losing:
        if not one.runs:
            names.setdefault(one.becomes, {})[one.name] = None
    return {state: ", ".join(found) for state, found in names.items()} or {_QUARANTINED: "nobody"}


class Conflict(Refused):
    """A resource is not free; with who would lose what by force, and the ways out when somebody looked for them."""

    code = "conflict"

    def __init__(self, clashes: Sequence[Clash], ways: Sequence[Way] = (), losing: Sequence[Losing] = ()) -> None:
        self.clashes, self.ways, self.losing = tuple(clashes), tuple(ways), tuple(losing)
        hint = "choose another resource or another time, or end the other booking"
        if losing:
            then = "; ".join(f"{state.lower()}: {names}" for state, names in by_state(losing).items())
            hint = (f"{hint}; " if clashes else "") + f"with force it is saved, and {then}"
        super().__init__("; ".join(dict.fromkeys(map(str, self.clashes or self.losing))), hint=hint)


@dataclass(frozen=True, slots=True)
class Doomed:
    """An event of a booking that a change of settings would make fail."""

    booking: str
    """Id."""
    name: str
    state: str
    event: str
    what: str
    """For a person: the transition that is not allowed, or the action that is missing."""
    scoped: bool = False
    """Not everybody may know of it."""

    def __str__(self) -> str:
        return f"{self.name} ({self.state}): {self.event} would fail, {self.what}"


class WouldFail(Refused):
    """Events of bookings that are confirmed or run would fail with these settings; the first of them are listed."""

    code = "would_fail"

    def __init__(self, doomed: Sequence[Doomed], count: int) -> None:
        self.doomed, self.count = tuple(doomed), count
        more = f"; and {count - len(doomed)} more" if count > len(doomed) else ""
        super().__init__("; ".join(map(str, doomed)) + more, hint="save it when they have ended, or with force")


class NameInUse(Refused):
    """Another one has this name; of a booking also which one, where and when, as far as somebody may see it."""

    code = "name_in_use"

    def __init__(self, message: str = "", *, hint: str = "", clashes: Sequence[Clash] = ()) -> None:
        self.clashes = tuple(clashes)
        super().__init__(message, hint=hint)


class InUse(Refused):
    """Something else still needs it; with everyone who does, when somebody looked."""

    code = "in_use"

    def __init__(self, message: str = "", uses: Sequence[Mistake] = (), *, hint: str = "") -> None:
        self.uses = tuple(uses)
        super().__init__(message, hint=hint)


class Stale(Refused):
    """Somebody else changed it first."""

    code = "stale"

    def __init__(self, what: str, seen: int, stored: int, *, hint: str = "") -> None:
        self.seen, self.stored = seen, stored
        super().__init__(
            f"{what} was changed by someone else: you saw revision {seen}, it is now {stored}",
            hint=hint or "read it again, then repeat your change on what you find",
        )


def require_seen(what: str, seen: int | None, stored: int) -> None:
    """The guard of every change: somebody who has seen something else does not change it. None skips it.

    Raises:
        Stale: it is another revision now.
    """
    if seen is not None and seen != stored:
        raise Stale(what, seen, stored)


class KeyReused(Refused):
    """The idempotency key was used before with another body."""

    code = "idempotency_key_reused"
    hint = "use a new key for a new request"


class StoreUnavailable(PrerollError):
    """The store cannot be reached, or the outcome of a commit is not known."""

    code = "store_unavailable"
    hint = "try again when it answers; a program repeats the request with the same idempotency key"


class EngineRunning(PrerollError):
    """Another engine works on this database file."""

    code = "engine_running"


class EngineLost(PrerollError):
    """The engine of this process has ended by itself."""

    code = "engine_lost"
    hint = "the log says why; start it again, what it had under way is resumed"


class BadSettings(PrerollError):
    """The process cannot start with these settings."""

    code = "bad_settings"
