# SPDX-License-Identifier: Apache-2.0
"""How a device speaks: its prompt, how configuring begins and ends, and the words by which it says no."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from preroll.sdk import InvalidValue

PATTERNS = ("denied", "busy", "invalid", "refused")
"""The fields that say what an answer means, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to speak. Patterns are regular expressions, tried on each line of an answer, without regard to case."""

    prepare: tuple[str, ...] = ()
    """Sent once a session has begun: no pager, more privileges."""
    configure: tuple[str, ...] = ()
    """Begins configuring."""
    commit: tuple[str, ...] = ()
    """Puts in force what was configured; empty: each line is in force at once."""
    commit_within: tuple[str, ...] = ()
    """The same, and the device takes it back by itself after ``{seconds}`` or ``{minutes}`` unless it is confirmed."""
    confirm: tuple[str, ...] = ()
    """Keeps what would be taken back; no error when nothing would be."""
    discard: tuple[str, ...] = ()
    """Forgets what was configured and not committed."""
    leave: tuple[str, ...] = ()
    """Ends configuring."""
    save: tuple[str, ...] = ()
    """Keeps what is in force over a restart of the device."""
    status: str = ""
    """Asked after each command; any answer but 0 is a refusal. Empty: only the patterns count."""
    prompt: str = ""
    """Pattern of the whole prompt; empty: it is learned when the session begins."""
    quote: bool = False
    """A value is quoted as a shell takes it, so that it stays one word."""
    echo: bool = True
    """The device repeats what it is sent. An answer that does not begin with it is not believed."""
    denied: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    invalid: tuple[str, ...] = ()
    """The device does not take the value: of a command that holds one. Of any other it is a refusal."""
    refused: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: object, device: str) -> Dialect:
        """Read the name of a shipped dialect, or fields, with ``like`` for those that are not given.

        Raises:
            InvalidValue: a name or field is not known, or a pattern is none.
        """
        if isinstance(given, str):
            given = {"like": given}
        if not isinstance(given, Mapping):
            raise InvalidValue("address.dialect", "is neither a name nor fields", device=device)
        changed = dict(given)
        like = changed.pop("like", "plain")
        if like not in SHIPPED:
            raise InvalidValue("address.dialect", f"{like!r} is not one of {', '.join(SHIPPED)}", device=device)
        return replace(SHIPPED[like], **{name: _field(name, value, device) for name, value in changed.items()})


def _field(name: str, value: Any, device: str) -> Any:
    kinds: dict[str, type] = {field.name: type(field.default) for field in fields(Dialect)}
    where = f"address.dialect.{name}"
    if name not in kinds:
        raise InvalidValue(where, f"is not one of like, {', '.join(kinds)}", device=device)
    if kinds[name] is tuple:
        value = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not all(isinstance(line, str) for line in value):
            raise InvalidValue(where, "is no list of texts", device=device)
    elif not isinstance(value, kinds[name]):
        raise InvalidValue(where, f"is {value!r}, not {kinds[name].__name__}", device=device)
    patterns: Iterable[str] = value if name in PATTERNS else (value,) if name == "prompt" else ()
    for pattern in patterns:
        compiled(pattern, where, device)
    return value


def compiled(pattern: str, where: str, device: str, flags: int = 0) -> re.Pattern[str]:
    """The pattern. Raises InvalidValue, naming the field, when it is none."""
    try:
        return re.compile(pattern, flags | re.MULTILINE)
    except re.error as error:
        raise InvalidValue(where, f"{pattern!r} is no pattern: {error}", device=device) from None


SHIPPED: Mapping[str, Dialect] = {
    "plain": Dialect(),
    "cisco": Dialect(
        prepare=("terminal length 0",),
        configure=("configure terminal",),
        leave=("end",),
        denied=(r"^%.*(authoriz|not permitted)", r"permission denied"),
        busy=(r"^%.*\b(locked|in use by|try (again )?later)\b", r"configuration (mode )?is locked"),
        invalid=(r"^%\s*(invalid|unknown|malformed|ambiguous|bad)\b", r"^%.*out of range"),
        refused=(r"^%(?!\s*(warning|info|note)\b)", r"^error\b"),
    ),
    "shell": Dialect(
        prepare=("set +o emacs +o vi", r"PROMPT_COMMAND=; PS1=$(printf '\npreroll$ .'); PS1=${PS1%.}"),
        prompt=r"preroll\$ ",
        status="echo $?",
        quote=True,
        denied=(r"permission denied", r"operation not permitted"),
        busy=(r"resource temporarily unavailable", r"device or resource busy"),
        invalid=(r"invalid (argument|value)", r"out of range", r"not in the valid range"),
        refused=(r"command not found",),
    ),
}
"""Name -> dialect. ``cisco`` is spoken by many, FRR among them; ``shell`` is any POSIX shell."""
