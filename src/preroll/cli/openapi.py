# SPDX-License-Identifier: Apache-2.0
"""``preroll openapi``: the description of the REST API, as it is checked in at docs/reference/openapi.json."""

from __future__ import annotations

from preroll.cli.options import group

app = group("Print the description of the REST API.")


@app.command(no_args_is_help=False)
def openapi() -> None:
    """Print the description of the REST API (OpenAPI 3.1, JSON)."""
    import typer

    typer.echo(printed(), nl=False)


def printed() -> str:
    """The description as text."""
    import json

    from preroll.api import contract

    return json.dumps(contract(), indent=1, ensure_ascii=False) + "\n"
