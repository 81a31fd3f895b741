# SPDX-License-Identifier: Apache-2.0
"""``preroll serve``: the server, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Annotated

import typer

from preroll.cli.options import Config, Data, Database, ScriptsFolder, group

app = group("Run the server: REST API and engine.")


@app.command(no_args_is_help=False)
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on; default: 127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on; default: 8484")] = None,
    data: Data = None,
    database: Database = None,
    scripts: ScriptsFolder = None,
    config: Config = None,
) -> None:
    """Run the server: REST API and engine in one process. Every setting is also a variable: PREROLL_PORT and so on."""
    from preroll import bootstrap
    from preroll.cli.local import settings_of

    with settings_of(config, host=host, port=port, data=data, database=database, scripts=scripts) as settings:
        bootstrap.serve(settings)
