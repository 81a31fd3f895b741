# SPDX-License-Identifier: Apache-2.0
"""Lengths of time as people write them: ``90s``, ``5m``, ``1h30m``, ``2d``, or ISO 8601 without months and years."""

from __future__ import annotations

import re

from preroll.domain.window import DAY, HOUR, MINUTE, SECOND

_ISO = re.compile(r"P(?=.)(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(S))?)?", re.ASCII)
_LENGTH = re.compile(r"(?=\d)(?:(\d{1,4})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,9})(s?))?", re.ASCII)
_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND))


def seconds_of(text: str, *, bare: bool = True) -> int | None:
    """A length in seconds; None: it is none.

    Args:
        bare: may a number stand without its unit, for seconds?
    """
    found = _LENGTH.fullmatch(text) or _ISO.fullmatch(text)
    if found is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups()[:4])
    if rest and not found[5] and not bare:
        return None
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def microseconds_of(text: str, *, bare: bool = True) -> int | None:
    """A length in microseconds, with parts of a second after a point: ``0.5s``; None: it is none.

    Args:
        bare: as ``seconds_of`` has it.
    """
    plain, point, parts = text.removesuffix("s").partition(".")
    if point and not (parts.isdecimal() and parts.isascii() and len(parts) <= 6 and (bare or text.endswith("s"))):
        return None
    whole = seconds_of(f"{plain}s" if point else text, bare=bare)
    return None if whole is None else whole * SECOND + int(parts.ljust(6, "0") if point else 0)


def length_said(us: int) -> str:
    """A length in the words that are read here: ``1h30m``, ``0s``, ``0.5s``."""
    parts = []
    for unit, size in _UNITS[:-1]:
        count, us = divmod(us, size)
        if count:
            parts.append(f"{count}{unit}")
    if us:
        parts.append(f"{us / SECOND:.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts) or "0s"
