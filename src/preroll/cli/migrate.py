# SPDX-License-Identifier: Apache-2.0
"""``preroll migrate``: bring the database to this program's schema."""

from __future__ import annotations

from preroll.cli.options import Config, Data, Database, group

app = group("Bring the database to this program's schema.")


@app.command(no_args_is_help=False)
def migrate(data: Data = None, database: Database = None, config: Config = None) -> None:
    """Bring the database to this program's schema; the server does it too when it starts."""
    import typer

    from preroll.cli.local import settings_of
    from preroll.store import migrate as bring_up

    with settings_of(config, data=data, database=database) as settings:
        settings.data.mkdir(parents=True, exist_ok=True)
        bring_up(settings.database_url)
        typer.echo("the database is up to date")
