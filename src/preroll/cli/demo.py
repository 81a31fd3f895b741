# SPDX-License-Identifier: Apache-2.0
"""``preroll demo``: a small world that books itself."""

from __future__ import annotations

import sys

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, demo)
    parser.add_argument("--keep", action="store_true", help="leave server and devices running, and say where")
    return parser


def demo(*, keep: bool) -> None:
    """Book a contribution, break an encoder, kill the engine twice, and show that nothing was repeated or lost."""
    from preroll.demo.story import main

    sys.exit(main(keep=keep))
