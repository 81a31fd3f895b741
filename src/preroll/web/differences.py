# SPDX-License-Identifier: Apache-2.0
"""What differs between two versions of a platform's settings, in the words of the tabs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from preroll.domain.config import Differing
from preroll.domain.lengths import length_said
from preroll.domain.service import Stage
from preroll.domain.window import SECOND
from preroll.web.config_settings import SETTINGS, YES, Kind, in_words
from preroll.web.services_draft import STAGES


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs."""

    name: str
    before: str
    after: str


def told(found: Iterable[Differing]) -> list[Difference]:
    """Each of them."""
    return [_told(one) for one in found]


def _told(one: Differing) -> Difference:
    section, _, rest = one.key.rpartition(".") if one.key not in SETTINGS else (one.key, "", "")
    match section:
        case "service_states.mapping":
            return _worded(STAGES[Stage(rest)][0], one, {"null": "disabled"})
        case "service_states.transitions":
            return _worded(rest.replace("->", "→"), one, {"yes": "allowed", "": "not allowed"})
        case "service_states.states":
            return _worded(f"State {rest}", one, {"yes": "there", "": "not there"})
        case "lifecycle_colors.light" | "lifecycle_colors.dark":
            return _worded(f"Color of {rest}, {section.rpartition('.')[2]}", one, {"": "as shipped"})
    known = SETTINGS.get(one.key)
    if known is None:
        return Difference(one.key, one.before or "nothing", one.after or "nothing")
    words = []
    for text in (one.before, one.after):
        if known.kind is Kind.LENGTH and text not in ("", "null"):
            words.append(length_said(round(float(text) * SECOND)))
        elif known.kind is Kind.SWITCH:
            words.append(in_words(known, YES if text == "True" else ""))
        else:
            words.append(in_words(known, "" if text == "null" else text))
    return Difference(known.label, *words)


def _worded(name: str, one: Differing, words: dict[str, str]) -> Difference:
    return Difference(name, words.get(one.before, one.before), words.get(one.after, one.after))
