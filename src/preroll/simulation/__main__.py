# SPDX-License-Identifier: Apache-2.0
"""``python -m preroll.simulation``: play worlds until a rule breaks; exit 1 when one does."""

from __future__ import annotations

import argparse
import logging
import sys
import time

import structlog

from preroll.simulation.play import simulate


def main(arguments: list[str] | None = None) -> int:
    """Play, print the verdict of each seed, and say how to play the broken one again."""
    parser = argparse.ArgumentParser(prog="python -m preroll.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other (default 1)")
    parser.add_argument("--days", type=float, default=1.0, help="virtual days that each is played (default 1)")
    parser.add_argument("--verbose", action="store_true", help="the engine's own log too")
    asked = parser.parse_args(arguments)
    if not asked.verbose:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for seed in range(asked.seed, asked.seed + asked.seeds):
        began = time.monotonic()
        outcome = simulate(seed, asked.days)
        print(f"{outcome.report()} ({time.monotonic() - began:.1f} s)", flush=True)  # noqa: T201
        if outcome.violation is not None:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
