# SPDX-License-Identifier: Apache-2.0
"""``preroll apply``: a bundle of YAML files into the catalogue, in one transaction or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    from preroll.cli import bundles

    parser = Parser(name, apply)
    bundles.takes_sources(parser)
    parser.add_argument("--force", action="store_true", help="bookings that then have too little are quarantined")
    parser.asks_server()
    return parser


def apply(
    sources: Sequence[Path], platform: str | None, server: str, *, prune: bool, force: bool, as_json: bool
) -> None:
    """Show what the bundle changes, then store it, all or nothing; a mistake is told with file, line and column."""
    from preroll.cli import bundles, output
    from preroll.cli.connect import connected
    from preroll.client import calls

    gathered = bundles.gathered(sources, platform)
    with connected(server) as client:
        plan = bundles.planned(client, gathered, prune=prune)
        if not as_json:
            bundles.show(plan)
        with bundles.told_with_places(gathered):
            call = calls.apply(
                gathered.contents, platform=plan.platform, prune=prune, version=plan.version, force=force
            )
            applied = client.send(call).items
    if as_json:
        output.as_json(applied)
