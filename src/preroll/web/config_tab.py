# SPDX-License-Identifier: Apache-2.0
"""What the tabs of the settings have in common: the tabs, how a change is tried, and what is told of one refused."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, Response

from preroll.app.platforms import FORCIBLE, Past, Rule
from preroll.domain.config import Platform
from preroll.domain.errors import Conflict, Invalid, PrerollError, Stale, WouldFail
from preroll.gate.statuses import status_of
from preroll.web.frame import Frame
from preroll.web.problems import problem_of

TABS = (
    ("general", "General"),
    ("services", "Services and SLA"),
    ("colors", "Lifecycle colors"),
    ("history", "History"),
)
"""Last part of the path -> name."""
SINCE = 50
"""Versions that are listed of what others changed."""
Revision = Annotated[int, Form(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a change."""

    platform: Platform
    """As it is now."""
    refused: PrerollError | None = None
    since: Sequence[Past] = ()
    """What others changed since it was shown, the newest first; when that is why it was refused."""
    seen: Platform | None = None
    """What was shown then."""

    @property
    def forcible(self) -> bool:
        """Would force save it?"""
        match self.refused:
            case WouldFail() | Conflict():
                return True
            case Invalid(mistakes=found):
                return all(one.where in FORCIBLE for one in found)
        return False

    @property
    def listed(self) -> Sequence[str]:
        """What it would touch; empty: that is told at the fields."""
        return () if self.refused is None or isinstance(self.refused, Invalid) else problem_of(self.refused).listed

    @property
    def status(self) -> int:
        """Of the answer."""
        return status_of(self.refused)[0] if self.refused else 200


async def change(frame: Frame, rule: Rule, seen: int, *, force: bool = False) -> Tried:
    """Try to change settings."""
    name = frame.platform.name
    return await tried(frame, frame.door.app.platforms.change(frame.by, name, rule, seen=seen, force=force), seen)


async def tried(frame: Frame, doing: Awaitable[Platform], seen: int) -> Tried:
    """What becomes of a change that is under way."""
    platforms, by, name = frame.door.app.platforms, frame.by, frame.platform.name
    try:
        return Tried(await doing)
    except Stale as error:
        newer = await platforms.history(by, name, None, SINCE)
        since = [past for past in newer if past.edition.platform.config.version > seen]
        shown = await platforms.history(by, name, seen + 1, 1)
        return Tried(await platforms.get(by, name), error, since, shown[0].edition.platform if shown else None)
    except (Invalid, WouldFail, Conflict) as error:
        return Tried(await platforms.get(by, name), error)


def part(frame: Frame, tab: str, now: Tried, **values: Any) -> Response:
    """A tab as it is after a change."""
    return frame.part(f"_config_{tab}.html", now.status, **{**_around(frame, now), **values})


def page(frame: Frame, tab: str, **values: Any) -> Response:
    """A tab as a page."""
    now = Tried(frame.platform)
    return frame.page("config.html", tabs=TABS, tab=tab, part=f"_config_{tab}.html", **_around(frame, now), **values)


def beside(refused: PrerollError | None) -> dict[str, str]:
    """What is told beside a field, by the key of its setting."""
    found = refused.mistakes if isinstance(refused, Invalid) else ()
    return {one.where: f"{one.what}; expected: {one.expected}" for one in found}


def _around(frame: Frame, now: Tried) -> dict[str, Any]:
    return {
        "platform": now.platform, "revision": now.platform.config.version, "tried": now, "refused": now.refused,
        "beside": beside(now.refused), "changes": frame.may("config.change"),
    }  # fmt: skip
