# SPDX-License-Identifier: Apache-2.0
"""How a life cycle state looks in a terminal: never colour alone, but fill, glyph and text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """Glyph and fill of a state, and whether its name is struck through."""

    glyph: str
    fill: str
    struck: bool = False

    @property
    def style(self) -> str:
        """As Rich takes it; the text is black or white, whichever stands out more from the fill."""
        text = "black" if contrast(self.fill, "#000000") >= contrast(self.fill, "#ffffff") else "bright_white"
        return f"{text} on {self.fill}" + (" strike" if self.struck else "")


# fmt: off
LOOKS = {
    # state                        glyph  fill
    "Partial":                  Look("◌", "#3b4757"),
    "Confirmed":                Look("◆", "#5f97f7"),
    "Pre-roll":                 Look("▸", "#9bd8fb"),
    "Service Active":           Look("▶", "#2fbf8f"),
    "Post-roll":                Look("◂", "#7a4fd0"),
    "Completed":                Look("✓", "#6a7686"),
    "Canceled":                 Look("⊘", "#252e3a", struck=True),
    "Failed":                   Look("✕", "#e0455f"),
    "On-Hold":                  Look("‖", "#f5d458"),
    "Quarantined":              Look("⚠", "#f39a4a"),
    "Failed Service Pre-Roll":  Look("✕▸", "#ec6f93"),
    "Failed Service Active":    Look("✕▶", "#f4546b"),
    "Failed Service Post-Roll": Look("✕◂", "#dd6bb4"),
    "Failed Completed":         Look("✕✓", "#b9506f"),
}
ORDERS = {
    "Requested":                LOOKS["Partial"],
    "Scheduled":                LOOKS["Confirmed"],
    "In Progress":              LOOKS["Pre-roll"],
    "Failed Deploy":            LOOKS["Failed"],
    "Invalid":                  LOOKS["Quarantined"],
}
# fmt: on
UNKNOWN = Look("·", "#6a7686")


def look(state: str) -> Look:
    """How a state looks; one that a newer server knows looks neutral."""
    return LOOKS.get(state) or ORDERS.get(state, UNKNOWN)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
