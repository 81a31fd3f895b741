# SPDX-License-Identifier: Apache-2.0
"""What a script is given: the booking, its resources, and calls that are steps."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import msgspec

from preroll.ports.rows import Severity
from preroll.ports.scripts import Equipment, Order
from preroll.scripts.changes import Changes
from preroll.scripts.frames import MAX_OUTPUT
from preroll.scripts.intents import PREFIX
from preroll.scripts.loading import APPLIED, GIVEN, Apply, Kit
from preroll.scripts.looking import Look, Scenery, look
from preroll.scripts.planning import Asked
from preroll.scripts.readonly import read_only
from preroll.scripts.steps import MAX_NAME, AuthorError, Book, Step, as_json, as_told, clean, message_of
from preroll.sdk import (
    Audit,
    AuditState,
    Booking,
    Check,
    GiveUp,
    Logger,
    Plan,
    Resource,
    Turns,
    Values,
    WhenDown,
)

R = TypeVar("R")
LEFT_OUT = "left out: hands off"
"""How a step is recorded that is not taken, because nothing may be sent to its resource."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(us: int) -> datetime:
    """Microseconds of UTC as a zone-aware instant."""
    return _EPOCH + timedelta(microseconds=us)


class ActionLog:
    """The booking's action log, as a script writes it."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._left = MAX_OUTPUT

    def _line(self, severity: Severity, text: str, data: Mapping[str, object]) -> None:
        """What cannot be kept as it is is kept as text, or left out: nothing that is said makes a run fail."""
        if self._left < 0:
            return
        text = clean(text)
        plain = {clean(name): as_told(value) for name, value in data.items()}
        self._left -= len(text) + (len(msgspec.json.encode(plain)) if plain else 0)
        if self._left < 0:
            full = f"the log is over {MAX_OUTPUT // 1000} kB: further lines are not kept"
            self._book.log(Severity.WARNING, full, {})
        else:
            self._book.log(severity, text, plain)

    def debug(self, text: str, **data: object) -> None:
        """Details for whoever looks closer."""
        self._line(Severity.DEBUG, text, data)

    def info(self, text: str, **data: object) -> None:
        """What happens."""
        self._line(Severity.INFO, text, data)

    def warning(self, text: str, **data: object) -> None:
        """Not as it should be, and it goes on."""
        self._line(Severity.WARNING, text, data)

    def error(self, text: str, **data: object) -> None:
        """Somebody must look at this."""
        self._line(Severity.ERROR, text, data)


class RunContext:
    """The Context of one run. What a script does not look at is never made."""

    booking: Booking
    resources: Mapping[str, Resource]
    deadline: datetime | None
    log: Logger

    def __init__(self, order: Order, kit: Kit, changes: Changes) -> None:
        self._order, self._kit, self._changes = order, kit, changes
        self.event, self.target, self.previous = order.event, order.target, order.previous
        self.dry_run, self.reason, self.detail = order.dry_run, order.reason, order.detail
        self.returned: dict[str, object] = {}
        self.properties: dict[str, object] = {}
        self.left: dict[str, str] = {}
        """Node label of what was taken out -> what keeps it from its ended state; empty: it is there."""
        self._applied: list[tuple[str, Mapping[str, object]]] = []

    def __getattr__(self, name: str) -> object:
        make = _MADE_WHEN_ASKED_FOR.get(name)
        if make is None:
            raise AttributeError(f"the context has no {name}")
        value = make(self._order, self._kit)
        setattr(self, name, value)
        return value

    def give(self, key: str, value: object) -> None:
        """Return data. Raises AuthorError for what is no JSON."""
        self.returned[clean(key)] = self._counted(value, f"give({key!r})")

    def set_property(self, name: str, value: object) -> None:
        """Set a property of the booking when the run ends well. Raises AuthorError for what is no JSON."""
        self.properties[clean(name)] = self._counted(value, f"set_property({name!r})")

    def _counted(self, value: object, what: str) -> object:
        plain = as_json(value, what)
        self._kit.steps.spend(len(msgspec.json.encode(plain)), what)
        return plain

    async def apply_profile(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]:
        """Apply the profile that was chosen at booking time."""
        equipment = self._equipment(label)
        return await self._apply(step or f"apply_profile:{label}", equipment, equipment.values, check=check)

    async def apply_state_profile(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]:
        """Apply only the values of a service state."""
        equipment, state = self._equipment(label), state or self.target
        name = step or f"apply_state_profile:{label}:{state}"
        values = _only_in(equipment, state, name)
        return await self._apply(name, equipment, values, check=check)

    async def apply_combined(
        self, label: str, state: str = "", *, check: bool = True, step: str = ""
    ) -> Mapping[str, object]:
        """Apply the state's values, completed by the profile's."""
        equipment, state = self._equipment(label), state or self.target
        values = {**equipment.values, **(_values_in(equipment, state) or {})}
        name = step or f"apply_combined:{label}" + (f":{state}" if state != self.target else "")
        return await self._apply(name, equipment, values, check=check)

    async def apply_defaults(self, label: str, *, check: bool = True, step: str = "") -> Mapping[str, object]:
        """Go back to the parameters' defaults."""
        equipment = self._equipment(label)
        return await self._apply(step or f"apply_defaults:{label}", equipment, equipment.defaults, check=check)

    async def leave(self) -> None:
        """Bring the resources that were taken out of the booking to their ended state; ``left`` tells how it went."""
        left = self.left
        for equipment in self._order.leaving:
            try:
                await self._apply(f"leave:{equipment.label}", equipment, equipment.values, check=True)
            except Exception as error:  # noqa: BLE001 - a profile-load script is author code
                left[equipment.label] = message_of(error)
                told = f"{equipment.name} was taken out and is not reset: {left[equipment.label]}"
                self._kit.book.log(Severity.ERROR, told, {})
            else:
                left[equipment.label] = LEFT_OUT if equipment.hands_off else ""

    async def step(
        self,
        name: str,
        do: Callable[[str], Awaitable[R]] | Callable[[str], R],
        *,
        probe: Callable[[], Awaitable[bool]] | Callable[[], bool] | None = None,
        repeatable: bool = False,
        resource: str = "",
    ) -> R:
        """A step of the author's own."""
        if self.dry_run:
            self.log.info("dry run: left out", step=name)
            return cast(R, None)
        if str(name).startswith(PREFIX):
            raise AuthorError(f"step name {name}: names that begin with {PREFIX} are those of ctx.change")
        equipment = next((e for e in self._order.equipment if e.label == resource), None)
        if equipment is not None and equipment.hands_off:
            return cast(R, await self._leave_out(name, equipment))
        taken = Step(
            name,
            lambda key: _awaited(do(key)),
            probe=None if probe is None else lambda: _awaited(probe()),
            repeatable=repeatable,
            resource=equipment.id if equipment else clean(resource),
            where=equipment.name if equipment else clean(resource),
        )
        return cast(R, await self._kit.steps.take(taken))

    async def audit(
        self, check: Check, *, within: float = 5.0, down: WhenDown | str = WhenDown.FAIL, step: str = ""
    ) -> Audit:
        """Look, and keep what was found."""
        down = WhenDown(down)
        if self.dry_run:
            self.log.info("dry run: left out", audit=check.what)
            return Audit(AuditState.UNKNOWN, message="dry run: nothing is looked at", what=check.what)
        asked = Look(check, within, down, step or f"audit:{check.what}", self._order.step_timeout_us / 1e6)
        return await look(self._kit, self.log, Scenery(self._order, self._kit, self._applied), asked)

    async def change(
        self,
        *labels: str,
        values: Values | str | Mapping[str, Mapping[str, object]] = Values.COMBINED,
        audit: Check | Sequence[Check] = (),
        within: float = 5.0,
        window: float = 120.0,
        turns: Turns | str = Turns.TOGETHER,
        name: str = "",
    ) -> Mapping[str, Plan]:
        """Bring several devices to their values as one."""
        all_of_it = values if isinstance(values, Mapping) else [e.label for e in self._order.equipment]
        name, untouched = name or self.target, [e for e in self._order.equipment if e.hands_off]
        chosen = labels or all_of_it
        for equipment in untouched:
            if equipment.label in chosen:
                await self._leave_out(f"change {name} of {equipment.label}", equipment)
        closed = {equipment.label for equipment in untouched}
        desired = {label: await self._desired(label, values) for label in chosen if label not in closed}
        if closed and not desired:
            return {}
        audits = tuple(audit) if isinstance(audit, Sequence) else (audit,)
        asked = Asked(name, desired, audits, within, window, Turns(turns))
        intent = await self._changes.make(asked, self.log, self._applied)
        self._applied += [(target.resource, target.desired) for target in intent.targets]
        return {target.label: target.plan for target in intent.targets}

    async def _desired(
        self, label: str, values: Values | str | Mapping[str, Mapping[str, object]]
    ) -> Mapping[str, object]:
        """What a device of a change is to have, by the driver's paths."""
        equipment = self._equipment(label)
        if isinstance(values, Mapping):
            chosen = values.get(label, {})
        else:
            chosen = _CHOICES[Values(values)](equipment, self.target)
        chosen = await self._kit.devices.resolved(equipment, chosen)
        return {equipment.paths.get(name, name): value for name, value in chosen.items()}

    def _equipment(self, label: str) -> Equipment:
        for equipment in self._order.equipment:
            if equipment.label == label:
                if not (equipment.profile or equipment.values or equipment.defaults):
                    raise GiveUp(
                        f"node {label} ({equipment.name}) has no profile: choose one in the booking, "
                        "or a default one in the service definition"
                    )
                return equipment
        if not isinstance(label, str):
            raise GiveUp(f"a node is named by its label, a text, and not by a {type(label).__name__}")
        known = ", ".join(e.label for e in self._order.equipment) or "none"
        raise GiveUp(f"no node is labelled {label!r} (the booking's nodes with a resource: {known})")

    async def _apply(
        self, name: str, equipment: Equipment, values: Mapping[str, object], *, check: bool
    ) -> Mapping[str, object]:
        if equipment.hands_off:
            await self._leave_out(name, equipment)
            return {}
        work = Apply(self._kit, self, name, equipment, values, check=check)
        result = cast("Mapping[str, Any] | None", await self._kit.steps.take(work.step)) or {}
        self._applied.append((equipment.id, result.get(APPLIED, {})))
        given: Mapping[str, object] = result.get(GIVEN, {})
        return given

    async def _leave_out(self, name: str, equipment: Equipment) -> None:
        """Record under a name of its own that nothing is sent, so that a retry takes the step when it may be."""

        async def tell(_: str) -> object:
            text = clean(f"{name}: {LEFT_OUT}: nothing is sent to {equipment.name}")
            self._kit.book.log(Severity.WARNING, text, {"resource": equipment.id})
            return None

        told = f" ({LEFT_OUT})"
        named = f"{name[: MAX_NAME - len(told)]}{told}"
        await self._kit.steps.take(Step(named, tell, repeatable=True, resource=equipment.id, where=equipment.name))


def _booking(order: Order, _: Kit) -> Booking:
    b = order.booking
    return Booking(
        b.id, b.name, b.platform, instant(b.start_us), None if b.end_us is None else instant(b.end_us),
        b.pre_roll_us / 1e6, b.post_roll_us / 1e6, b.state, b.definition, read_only(b.properties),
    )  # fmt: skip


def _resources(order: Order, _: Kit) -> Mapping[str, Resource]:
    return read_only({e.label: _resource(e) for e in order.equipment})


def _deadline(order: Order, _: Kit) -> datetime | None:
    return None if order.deadline_us is None else instant(order.deadline_us)


def _log(_: Order, kit: Kit) -> Logger:
    return ActionLog(kit.book)


_MADE_WHEN_ASKED_FOR: Mapping[str, Callable[[Order, Kit], object]] = {
    "booking": _booking,
    "resources": _resources,
    "deadline": _deadline,
    "log": _log,
}


def _resource(e: Equipment) -> Resource:
    return Resource(
        e.label, e.id, e.name, e.driver, read_only(e.address), e.function, e.profile, read_only(e.values),
        read_only(e.states), read_only(e.defaults), read_only(e.properties), e.hands_off,
    )  # fmt: skip


def _values_in(equipment: Equipment, state: str) -> Mapping[str, object] | None:
    folded = state.casefold()
    return next((values for name, values in equipment.states.items() if name.casefold() == folded), None)


def _only_in(equipment: Equipment, state: str, what: str) -> Mapping[str, object]:
    values = _values_in(equipment, state)
    if values is None:
        known = ", ".join(equipment.states) or "no state"
        raise GiveUp(f"{what}: profile {equipment.profile} has no values for {state} (it has {known})")
    return values


_CHOICES: Mapping[Values, Callable[[Equipment, str], Mapping[str, object]]] = {
    Values.COMBINED: lambda e, state: {**e.values, **(_values_in(e, state) or {})},
    Values.PROFILE: lambda e, _: e.values,
    Values.STATE: lambda e, state: _only_in(e, state, f"{PREFIX}{state}"),
    Values.DEFAULTS: lambda e, _: e.defaults,
}


async def _awaited(value: Awaitable[R] | R) -> R:
    return await value if inspect.isawaitable(value) else value
