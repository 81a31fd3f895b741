# SPDX-License-Identifier: Apache-2.0
"""The settings of the tab *General*: one table of what each is and how it is written, and what reads a form by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from preroll.domain.config import Ordering, Platform, setting, with_setting
from preroll.domain.errors import Invalid, Mistake
from preroll.domain.lengths import length_said, microseconds_of

YES = "yes"
A_LENGTH = "a length such as 90s, 10m, 1h30m or 2d"
SHIPPED = Platform("")
"""A platform as nobody has changed it."""


class Kind(StrEnum):
    """How a setting is written."""

    LENGTH = "length"
    COUNT = "count"
    TEXT = "text"
    SWITCH = "switch"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of SECTIONS."""

    key: str
    """In dotted words, as the API and the command line say it."""
    label: str
    about: str
    kind: Kind = Kind.LENGTH
    empty: str = ""
    """What an empty field means; without it a length may not be empty."""
    choices: Mapping[str, str] | None = None
    """Value -> what it says."""


# fmt: off
SECTIONS: Sequence[tuple[str, Sequence[Setting]]] = (
    ("Platform", (
        Setting("zone", "Time zone", "The station's: times on every page are told in it.", Kind.TEXT),
        Setting("paused", "Paused", "Nothing begins: what is due waits until this is off again. What runs goes on to its end.", Kind.SWITCH),
        Setting("lock_bookings", "Lock bookings", "Whoever makes a booking owns it, and only its owner may change it.", Kind.SWITCH),
    )),
    ("When orchestration fails", (
        Setting("start_failure_script", "Booking Start Failure Script", "Runs when the orchestration of a booking cannot be started; it can send a report, for instance.", Kind.TEXT, "no script"),
        Setting("start_failure_on_failed_events", "Also for failed events", "Run it on Failed Service X and Failed Completed too, not on Failed alone.", Kind.SWITCH),
    )),
    ("Defaults of a booking", (
        Setting("defaults.start_delay", "Start delay", "From now to the first event of a booking that is given no start."),
        Setting("defaults.duration", "Duration", "On the air, where no end is given.", empty="without end"),
        Setting("defaults.pre_roll", "Pre-roll", "Before the booking is on the air."),
        Setting("defaults.post_roll", "Post-roll", "After it was on the air."),
        Setting("defaults.definition", "Service definition", "What screens propose to book.", Kind.TEXT, "none"),
    )),
    ("While bookings run, and after", (
        Setting("rescheduling_delay", "Rescheduling delay", "From an operator's word (start now, finish) to what it brings about."),
        Setting("shrink_post_roll", "Shrink post-roll", "A booking ends once what it does in post-roll has succeeded; one that somebody finished always does.", Kind.SWITCH),
        Setting("retention", "Retention", "How long a booking that has ended is kept, with its runs, its log and its changes.", empty="for ever"),
    )),
    ("Service orders", (
        Setting("approve_orders", "Approve orders", "An order is deployed only when somebody other than who ordered it has approved it.", Kind.SWITCH),
        Setting("strict_plans", "Strict plans", "An order whose plan is not the one that was checked waits until somebody approves the new one.", Kind.SWITCH),
        Setting("limits.operator", "Wait for an operator", "When nothing tells whether a device has the old or the new.", empty="not at all: the order fails"),
        Setting("service_audits.every", "Audit services every", "So long after the audit before; a definition may say otherwise.", empty="not by interval"),
        Setting("service_audits.weekly", "Audit services at", "By the week: daily 03:00, or mon,thu 03:00; sat 12:30.", Kind.TEXT, "not by a calendar"),
    )),
    ("Choosing resources", (
        Setting("ordering", "Order", "How the resources that can be chosen are sorted.", Kind.CHOICE, choices={
            Ordering.PRIORITY: "lower priority first, then by name", Ordering.NAME: "by name", Ordering.LEFT: "most of a capacity left first"}),
        Setting("guard", "Guard interval", "Resources that are free for so long before and after as well come first."),
    )),
    ("Time-outs and limits", (
        Setting("limits.lso", "LSO script", "It is cancelled after this."),
        Setting("limits.step", "Step of a script", "One configuration of one resource."),
        Setting("limits.created", "Created booking action", "Of one node, before a booking is confirmed."),
        Setting("limits.start_failure", "Start failure script", "It is cancelled after this."),
        Setting("limits.attempts", "Attempts", "How often a step is tried.", Kind.COUNT),
        Setting("limits.backoff", "Pause before the second attempt", "It doubles with each further one."),
        Setting("limits.grace", "Grace", "How long a cancelled script may tidy up before its host is ended."),
        Setting("limits.simultaneous_lso", "LSO scripts at once", "More than this wait; what takes down goes first.", Kind.COUNT),
        Setting("limits.late", "Late limit", "A booking whose first event is later than this becomes Failed.", empty="no limit"),
        Setting("limits.near_air", "Warn before the first event", "Of a booking that is not confirmed so long before it.", empty="no warning"),
    )),
)
# fmt: on
SETTINGS: Mapping[str, Setting] = {one.key: one for _, section in SECTIONS for one in section}


@dataclass(frozen=True, slots=True)
class SettingShown:
    """A setting with what is set."""

    setting: Setting
    value: str
    shipped: str
    own: bool
    """Does it differ from what is shipped?"""
    meanwhile: str = ""
    """What somebody else has made of it while this one was typed."""
    proposals: Sequence[str] = ()


def text_of(one: Setting, platform: Platform) -> str:
    """A setting as its field shows it."""
    value = setting(platform, one.key)
    match one.kind:
        case Kind.LENGTH:
            return "" if value is None else length_said(value)
        case Kind.SWITCH:
            return YES if value else ""
        case _:
            return str(value)


def in_words(one: Setting, text: str) -> str:
    """What a field says, for people."""
    match one.kind:
        case Kind.SWITCH:
            return "on" if text else "off"
        case Kind.CHOICE:
            return (one.choices or {}).get(text, text)
        case _:
            return text or one.empty or "nothing"


def changed(platform: Platform, typed: Mapping[str, str]) -> Platform:
    """The platform with what a form says; what it does not mention stays.

    Raises:
        Invalid: each field that cannot be read.
    """
    mistakes = []
    for key, text in typed.items():
        value = _read(SETTINGS[key], text.strip())
        if isinstance(value, Mistake):
            mistakes.append(value)
        else:
            platform = with_setting(platform, key, value)
    if mistakes:
        raise Invalid(mistakes)
    return platform


def _read(one: Setting, text: str) -> object:
    """What a field says, or what is wrong with it."""
    if not text.isprintable():
        return Mistake(one.key, "has a character that cannot be shown", "printable text")
    match one.kind:
        case Kind.SWITCH:
            return bool(text)
        case Kind.COUNT:
            return int(text) if text.isdecimal() and len(text) < 10 else Mistake(one.key, f"is {text!r}", "a number")
        case Kind.CHOICE:
            known = one.choices or {}
            return Ordering(text) if text in known else Mistake(one.key, f"is {text!r}", ", ".join(known))
        case Kind.TEXT:
            return text
    if not text and one.empty:
        return None
    found = microseconds_of("".join(text.split()).replace("min", "m"))
    return Mistake(one.key, f"is {text!r}", A_LENGTH) if found is None else found


def mine(seen: Platform, typed: Mapping[str, str]) -> dict[str, str]:
    """What somebody typed that differs from what was shown."""
    return {key: text for key, text in typed.items() if text.strip() != text_of(SETTINGS[key], seen)}


def shown(
    platform: Platform, typed: Mapping[str, str], seen: Platform | None, proposals: Mapping[str, Sequence[str]]
) -> list[tuple[str, list[SettingShown]]]:
    """Every setting by its section.

    Args:
        typed: what fields say that are not saved.
        seen: what was shown when they were typed; None: the same.
        proposals: setting -> what can be chosen.
    """
    return [
        (name, [_shown(one, platform, typed, seen, proposals.get(one.key, ())) for one in section])
        for name, section in SECTIONS
    ]


def _shown(
    one: Setting, platform: Platform, typed: Mapping[str, str], seen: Platform | None, proposals: Sequence[str]
) -> SettingShown:
    now, shipped = text_of(one, platform), text_of(one, SHIPPED)
    before = now if seen is None else text_of(one, seen)
    meanwhile = in_words(one, now) if one.key in typed and before != now else ""
    return SettingShown(one, typed.get(one.key, now), in_words(one, shipped), now != shipped, meanwhile, proposals)
