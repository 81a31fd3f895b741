# SPDX-License-Identifier: Apache-2.0
"""``preroll states``: every state machine, as a table, a diagram or JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from preroll.cli.options import AsJson, group

app = group("Print every state machine.")


@app.command(no_args_is_help=False)
def states(
    as_json: AsJson = False,  # noqa: FBT002
    mermaid: Annotated[bool, typer.Option("--mermaid", help="print diagrams (Mermaid)")] = False,  # noqa: FBT002
) -> None:
    """Print every state machine: what the tables do not list cannot happen."""
    from preroll.domain.machines import ALL_MACHINES
    from preroll.formats import machines

    if as_json:
        from preroll.cli import output

        output.as_json(machines.as_document())
    elif mermaid:
        typer.echo("\n".join(machines.as_mermaid(machine) for machine in ALL_MACHINES))
    else:
        typer.echo(machines.as_text(), nl=False)
