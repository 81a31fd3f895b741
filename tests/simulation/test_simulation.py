# SPDX-License-Identifier: Apache-2.0
"""The first simulation: a few seeds, the same seed twice, and the proof that a broken rule is found."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from preroll.simulation import simulate
from preroll.simulation.__main__ import main
from preroll.simulation.checks import Violation
from preroll.simulation.play import Outcome, Pulse
from preroll.simulation.story import Story
from tests.simulation.mutants import MUTANTS, Mutant

DAYS = 0.08
BUSY = Pulse(people=45.0, faults=600.0, crashes=200.0)


@pytest.mark.parametrize("seed", range(101, 107))
def test_every_rule_holds(seed):
    outcome = simulate(seed, DAYS)
    assert outcome.violation is None, outcome.report()
    assert outcome.story.counts["settle"] > 10


def test_a_seed_plays_the_same_days_again():
    first, second, other = simulate(5, 0.03), simulate(5, 0.03), simulate(6, 0.03)
    assert first.story.digest == second.story.digest
    assert first.story.digest != other.story.digest


def test_it_plays_the_same_in_another_process():
    """Where sets have another order."""
    program = "from preroll.simulation import simulate; print('digest', simulate(5, 0.03).story.digest)"
    digests = {
        next(
            line
            for line in subprocess.run(
                [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True, text=True, check=True,
            ).stdout.splitlines()
            if line.startswith("digest")
        )
        for seed in ("1", "2")
    }  # fmt: skip
    assert digests == {f"digest {simulate(5, 0.03).story.digest}"}


@pytest.mark.parametrize(("mutant", "rule"), MUTANTS.items(), ids=lambda part: getattr(part, "__name__", "rule"))
def test_what_is_wrong_is_found(mutant, rule):
    violation = simulate(1, 0.25, pulse=BUSY, wrap=mutant).violation
    assert violation is not None
    assert violation.rule == rule


def test_a_journal_that_passes_everything_on_is_not_at_fault():
    outcome = simulate(1, 0.03, pulse=BUSY, wrap=Mutant)
    assert outcome.violation is None, outcome.report()


def test_the_command_prints_the_seed_and_the_verdict(capsys):
    assert main(["--seed", "5", "--days", "0.02"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("seed 5, 0.02 days, ")
    assert "every rule held" in printed


def test_a_broken_rule_is_told_with_the_story_that_led_to_it():
    story = Story(lambda: 0)
    story.tell("people", "confirm a", "a")
    story.tell("people", "confirm b", "b")
    story.tell("kill", "engine-1")
    report = Outcome(7, 2.0, Violation("one owner at a time per device", "a and b on enc-1", "a"), story, 2).report()
    assert "BROKEN one owner at a time per device: a and b on enc-1" in report
    assert "confirm a" in report
    assert "confirm b" not in report
    assert "kill      engine-1" in report
    assert report.endswith("play it again: python -m preroll.simulation --seed 7 --days 2")
