# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Server = Annotated[str, typer.Option("--server", envvar="PREROLL_SERVER", help="address of the server", metavar="URL")]
SERVER = "http://127.0.0.1:8484"
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Platform = Annotated[str, typer.Option("--platform", help="name of the platform", metavar="NAME")]
Config = Annotated[
    Path | None, typer.Option("--config", envvar="PREROLL_CONFIG", help="settings file (TOML)", metavar="FILE")
]
Data = Annotated[Path | None, typer.Option("--data", help="folder of database and scripts", metavar="DIR")]
Database = Annotated[
    str | None, typer.Option("--database", help="sqlite:///FILE or postgresql://USER@HOST/NAME", metavar="URL")
]
ScriptsFolder = Annotated[Path | None, typer.Option("--scripts", help="folder of scripts", metavar="DIR")]


def group(about: str) -> typer.Typer:
    """A group of commands, or one command, that prints plain help."""
    return typer.Typer(
        help=about, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
    )
