# SPDX-License-Identifier: Apache-2.0
"""Templates: everything that is put into one is escaped, and times are told in the zone of the platform."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from preroll import __version__
from preroll.domain.booking import State
from preroll.domain.colors import SHIPPED, Pattern
from preroll.domain.lengths import length_said
from preroll.domain.window import SECOND
from preroll.web import palette
from preroll.web.differences import told
from preroll.web.files import FOLDER, shipped
from preroll.web.states_shown import ALIKE, slug

HERE = Path(__file__).parent
ICON = (FOLDER / "icon.svg").read_text(encoding="utf-8").strip()
"""It stands in the page: so small a thing is not worth a request."""
PATTERNS = {
    Pattern.PLAIN: "plain", Pattern.DASHED: "dashed", Pattern.STRUCK: "struck", Pattern.RISING: "rising",
    Pattern.FALLING: "falling",
}  # fmt: skip


def glyph(state: str) -> str:
    """The sign of a state."""
    return SHIPPED[ALIKE[state]].glyph


def pattern(state: str) -> str:
    """What is drawn over the colour of a state, as the name of a class."""
    return PATTERNS[SHIPPED[ALIKE[state]].pattern]


@cache
def chip(state: str) -> Markup:
    """A state with its colour, pattern, sign and name: one of a few, in every row of every list."""
    html = '<span class="chip state-{} pattern-{}"><span aria-hidden="true">{}</span>{}</span>'
    return Markup(html).format(slug(state), pattern(state), glyph(state), state)  # noqa: S704 - format escapes


def local(us: int, zone: str) -> datetime:
    """An instant, in a zone."""
    return datetime.fromtimestamp(us // SECOND, ZoneInfo(zone))


@lru_cache(4096)
def _told(second: int, zone: str) -> str:
    return f"{local(second * SECOND, zone):%a %d %b %Y %H:%M:%S}"


def moment(us: int | None, zone: str) -> str:
    """An instant as a page tells it in full; None: never."""
    return "without end" if us is None else _told(us // SECOND, zone)


@pass_context
def _moment(context: Context, us: int | None) -> str:
    return moment(us, context["zone"])


def short(us: int | None, zone: str) -> str:
    """An instant as a page tells it in few words; None: never."""
    return "without end" if us is None else f"{local(us, zone):%d %b %H:%M}"


@pass_context
def _short(context: Context, us: int | None) -> str:
    return short(us, context["zone"])


@pass_context
def _clock(context: Context, us: int | None) -> str:
    return "" if us is None else f"{local(us, context['zone']):%H:%M:%S}"


def _iso(us: int) -> str:
    return datetime.fromtimestamp(us // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _evidence(found: Mapping[str, object]) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False, default=str)


def _value(found: object) -> str:
    """A value of a device, as its driver knows it."""
    if found is None:
        return "nothing"
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)


def _static() -> str:
    """Where the files of a page are."""
    return shipped().address


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "slug": slug, "glyph": glyph, "pattern": pattern, "chip": chip, "moment": _moment,
        "short": _short, "clock": _clock,
        "palette": palette.name_of, "iso": _iso, "lasting": length_said, "differences": told,
        "evidence": _evidence, "value": _value,
    }  # fmt: skip
    made.globals |= {"version": __version__, "states": tuple(State), "static": _static, "icon": quote(ICON)}
    return made


ENVIRONMENT = _environment()


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template, filled. Times need the value ``zone``."""
    return ENVIRONMENT.get_template(template).render(values)
