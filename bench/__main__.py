# SPDX-License-Identifier: Apache-2.0
"""``python -m bench [--quick] [NAME...]``: take the measures, print a line for each figure, keep them in results.json.

A name is a measure, such as ``burst``; all its figures are taken.
"""

from __future__ import annotations

import argparse
import sys

from bench import figures
from bench.measures import MEASURES


def main() -> int:
    """Returns 1 when a figure falls short."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Preroll beside references.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"measures: {', '.join(MEASURES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller numbers; figures are rough")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(MEASURES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    found: list[figures.Figure] = []
    for name in asked.names or MEASURES:
        for figure in MEASURES[name](quick=asked.quick):
            found.append(figures.with_command(figure, name))
            print(figure, flush=True)
    figures.keep(found, quick=asked.quick)
    return int(any(figure.held is False for figure in found))


if __name__ == "__main__":
    sys.exit(main())
