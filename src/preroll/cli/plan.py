# SPDX-License-Identifier: Apache-2.0
"""``preroll plan``: what a bundle would change. Nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    from preroll.cli import bundles

    parser = Parser(name, plan)
    bundles.takes_sources(parser)
    parser.asks_server()
    return parser


def plan(sources: Sequence[Path], platform: str | None, server: str, *, prune: bool, as_json: bool) -> None:
    """Show what a bundle would add, change and remove. Exit code 0: nothing; 11: something; 3: it is refused."""
    from preroll.cli import bundles, output
    from preroll.cli.connect import connected
    from preroll.cli.exits import OK, REFUSED, TO_DO

    gathered = bundles.gathered(sources, platform)
    with connected(server) as client:
        found = bundles.planned(client, gathered, prune=prune)
    if as_json:
        output.as_json(found)
    else:
        bundles.show(found)
    sys.stdout.flush()
    refused = found.losing or any(step.users for step in found.steps)
    sys.exit(REFUSED if refused else TO_DO if found.steps else OK)
