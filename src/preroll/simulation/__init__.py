# SPDX-License-Identifier: Apache-2.0
"""The simulation: a seeded world that books, breaks and is killed, in virtual time, under rules that must always hold.

``python -m preroll.simulation --seed 7 --days 3`` plays three days of world 7; the same seed plays the same days.
"""

from preroll.simulation.checks import Checker, Violation
from preroll.simulation.play import Outcome, play, simulate
from preroll.simulation.story import Story

__all__ = ["Checker", "Outcome", "Story", "Violation", "play", "simulate"]
