# SPDX-License-Identifier: Apache-2.0
"""``preroll demo``: a small world that books itself."""

from __future__ import annotations

import sys
from pathlib import Path

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, demo)
    option = parser.add_argument
    option("--keep", action="store_true", help="leave server and devices running until Ctrl-C, and say where")
    option("--dir", dest="directory", metavar="DIR", type=Path, help="where it writes; default: a folder of its own")
    option("--only", choices=["media", "circuit"], help="one half of it: no network devices, or no FFmpeg")
    option("--plain", action="store_true", help="lines instead of a live table")
    parser.prints_json()
    return parser


def demo(directory: Path | None, *, only: str | None, keep: bool, plain: bool, as_json: bool) -> None:
    """Book a contribution and a circuit, break devices, kill the engine twice, and show that nothing was lost."""
    from preroll.demo.cast import BOTH, Half
    from preroll.demo.performance import Options, main

    halves = frozenset({Half(only)}) if only else BOTH
    sys.exit(main(Options(halves, directory, keep=keep, plain=plain, json=as_json)))
