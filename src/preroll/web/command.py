# SPDX-License-Identifier: Apache-2.0
"""What can be done with a thing on its page: what it asks first, and the use case; and who wants it done to what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, Generic, TypeVar

from preroll.app import App
from preroll.domain.permission import Actor
from preroll.web.fields import Field, require

START_US, FORCE = "start_us", "force"
"""What a way out of a conflict adds to a form: another start in microseconds; that others yield."""
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Asking(Generic[D]):
    """Who wants what of which thing."""

    app: App
    by: Actor
    found: D
    """The thing as it is now."""
    zone: str
    """In which times are typed."""
    said: Mapping[str, str]
    seen: int | None = None
    """The revision that was shown."""

    def word(self, name: str) -> str:
        """What stands in a field."""
        return self.said.get(name, "").strip()

    @property
    def force(self) -> bool:
        """Are others to yield?"""
        return bool(self.said.get(FORCE))

    @property
    def shifted_us(self) -> int | None:
        """The other start that a way out says."""
        text = self.word(START_US)
        return int(text) if text.isdecimal() and len(text) < len(str(2**62)) else None


A = TypeVar("A", bound=Asking[Any])


class Ways(Flag):
    """Which ways out of a conflict an action can take by itself, when it is asked for again."""

    NONE = 0
    NODE = auto()
    """Another resource on a node."""
    TIME = auto()
    FORCE = auto()


@dataclass(frozen=True, slots=True)
class Command(Generic[A, D]):
    """A row of a table of commands."""

    name: str
    call: Callable[[A], Awaitable[D]] | None
    """None: it has a page of its own."""
    asks: Callable[[A], Awaitable[Sequence[Field]]] | None = None
    """What is asked first, in a dialog."""
    ways: Ways = Ways.NONE
    grave: bool = False
    """What it ends does not come back."""
    bulk: bool = False
    """It can be done with many at once: it asks at most for a reason."""
    tries: bool = False
    """Also offered while what it needs is held by others: the refusal names the ways out."""
    called: str = ""
    about: str = ""
    """What it does."""
    action: str = ""
    """Of the domain's table, where that has another name."""
    leads: Set[str] = frozenset()
    """States in which it is what most come for: it stands before all others."""

    @property
    def label(self) -> str:
        """What the button says."""
        return self.called or self.name.replace("-", " ").capitalize()

    async def fields(self, asked: A) -> Sequence[Field]:
        """What it asks of this thing."""
        return await self.asks(asked) if self.asks else ()

    async def do(self, asked: A) -> D:
        """Have it done.

        Raises:
            Invalid: what is needed was not said. Whatever the use case refuses.
        """
        assert self.call is not None  # noqa: S101 - those with a page are not called
        if self.asks:
            require(await self.asks(asked), asked.said)
        return await self.call(asked)


@dataclass(frozen=True, slots=True)
class Button:
    """A command, and why it is not possible now."""

    command: Command[Any, Any]
    why: str
    """Empty: it is possible."""
    leads: bool = False
    """It is what most come for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that a page is about, as its buttons and dialogs need it."""

    path: str
    """Where it is."""
    name: str
    revision: int
    into: str
    """The part of the page that shows it."""


def in_turn(buttons: Sequence[Button]) -> list[Button]:
    """What most come for, then what else is possible, then the rest; else as the table has them."""
    return sorted(buttons, key=lambda button: (bool(button.why), not button.leads))
