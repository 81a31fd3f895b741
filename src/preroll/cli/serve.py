# SPDX-License-Identifier: Apache-2.0
"""``preroll serve``: the server, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from preroll.cli.parser import Parser


def define(name: str) -> Parser:
    """What it takes."""
    parser = Parser(name, serve)
    parser.reads_settings(
        "host", "port", "data", "database", "scripts", "worker", "labels", "drain", "carrier", "temporal", "engine"
    )
    return parser


def serve(config: Path | None, **given: Any) -> None:
    """Run the server: REST API and, unless told not to, engine. Every setting is also a variable: PREROLL_PORT ..."""
    from preroll import bootstrap
    from preroll.cli.local import settings_of

    with settings_of(config, **given) as settings:
        bootstrap.serve(settings)
